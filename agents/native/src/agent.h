// The agent's commands, in a process of their own or in one of Java's (jni/agent_jni.c).
#ifndef EXRAY_AGENT_H
#define EXRAY_AGENT_H

// What this agent is, for a capture's header: the program, or the file that the library was loaded from.
extern const char *agent_file;

// As a program's main; what fails ends the process.
int agent_main(int argc, char **argv);

#endif
