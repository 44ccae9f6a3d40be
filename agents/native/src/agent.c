#include "agent.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "help.h"
#include "litert.h"
#include "options.h"
#include "passes.h"
#include "progress.h"
#include "sha256.h"
#include "stop.h"
#include "text.h"
#include "version.h"

const char *agent_file = "/proc/self/exe";

static int say(struct bytes *line) {
    if (line->failed) fail_memory("a line");
    progress_line((const char *)line->data, line->size);
    bytes_free(line);
    return stop_requested() ? 128 + stop_requested() : 0;
}

static int hash_files(int argc, char **argv) {
    if (argc == 0) fail(ERROR_BAD_USAGE, "hash", "no files");
    int status = 0;
    for (int i = 0; i < argc && status == 0; i++) {
        uint8_t digest[SHA256_SIZE];
        int error = sha256_file(argv[i], digest);
        if (error) fail(ERROR_FILE_UNREADABLE, argv[i], "the file cannot be read: %s", strerror(error));
        struct bytes line = {0};
        text_hex(&line, digest, sizeof digest);
        text_raw(&line, "  ");
        text_raw(&line, argv[i]);
        bytes_u8(&line, '\n');
        status = say(&line);
    }
    return status;
}

static void json_bool(struct bytes *line, const char *key, bool value) {
    text_raw(line, key);
    text_raw(line, value ? "true" : "false");
}

static int probe_runtime(int argc, char **argv) {
    if (argc != 2 || strcmp(argv[0], "--runtime") != 0) fail(ERROR_BAD_USAGE, "probe", "takes --runtime LIB");
    struct litert rt;
    struct litert_probe probe;
    litert_bind(&rt, argv[1], &probe);
    struct bytes line = {0};
    text_raw(&line, "{\"probe\":{\"agent_version\":\"" EXRAY_AGENT_VERSION "\",\"abi\":\"" EXRAY_ABI "\",\"runtime\":");
    text_json(&line, argv[1]);
    json_bool(&line, ",\"loadable\":", rt.library != NULL);
    json_bool(&line, ",\"too_old\":", probe.too_old);
    text_raw(&line, ",\"symbols\":");
    text_number(&line, rt.library ? LITERT_FUNCTION_COUNT - probe.missing_count : 0);
    text_raw(&line, ",\"missing\":[");
    for (size_t i = 0; i < probe.missing_count; i++) {
        if (i) text_raw(&line, ",");
        text_json(&line, probe.missing[i]);
    }
    text_raw(&line, "],\"error\":");
    text_json(&line, probe.error);
    text_raw(&line, "}}\n");
    return say(&line);
}

// The clock of every time in a capture, for a host that reads figures of its own beside it.
static int tell_clock(int argc) {
    if (argc != 0) fail(ERROR_BAD_USAGE, "clock", "takes nothing");
    struct bytes line = {0};
    text_number(&line, monotonic_ns());
    bytes_u8(&line, '\n');
    return say(&line);
}

static int run(int argc, char **argv) {
    static struct options options;
    options_parse(&options, argc, argv);
    return passes_run(&options);
}

int agent_main(int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "run") == 0) return run(argc - 2, argv + 2);
    if (strcmp(command, "hash") == 0) return hash_files(argc - 2, argv + 2);
    if (strcmp(command, "probe") == 0) return probe_runtime(argc - 2, argv + 2);
    if (strcmp(command, "clock") == 0) return tell_clock(argc - 2);
    if (strcmp(command, "--help") == 0) {
        help_print(stdout);
        return 0;
    }
    usage_print(stderr);
    fail(ERROR_BAD_USAGE, command, "%s", command[0] ? "no such command" : "no command");
}
