#include "help.h"

static const char USAGE[] =
    "usage: exray-agent run --runtime LIB --model FILE --pass PASS --frames LIST --out FILE [OPTION VALUE]...\n"
    "       exray-agent hash FILE...\n"
    "       exray-agent probe --runtime LIB\n"
    "       exray-agent clock\n"
    "       exray-agent --help\n";

// In parts, since no string need be longer than 4095 bytes.
static const char RUN[] =
    "\n"
    "run plays frames to a model and writes a capture.\n"
    "  --runtime LIB        libLiteRt.so, 2.1.6 or newer\n"
    "  --model FILE         a .tflite\n"
    "  --pass PASS          latency: times, memory and outputs of the plain model\n"
    "                       profile: times of its operators, from the runtime's profiler\n"
    "                       layers: all tensors of an instrumented model, and times of its operators\n"
    "                       isolated: all outputs of a model whose every operator has inputs of its own\n"
    "  --frames LIST        lines FRAME<TAB>INPUT<TAB>KIND<TAB>PATH<TAB>NAME; KIND is rgb (a PPM), pcm (a WAV of\n"
    "                       16 bits), text (UTF-8), tensor (a file of the input's bytes) or tensor@OFFSET (they\n"
    "                       stand in it from byte OFFSET on)\n"
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
    "  --label KEY=VALUE    goes into the capture as it is; may be repeated\n";

static const char RECIPE[] =
    "\n"
    "What is done to images, in this order:\n"
    "  --rotate DEGREES     0 (default), 90, 180, 270, counter-clockwise\n"
    "  --crop FRACTION      of each side that is kept, default 1\n"
    "  --resize METHOD      bilinear (default), bilinear-half-pixel, bilinear-align-corners, bilinear-legacy,\n"
    "                       nearest, area\n"
    "  --fit F              stretch (default); letterbox: keeps the aspect\n"
    "  --pad VALUE          0 (default) to 255, around a letterboxed image\n"
    "  --channels C         rgb (default), bgr\n"
    "  --mean a,b,c --std a,b,c\n"
    "                       (x - mean) / std, by channel, default 0 and 1\n"
    "\n"
    "What is done to sound, in this order:\n"
    "  --channel C          mean (default), left, right\n"
    "  --sample-rate HZ     of the model, default 16000\n"
    "  --scale S            unit (default): divided by 32768; int16\n"
    "  --features F         waveform (default), log-mel, mfcc\n"
    "  --frame-length N --frame-step N --fft-length N\n"
    "                       samples, default 480, 320, 512\n"
    "  --window W           hann (default), hamming, rectangular\n"
    "  --spectrum S         magnitude (default), power\n"
    "  --mel-bins N --low-hz HZ --high-hz HZ\n"
    "                       default 40, 20, 4000\n"
    "  --log L              e (default), 10, db; --log-floor X is added before, default 1e-6\n"
    "  --coefficients N     of an MFCC, default 10\n"
    "  --audio-mean X --audio-std X\n"
    "                       (x - mean) / std, default 0 and 1\n"
    "\n"
    "What is done to text, in this order:\n"
    "  --lowercase L        yes (default), no: of ASCII letters\n"
    "  --tokenizer T        words (default), wordpiece\n"
    "  --vocabulary FILE    a token a line, or TOKEN ID; --unknown-id N stands for others, default 0\n"
    "  --start-id N --end-id N\n"
    "                       before and after the tokens, default none\n"
    "  --truncation END     tail (default), head: what is cut off\n"
    "  --padding SIDE       right (default), left; with --pad-id N, default 0\n"
    "  --text-inputs A,B    of each model input: ids (default), mask, segments\n";

static const char END[] =
    "\n"
    "It ends with 0; 2, 3 or 5 and one JSON line on stderr when the job, the lab or the agent is at fault; or\n"
    "128 + the signal's number when it was told to stop: the capture then lacks only its end.\n";

void usage_print(FILE *file) { fputs(USAGE, file); }

void help_print(FILE *file) {
    fputs(USAGE, file);
    fputs(RUN, file);
    fputs(RECIPE, file);
    fputs(END, file);
}
