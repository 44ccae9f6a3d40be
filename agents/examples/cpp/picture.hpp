// Pictures of a classifier: PPM files in, what the model is fed out.
#ifndef PICTURE_HPP
#define PICTURE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

struct picture {
    std::uint32_t width = 0, height = 0;
    std::vector<std::uint8_t> pixels;  // RGB, rows without a gap
};

// A binary PPM of 8 bits a channel; throws std::runtime_error of anything else.
inline picture read_ppm(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::string magic;
    std::uint32_t limit = 0;
    picture read;
    file >> magic >> read.width >> read.height >> limit;
    file.get();
    if (!file || magic != "P6" || limit != 255 || read.width > 1 << 14 || read.height > 1 << 14) {
        throw std::runtime_error(path + ": not a PPM picture of 8 bits a channel");
    }
    read.pixels.resize(std::size_t{3} * read.width * read.height);
    file.read(reinterpret_cast<char *>(read.pixels.data()), static_cast<std::streamsize>(read.pixels.size()));
    if (!file) throw std::runtime_error(path + ": cut off");
    return read;
}

// The part in the middle, `share` of each side.
inline picture crop(const picture &from, double share) {
    picture part;
    part.width = static_cast<std::uint32_t>(std::lround(from.width * share));
    part.height = static_cast<std::uint32_t>(std::lround(from.height * share));
    const std::uint32_t left = (from.width - part.width) / 2, top = (from.height - part.height) / 2;
    for (std::uint32_t y = 0; y < part.height; y++) {
        const auto row = from.pixels.begin() + 3 * (static_cast<std::ptrdiff_t>(top + y) * from.width + left);
        part.pixels.insert(part.pixels.end(), row, row + 3 * static_cast<std::ptrdiff_t>(part.width));
    }
    return part;
}

// To `out` pixels of one axis of `in`, by a triangle as wide as the scale: bilinear that does not skip pixels.
// `stride` is between neighbors on that axis.
inline float tap(const float *values, std::size_t stride, std::size_t in, std::size_t out, std::size_t i) {
    const double scale = static_cast<double>(in) / static_cast<double>(out), support = std::max(scale, 1.0);
    const double center = (static_cast<double>(i) + 0.5) * scale;
    double sum = 0, weights = 0;
    const auto first = static_cast<std::size_t>(std::max(0.0, center - support));
    for (std::size_t k = first; k < in && static_cast<double>(k) < center + support; k++) {
        const double weight = 1 - std::abs(static_cast<double>(k) + 0.5 - center) / support;
        if (weight <= 0) continue;
        sum += weight * static_cast<double>(values[k * stride]);
        weights += weight;
    }
    return static_cast<float>(sum / weights);
}

// RGB values 0..255, rows without a gap.
inline std::vector<float> resize(const picture &from, std::size_t side) {
    const std::size_t width = from.width, height = from.height;
    const std::vector<float> values(from.pixels.begin(), from.pixels.end());
    std::vector<float> narrow(height * side * 3), small(side * side * 3);
    for (std::size_t y = 0; y < height; y++) {
        for (std::size_t i = 0; i < side * 3; i++) {
            narrow[y * side * 3 + i] = std::round(tap(&values[y * width * 3 + i % 3], 3, width, side, i / 3));
        }
    }
    for (std::size_t y = 0; y < side; y++) {
        for (std::size_t i = 0; i < side * 3; i++) {
            small[y * side * 3 + i] = std::round(tap(&narrow[i], side * 3, height, side, y));
        }
    }
    return small;
}

#endif
