// The agent's log: exray.proto's messages in an MCAP file. What cannot be written ends the process (storage-full, ...).
#ifndef EXRAY_CAPTURE_H
#define EXRAY_CAPTURE_H

#include "conditions.h"
#include "mcap.h"
#include "pass.h"
#include "recipe.h"
#include "session.h"
#include "sha256.h"
#include "statistics.h"

struct label {
    const char *key, *value;
};

struct capture_header {
    enum pass pass;
    uint8_t agent[SHA256_SIZE], model[SHA256_SIZE], runtime[SHA256_SIZE];
    const char *kernel;
    bool fully_accelerated;
    unsigned threads, warmup, repetitions;
    const struct preprocess *image;  // NULL when no input is an image
    const struct audio *audio;       // the same of clips
    const struct tokenize *text;     // and of texts
    uint8_t vocabulary[SHA256_SIZE];
    const struct label *labels;
    size_t label_count;
    const char *accelerator, *accelerator_used;
    uint64_t cpu_mask, cpu_mask_used;
    uint64_t byte_budget;
};

enum sample_phase { SAMPLE_IDLE = 1, SAMPLE_WARM_UP = 2, SAMPLE_FRAMES = 3, SAMPLE_OVER = 4 };  // exray.Sample.Phase

enum conditions_when { CONDITIONS_BEFORE = 1, CONDITIONS_AFTER = 2 };  // exray.Conditions.When

struct capture_frame {
    uint32_t index, repetition;
    const char *name;
    uint64_t start_ns, preprocess_ns, invoke_ns;
};

struct capture {
    struct mcap mcap;
    struct bytes message;  // scratch
    const char *path;
    uint64_t flushed_ns;
};

void capture_open(struct capture *capture, const char *path);
void capture_write_header(struct capture *capture, const struct capture_header *header);
void capture_write_spec(struct capture *capture, uint32_t id, const struct tensor *tensor);
void capture_write_tensor(struct capture *capture, uint32_t spec, uint32_t frame, const void *data, size_t size);
void capture_write_statistics(struct capture *capture, uint32_t spec, uint32_t frame,
                              const struct statistics *statistics);
void capture_write_conditions(struct capture *capture, enum conditions_when when,
                              const struct conditions *conditions);
void capture_write_frame(struct capture *capture, const struct capture_frame *frame);
void capture_write_ops(struct capture *capture, uint32_t frame, const LiteRtProfilerEvent *events, size_t n);
void capture_write_memory(struct capture *capture, uint32_t frame, uint64_t rss, uint64_t peak_rss);
// `data` is a serialized exray.Sample.
void capture_write_sample(struct capture *capture, const uint8_t *data, size_t size);
// The same of an exray.Sensor.
void capture_write_sensor(struct capture *capture, const uint8_t *data, size_t size);
void capture_write_end(struct capture *capture, uint32_t invocations);
// To be called between invocations: writes what has waited for two seconds, which is what a phone that dies may lose.
void capture_tick(struct capture *capture);
void capture_flush(struct capture *capture);
// Writes index and footer. Returns the file's size in bytes.
uint64_t capture_close(struct capture *capture);

#endif
