// exray for C++17: the C functions of exray.h with lifetimes. Header-only; link libexray.
//
//     exray::options asked;
//     asked.model = "model.tflite";
//     exray::capture log("app.mcap", asked);
//     exray::frame frame = log.start("cat.jpg");
//     {
//         exray::inference timed(frame);
//         interpreter->Invoke();
//     }
//
// What goes out of scope is stopped or closed. A capture that could not be opened is false, logs nothing, and tells
// why.
#ifndef EXRAY_HPP
#define EXRAY_HPP

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "exray.h"
#include "exray_litert.h"
#include "exray_tflite.h"

namespace exray {

// The type of values of T.
template <typename T>
constexpr exray_type type_of() {
    if constexpr (std::is_same_v<T, bool>) return EXRAY_BOOL;
    else if constexpr (std::is_same_v<T, float>) return EXRAY_FLOAT32;
    else if constexpr (std::is_same_v<T, double>) return EXRAY_FLOAT64;
    else if constexpr (std::is_integral_v<T> && sizeof(T) == 1) return std::is_signed_v<T> ? EXRAY_INT8 : EXRAY_UINT8;
    else if constexpr (std::is_integral_v<T> && sizeof(T) == 2) return std::is_signed_v<T> ? EXRAY_INT16 : EXRAY_UINT16;
    else if constexpr (std::is_integral_v<T> && sizeof(T) == 4) return std::is_signed_v<T> ? EXRAY_INT32 : EXRAY_UINT32;
    else {
        static_assert(std::is_integral_v<T> && sizeof(T) == 8, "exray has no word for this type");
        return std::is_signed_v<T> ? EXRAY_INT64 : EXRAY_UINT64;
    }
}

struct options {
    std::string app, model;
    std::vector<std::pair<std::string, std::string>> labels;
    exray_sampling sampling = EXRAY_EVERY;
    std::uint32_t n = 0;
    std::uint64_t byte_budget = 0;
    std::size_t ring = 0;
    bool memory = true, signals = true;
};

// How the numbers of a tensor are to be read.
struct quantization {
    float scale = 0;
    std::int64_t zero_point = 0;
};

// The signature of a LiteRT model, read once. `library` is what dlopen gave, null where the app is linked with LiteRT.
class litert {
   public:
    explicit litert(LiteRtModelT *model, std::size_t signature = 0, void *library = nullptr)
        : hook_(exray_litert_open(library, model, signature)), error_(hook_ ? "" : exray_error()) {}
    litert(const litert &) = delete;
    litert &operator=(const litert &) = delete;
    ~litert() { exray_litert_close(hook_); }

    explicit operator bool() const { return hook_ != nullptr; }
    // Why it logs nothing.
    const std::string &error() const { return error_; }
    const exray_litert *get() const { return hook_; }

   private:
    exray_litert *hook_;
    std::string error_;
};

class frame {
   public:
    frame(exray_capture *log, const char *name) : log_(log), number_(exray_frame_start(log, name)) {}
    frame(frame &&other) noexcept : log_(other.log_), number_(std::exchange(other.number_, 0)) {}
    frame(const frame &) = delete;
    frame &operator=(const frame &) = delete;
    frame &operator=(frame &&) = delete;
    ~frame() { stop(); }

    void stop() { exray_frame_stop(log_, std::exchange(number_, 0)); }

    template <typename T>
    void input(std::uint32_t position, const T *data, std::initializer_list<std::int64_t> shape, const char *name = "",
               quantization quantized = {}) const {
        const exray_tensor tensor = described(data, shape, name, quantized);
        exray_log_input(log_, number_, position, &tensor);
    }
    template <typename T>
    void output(std::uint32_t position, const T *data, std::initializer_list<std::int64_t> shape,
                const char *name = "", quantization quantized = {}) const {
        const exray_tensor tensor = described(data, shape, name, quantized);
        exray_log_output(log_, number_, position, &tensor);
    }
    // What a layer computed, by its index in the model's graph, or by its name where that is -1.
    template <typename T>
    void layer(std::int32_t index, const T *data, std::initializer_list<std::int64_t> shape, const char *name = "",
               quantization quantized = {}) const {
        exray_tensor tensor = described(data, shape, name, quantized);
        tensor.index = index;
        exray_log_layer(log_, number_, &tensor);
    }
    template <typename T>
    void tensor(const char *name, const T *data, std::initializer_list<std::int64_t> shape) const {
        const exray_tensor tensor = described(data, shape, name, {});
        exray_log_tensor(log_, number_, &tensor);
    }
    // What a compiled model was given and answered: the buffers of LiteRtRunCompiledModel.
    void model(const litert &of, LiteRtTensorBufferT *const *inputs, LiteRtTensorBufferT *const *outputs) const {
        exray_log_litert(log_, number_, of.get(), inputs, outputs);
    }
    // The same of an interpreter of TFLite's C API; false where the library has none.
    bool model(const TfLiteInterpreter *interpreter, void *library = nullptr) const {
        return exray_log_tflite(log_, number_, library, interpreter) == 0;
    }
    // 8 bits a channel; rows are `row_stride` bytes apart, or without a gap.
    void image(const char *name, const void *pixels, std::uint32_t width, std::uint32_t height,
               const char *format = "rgb", std::size_t row_stride = 0) const {
        exray_log_image(log_, number_, name, format, width, height, row_stride, pixels);
    }
    void scalar(const char *name, double value) const { exray_log_scalar(log_, number_, name, value); }
    void text(const char *name, std::string_view text) const {
        exray_log_text(log_, number_, name, std::string(text).c_str());
    }
    void bytes(const char *name, const void *data, std::size_t size) const {
        exray_log_bytes(log_, number_, name, data, size);
    }
    bool check(bool holds, const char *what) const { return exray_assert(log_, number_, holds, what) != 0; }

    exray_capture *log() const { return log_; }
    exray_frame number() const { return number_; }

   private:
    template <typename T>
    static exray_tensor described(const T *data, std::initializer_list<std::int64_t> shape, const char *name,
                                  quantization quantized) {
        exray_tensor tensor = {};
        tensor.name = name;
        tensor.type = type_of<T>();
        tensor.scale = quantized.scale;
        tensor.zero_point = quantized.zero_point;
        tensor.index = -1;
        tensor.data = data;
        for (std::int64_t side : shape) {
            if (tensor.rank < EXRAY_MAX_RANK) tensor.shape[tensor.rank++] = side;
        }
        return tensor;
    }

    exray_capture *log_;
    exray_frame number_;
};

// The invocation alone, as long as it is in scope.
class inference {
   public:
    explicit inference(const frame &of) : log_(of.log()), number_(of.number()) { exray_inference_start(log_, number_); }
    inference(const inference &) = delete;
    inference &operator=(const inference &) = delete;
    ~inference() { exray_inference_stop(log_, number_); }

   private:
    exray_capture *log_;
    exray_frame number_;
};

// A latency of the app's own, as long as it is in scope.
class span {
   public:
    span(const frame &of, const char *name) : log_(of.log()), number_(of.number()), name_(name), since_(exray_now()) {}
    span(const span &) = delete;
    span &operator=(const span &) = delete;
    ~span() { exray_log_span(log_, number_, name_, since_); }

   private:
    exray_capture *log_;
    exray_frame number_;
    const char *name_;
    std::uint64_t since_;
};

class capture {
   public:
    explicit capture(const std::string &path, const options &asked = {}) {
        std::vector<const char *> labels;
        for (const auto &[key, value] : asked.labels) labels.insert(labels.end(), {key.c_str(), value.c_str()});
        labels.push_back(nullptr);
        exray_options given = {};
        given.size = sizeof given;
        given.app = asked.app.empty() ? nullptr : asked.app.c_str();
        given.model = asked.model.empty() ? nullptr : asked.model.c_str();
        given.labels = labels.data();
        given.sampling = asked.sampling;
        given.n = asked.n;
        given.byte_budget = asked.byte_budget;
        given.ring = asked.ring;
        given.no_memory = !asked.memory;
        given.no_signals = !asked.signals;
        log_ = exray_open(path.c_str(), &given);
        if (!log_) error_ = exray_error();
    }
    capture(capture &&other) noexcept : log_(std::exchange(other.log_, nullptr)), error_(std::move(other.error_)) {}
    capture(const capture &) = delete;
    capture &operator=(const capture &) = delete;
    capture &operator=(capture &&) = delete;
    ~capture() { close(); }

    explicit operator bool() const { return log_ != nullptr; }
    // Why it could not be opened.
    const std::string &error() const { return error_; }

    frame start(const char *name = nullptr) const { return frame(log_, name); }
    void sensor(const char *name, std::initializer_list<double> values) const {
        exray_log_sensor(log_, name, values.begin(), static_cast<std::uint32_t>(values.size()));
    }
    // Waits until all that was logged is in the file. Returns 0 or the errno at which writing stopped.
    int flush() const { return exray_flush(log_); }
    exray_totals count() const {
        exray_totals totals;
        exray_count(log_, &totals);
        return totals;
    }
    // Writes all that waits. Its `error` is the errno at which writing stopped.
    exray_totals close() {
        exray_totals totals;
        exray_close(std::exchange(log_, nullptr), &totals);
        return totals;
    }

   private:
    exray_capture *log_ = nullptr;
    std::string error_;
};

}  // namespace exray

#endif
