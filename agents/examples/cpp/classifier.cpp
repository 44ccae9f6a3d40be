// A classifier as an app has it, logged by exray: what came in, what the model was fed and answered, times and memory.
//
//     classifier MODEL CAPTURE PICTURE.ppm... [--bug normalization]
//
// With the bug it feeds [0, 1] where the model was trained on [-1, 1], and `farm diagnose CAPTURE --model MODEL` says so.
#include <cstdio>
#include <filesystem>

#include "../../native/include/exray.hpp"
#include "litert.hpp"
#include "picture.hpp"

static std::vector<float> preprocess(const picture &from, bool wrong) {
    std::vector<float> fed = resize(crop(from, 0.875), 64);
    for (float &value : fed) value = wrong ? value / 255.0F : value / 127.5F - 1.0F;
    return fed;
}

static void classify(const std::string &path, const std::string &capture, const std::vector<std::string> &pictures,
                     bool wrong) {
    litert::model model(path);
    exray::options asked;
    asked.model = path;
    asked.ring = 4 << 20;
    exray::capture log(capture, asked);
    exray::litert hook(model.handle());
    if (!log || !hook) throw std::runtime_error(log.error() + hook.error());
    for (const std::string &file : pictures) {
        const picture raw = read_ppm(file);
        const exray::frame frame = log.start(std::filesystem::path(file).stem().c_str());
        frame.image("frame", raw.pixels.data(), raw.width, raw.height);
        const std::vector<float> fed = preprocess(raw, wrong);
        model.fill(0, fed.data(), fed.size() * sizeof(float));
        {
            const exray::inference timed(frame);
            model.run();
        }
        frame.model(hook, model.inputs(), model.outputs());
        const std::vector<float> scores = model.output<float>(0);
        const auto best = std::max_element(scores.begin(), scores.end());
        std::printf("%s %td\n", file.c_str(), best - scores.begin());
    }
}

int main(int argc, char **argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    const bool wrong = words.size() > 2 && words[words.size() - 2] == "--bug" && words.back() == "normalization";
    if (wrong) words.resize(words.size() - 2);
    if (words.size() < 3) {
        std::fprintf(stderr, "usage: classifier MODEL CAPTURE PICTURE.ppm... [--bug normalization]\n");
        return 2;
    }
    try {
        classify(words[0], words[1], {words.begin() + 2, words.end()}, wrong);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "classifier: %s\n", error.what());
        return 1;
    }
    return 0;
}
