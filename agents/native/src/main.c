#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "litert.h"
#include "options.h"
#include "passes.h"
#include "progress.h"
#include "sha256.h"
#include "stop.h"
#include "text.h"
#include "version.h"

static const char USAGE[] =
    "usage: exray-agent run --runtime LIB --model FILE --pass PASS --frames LIST --out FILE [OPTION VALUE]...\n"
    "       exray-agent hash FILE...\n"
    "       exray-agent probe --runtime LIB\n"
    "       exray-agent clock\n"
    "       exray-agent --help\n";

static const char HELP[] =
    "\n"
    "run plays frames to a model and writes a capture.\n"
    "  --runtime LIB        libLiteRt.so, 2.1.6 or newer\n"
    "  --model FILE         a .tflite\n"
    "  --pass PASS          latency: times, memory and outputs of the plain model\n"
    "                       profile: times of its operators, from the runtime's profiler\n"
    "                       layers: all tensors of an instrumented model, and times of its operators\n"
    "                       isolated: all outputs of a model whose every operator has inputs of its own\n"
    "  --frames LIST        lines FRAME<TAB>INPUT<TAB>KIND<TAB>PATH<TAB>NAME; KIND is rgb (a PPM), tensor (a file\n"
    "                       of the input's bytes) or tensor@OFFSET (they stand in it from byte OFFSET on)\n"
    "  --out FILE           the capture (MCAP)\n"
    "  --kernel K           delegate (default), builtin, reference\n"
    "  --accelerator A      cpu (default), gpu, npu: the whole model runs there, or none of it\n"
    "  --threads N          of the CPU, default 1\n"
    "  --cpu-mask HEX       the processors to run on, bit n is cpu n; default: as the system has it\n"
    "  --warmup N           invocations before the first that counts, default 5\n"
    "  --repetitions N      of every frame, default 1 (latency and profile)\n"
    "  --full-frames N      layers and isolated: statistics stand for the tensors of all frames but the first N\n"
    "  --byte-budget BYTES  the same from the frame on whose tensors would exceed so many bytes in all; 0: none\n"
    "  --lease TOKEN        a number; an agent of the same or an older lease is ended first, a newer one refuses this\n"
    "  --lock FILE          where leases leave their mark: one file a device, in a folder that stays\n"
    "  --deadline SECONDS   of the agent's own life\n"
    "  --tether T           none (default); stdin: it ends when stdin does. It ends with stdout's reader anyway\n"
    "  --sample-ms N        a thread logs power, clocks, heat, load, memory every N milliseconds; 0 (default): none\n"
    "  --sample-pss P       no (default); yes: also the proportional memory, which takes longer\n"
    "  --idle-ms N          of doing nothing before the warm-up, for the idle power; default 0\n"
    "  --label KEY=VALUE    goes into the capture as it is; may be repeated\n"
    "  --rotate D --crop F --resize M --channels C --mean a,b,c --std a,b,c\n"
    "                       what is done to images, in this order: 0|90|180|270 degrees counter-clockwise; the part\n"
    "                       of each side that is kept; bilinear (default), bilinear-half-pixel,\n"
    "                       bilinear-align-corners, bilinear-legacy, nearest, area; rgb|bgr; (x - mean) / std\n"
    "\n"
    "It ends with 0; 2, 3 or 5 and one JSON line on stderr when the job, the lab or the agent is at fault; or\n"
    "128 + the signal's number when it was told to stop: the capture then lacks only its end.\n";

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

int main(int argc, char **argv) {
    stop_install();
    crash_handler_install();
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "run") == 0) return run(argc - 2, argv + 2);
    if (strcmp(command, "hash") == 0) return hash_files(argc - 2, argv + 2);
    if (strcmp(command, "probe") == 0) return probe_runtime(argc - 2, argv + 2);
    if (strcmp(command, "clock") == 0) return tell_clock(argc - 2);
    if (strcmp(command, "--help") == 0) {
        fputs(USAGE, stdout);
        fputs(HELP, stdout);
        return 0;
    }
    fputs(USAGE, stderr);
    fail(ERROR_BAD_USAGE, command, "%s", command[0] ? "no such command" : "no command");
}
