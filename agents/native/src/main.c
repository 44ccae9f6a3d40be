#include "agent.h"
#include "error.h"
#include "stop.h"

int main(int argc, char **argv) {
    stop_install();
    crash_handler_install();
    return agent_main(argc, argv);
}
