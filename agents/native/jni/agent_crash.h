// Crashes in a process of Java's, whose virtual machine needs SIGSEGV and others for itself.
#ifndef EXRAY_AGENT_CRASH_H
#define EXRAY_AGENT_CRASH_H

// From now on threads that the agent or its runtime began say so when they crash, as the program does. All others'
// signals go to who had them before. To be called on the agent's thread.
void agent_crash_install(void);

#endif
