// What the agent says of its command line.
#ifndef EXRAY_HELP_H
#define EXRAY_HELP_H

#include <stdio.h>

void usage_print(FILE *file);
void help_print(FILE *file);

#endif
