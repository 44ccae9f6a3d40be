// exray: what an app's inference pipeline was fed, computed and cost, as a capture that the farm reads.
//
//     exray_options options = {.size = sizeof options, .model = "model.tflite"};
//     exray_capture *x = exray_open("app.mcap", &options);
//     exray_frame f = exray_frame_start(x, "cat.jpg");
//     exray_inference_start(x, f);
//     ... invoke ...
//     exray_inference_stop(x, f);
//     exray_frame_stop(x, f);
//     exray_close(x, NULL);
//
// Any thread may log. Nothing here waits for the disk: records go through a bounded ring to a thread of its own, and
// what finds no room there is dropped, counted, and told in the capture. A capture that could not be opened is NULL;
// every function takes NULL and does nothing, so that an app runs on without its log.
#ifndef EXRAY_H
#define EXRAY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EXRAY_API __attribute__((visibility("default")))
#define EXRAY_MAX_RANK 8

typedef struct exray_capture exray_capture;
typedef uint32_t exray_frame;  // 0 is none

typedef enum exray_type {  // as DType of exray.proto
    EXRAY_BOOL = 1,
    EXRAY_INT8 = 3,
    EXRAY_INT16 = 4,
    EXRAY_INT32 = 5,
    EXRAY_INT64 = 6,
    EXRAY_UINT8 = 7,
    EXRAY_UINT16 = 8,
    EXRAY_UINT32 = 9,
    EXRAY_UINT64 = 10,
    EXRAY_FLOAT16 = 11,
    EXRAY_BFLOAT16 = 12,
    EXRAY_FLOAT32 = 13,
    EXRAY_FLOAT64 = 14
} exray_type;

// When elements and tensors of a frame are logged. Times and memory of every frame are, whatever this says.
typedef enum exray_sampling {
    EXRAY_EVERY = 0,         // frame `n`, 2 n, 3 n, ...; n = 0 is 1
    EXRAY_FIRST = 1,         // the first n frames
    EXRAY_ON_ASSERTION = 2,  // frames of which exray_assert was told that something does not hold
    EXRAY_NEVER = 3
} exray_sampling;

typedef struct exray_options {
    size_t size;                // sizeof(exray_options), by which later versions know what is there
    const char *app;            // name, for people; NULL: that of the program
    const char *model;          // path of the model that runs, which is hashed; NULL: not told
    const char *const *labels;  // key, value, key, value, ..., NULL; NULL: none
    exray_sampling sampling;
    uint32_t n;
    uint64_t byte_budget;  // of the file; 0: none. Nearing it, elements and tensors are left out, then frames
    size_t ring;           // bytes that may wait for the disk; 0: 256 KiB. A larger element than half of it is dropped
    int no_memory;         // 1: the process's memory is not read for each frame
    int no_signals;        // 1: a crash of the app is left alone: what waits is lost then
} exray_options;

// What a capture came to.
typedef struct exray_totals {
    uint64_t frames;
    uint64_t bytes;            // of the file
    uint64_t dropped;          // records that found no room
    uint64_t dropped_bytes;
    uint64_t over_budget;      // records left out for the byte budget
    int error;                 // an errno: writing stopped there; 0: none
} exray_totals;

// A value with its constants. Quantized by scale and zero point where scale is not 0.
typedef struct exray_tensor {
    const char *name;
    exray_type type;
    uint32_t rank;
    int64_t shape[EXRAY_MAX_RANK];
    float scale;
    int64_t zero_point;
    int32_t index;  // in the model's graph; -1: not told
    const void *data;
} exray_tensor;

// NULL where the capture could not be opened; exray_error tells why.
EXRAY_API exray_capture *exray_open(const char *path, const exray_options *options);
// Why this thread's last exray_open failed.
EXRAY_API const char *exray_error(void);
// Writes all that waits, and the index. Returns 0 or the errno at which writing stopped; `totals` may be NULL.
EXRAY_API int exray_close(exray_capture *x, exray_totals *totals);
// Waits until all that was logged up to now is in the file: for moments after which the app may be gone. Nothing else
// waits, exray_close apart. Returns 0 or the errno at which writing stopped.
EXRAY_API int exray_flush(exray_capture *x);
// What it has come to so far.
EXRAY_API void exray_count(const exray_capture *x, exray_totals *totals);

// One input through the pipeline. Names are for people and for playback: of the same name is the same input.
EXRAY_API exray_frame exray_frame_start(exray_capture *x, const char *name);
EXRAY_API void exray_frame_stop(exray_capture *x, exray_frame frame);
// Around the invocation alone; what comes before it in the frame is pre-processing.
EXRAY_API void exray_inference_start(exray_capture *x, exray_frame frame);
EXRAY_API void exray_inference_stop(exray_capture *x, exray_frame frame);

// What the model was fed and what it answered, by position.
EXRAY_API void exray_log_input(exray_capture *x, exray_frame frame, uint32_t position, const exray_tensor *tensor);
EXRAY_API void exray_log_output(exray_capture *x, exray_frame frame, uint32_t position, const exray_tensor *tensor);
// What a layer computed, by its index in the model's graph or its name.
EXRAY_API void exray_log_layer(exray_capture *x, exray_frame frame, const exray_tensor *tensor);

// Anything else, anywhere in the pipeline.
EXRAY_API void exray_log_scalar(exray_capture *x, exray_frame frame, const char *name, double value);
EXRAY_API void exray_log_tensor(exray_capture *x, exray_frame frame, const exray_tensor *tensor);
// `format`: rgb, bgr, rgba, bgra, argb, gray; 8 bits a channel; rows are `row_stride` bytes apart (0: without a gap).
EXRAY_API void exray_log_image(exray_capture *x, exray_frame frame, const char *name, const char *format,
                               uint32_t width, uint32_t height, size_t row_stride, const void *pixels);
EXRAY_API void exray_log_text(exray_capture *x, exray_frame frame, const char *name, const char *text);
EXRAY_API void exray_log_bytes(exray_capture *x, exray_frame frame, const char *name, const void *data, size_t size);
// A latency of the app's own: from a time of exray_now to now.
EXRAY_API uint64_t exray_now(void);
EXRAY_API void exray_log_span(exray_capture *x, exray_frame frame, const char *name, uint64_t since);
// A reading that belongs to a moment, not to a frame: orientation, motion, light.
EXRAY_API void exray_log_sensor(exray_capture *x, const char *name, const double *values, uint32_t n);
// Tells, and makes of a frame one that is logged under EXRAY_ON_ASSERTION. Returns `holds`.
EXRAY_API int exray_assert(exray_capture *x, exray_frame frame, int holds, const char *what);

#ifdef __cplusplus
}
#endif
#endif
