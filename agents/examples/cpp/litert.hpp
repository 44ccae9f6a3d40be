// LiteRT's compiled model on the CPU, as much of it as a classifier needs.
#ifndef LITERT_HPP
#define LITERT_HPP

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#define _Static_assert static_assert
extern "C" {
#include "../../native/src/litert_abi.h"
#define X(result, name, arguments) result LiteRt##name arguments;
LITERT_FUNCTIONS(X)
#undef X
}

namespace litert {

class model {
   public:
    // Throws std::runtime_error where the file is none that LiteRT can run.
    explicit model(const std::string &path) {
        check(LiteRtCreateEnvironment(0, nullptr, &environment_), "LiteRtCreateEnvironment");
        check(LiteRtCreateModelFromFile(environment_, path.c_str(), &model_), "LiteRtCreateModelFromFile");
        LiteRtOptions options;
        check(LiteRtCreateOptions(&options), "LiteRtCreateOptions");
        check(LiteRtSetOptionsHardwareAccelerators(options, LITERT_ACCELERATOR_CPU), "LiteRtSetOptions");
        check(LiteRtCreateCompiledModel(environment_, model_, options, &compiled_), "LiteRtCreateCompiledModel");
        LiteRtDestroyOptions(options);
        make_buffers();
    }
    model(const model &) = delete;
    model &operator=(const model &) = delete;
    ~model() {
        for (LiteRtTensorBuffer buffer : inputs_) LiteRtDestroyTensorBuffer(buffer);
        for (LiteRtTensorBuffer buffer : outputs_) LiteRtDestroyTensorBuffer(buffer);
        LiteRtDestroyCompiledModel(compiled_);
        LiteRtDestroyModel(model_);
        LiteRtDestroyEnvironment(environment_);
    }

    void fill(std::size_t position, const void *data, std::size_t size) {
        void *at;
        std::size_t room;
        check(LiteRtGetTensorBufferPackedSize(inputs_.at(position), &room), "LiteRtGetTensorBufferPackedSize");
        if (room != size) throw std::runtime_error("the model's input takes " + std::to_string(room) + " bytes");
        check(LiteRtLockTensorBuffer(inputs_[position], &at, LITERT_LOCK_WRITE), "LiteRtLockTensorBuffer");
        std::memcpy(at, data, size);
        check(LiteRtUnlockTensorBuffer(inputs_[position]), "LiteRtUnlockTensorBuffer");
    }

    void run() {
        check(LiteRtRunCompiledModel(compiled_, 0, inputs_.size(), inputs_.data(), outputs_.size(), outputs_.data()),
              "LiteRtRunCompiledModel");
    }

    template <typename T>
    std::vector<T> output(std::size_t position) {
        void *at;
        std::size_t size;
        check(LiteRtGetTensorBufferPackedSize(outputs_.at(position), &size), "LiteRtGetTensorBufferPackedSize");
        check(LiteRtLockTensorBuffer(outputs_[position], &at, LITERT_LOCK_READ), "LiteRtLockTensorBuffer");
        std::vector<T> values(static_cast<T *>(at), static_cast<T *>(at) + size / sizeof(T));
        check(LiteRtUnlockTensorBuffer(outputs_[position]), "LiteRtUnlockTensorBuffer");
        return values;
    }

    LiteRtModel handle() const { return model_; }
    const LiteRtTensorBuffer *inputs() const { return inputs_.data(); }
    const LiteRtTensorBuffer *outputs() const { return outputs_.data(); }

   private:
    static void check(LiteRtStatus status, const char *what) {
        if (status != LITERT_OK) throw std::runtime_error(what + (": status " + std::to_string(status)));
    }

    void make_buffers() {
        LiteRtSignature signature;
        std::size_t inputs, outputs;
        check(LiteRtGetModelSignature(model_, 0, &signature), "LiteRtGetModelSignature");
        check(LiteRtGetNumSignatureInputs(signature, &inputs), "LiteRtGetNumSignatureInputs");
        check(LiteRtGetNumSignatureOutputs(signature, &outputs), "LiteRtGetNumSignatureOutputs");
        LiteRtTensor tensor;
        LiteRtTensorBufferRequirements needed;
        for (std::size_t i = 0; i < inputs; i++) {
            check(LiteRtGetSignatureInputTensorByIndex(signature, i, &tensor), "LiteRtGetSignatureInputTensor");
            check(LiteRtGetCompiledModelInputBufferRequirements(compiled_, 0, i, &needed), "buffer requirements");
            inputs_.push_back(make_buffer(tensor, needed));
        }
        for (std::size_t i = 0; i < outputs; i++) {
            check(LiteRtGetSignatureOutputTensorByIndex(signature, i, &tensor), "LiteRtGetSignatureOutputTensor");
            check(LiteRtGetCompiledModelOutputBufferRequirements(compiled_, 0, i, &needed), "buffer requirements");
            outputs_.push_back(make_buffer(tensor, needed));
        }
    }

    LiteRtTensorBuffer make_buffer(LiteRtTensor tensor, LiteRtTensorBufferRequirements needed) {
        LiteRtRankedTensorType type;
        LiteRtTensorBuffer buffer;
        check(LiteRtGetRankedTensorType(tensor, &type), "LiteRtGetRankedTensorType");
        check(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, needed, &buffer), "making a buffer");
        return buffer;
    }

    LiteRtEnvironment environment_ = nullptr;
    LiteRtModel model_ = nullptr;
    LiteRtCompiledModel compiled_ = nullptr;
    std::vector<LiteRtTensorBuffer> inputs_, outputs_;
};

}  // namespace litert

#endif
