// A frame's sound, and what becomes of it under a recipe that the first byte chooses.
#include "audio.h"
#include "fuzz.h"

enum { VALUES = 64 };

static void parse(const char *path, void *how) {
    struct clip clip = {0};
    struct audio_processor processor = {0};
    int16_t out[VALUES];
    clip_read_wav(&clip, path);
    audio_process(&processor, how, &clip, VALUES, &(struct quantization){QUANTIZE_INT16, 1, 0}, out);
    audio_processor_free(&processor);
    clip_free(&clip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct audio how = {
        .sample_rate = data[0] & 1 ? 16000 : 2000,
        .channel = (enum audio_channel)(data[0] / 2u % 3u),
        .features = {.kind = (enum features_kind)(data[0] / 6u % 3u), .frame_length = 30, .frame_step = 7,
                     .fft_length = 32, .mel_bins = 8, .high_hz = 1000, .log_floor = 1e-6, .coefficients = 4},
        .std = 1,
    };
    fuzz_file(data + 1, size - 1, parse, &how);
    return 0;
}
