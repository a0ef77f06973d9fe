// TFLite's image preprocessing stage, written anew from its published steps: what tasks.pictures is held against.
//
// Steps: LRT tflite/tools/evaluation/stages/image_preprocessing_stage.cc; sums: LRT tflite/kernels/internal/reference/
// resize_bilinear.h. Compile with -ffp-contract=off.
//
//   stage ORDER ROWS COLUMNS HEIGHT WIDTH < pixels > inputs
//
// ORDER is resize-crop (the mobile app), crop-resize (the evaluation tool's classifier) or resize (its detector); the pixels
// are ROWS x COLUMNS x 3 bytes, the inputs HEIGHT x WIDTH x 3 values of float32, then of uint8, then of int8.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr float kFraction = 0.875;

struct Picture {
  int rows, columns;
  std::vector<float> values;
  float at(int row, int column, int channel) const { return values[(row * columns + column) * 3 + channel]; }
};

Picture crop(const Picture& from, int rows, int columns) {
  const int top = static_cast<int>(std::round((from.rows - rows) / 2.0));
  const int left = static_cast<int>(std::round((from.columns - columns) / 2.0));
  Picture result{rows, columns, {}};
  for (int row = top; row < top + rows; row++)
    for (int column = left; column < left + columns; column++)
      for (int channel = 0; channel < 3; channel++) result.values.push_back(from.at(row, column, channel));
  return result;
}

Picture crop_square(const Picture& from) {
  const int rows = static_cast<int>(std::round(kFraction * from.rows));
  const int columns = static_cast<int>(std::round(kFraction * from.columns));
  const int side = std::min(rows, columns);
  return crop(from, side, side);
}

struct Place {
  float at;
  int first, second;
};

Place place(int wanted, float scale, int size) {
  const float at = wanted * scale;
  return {at, std::max(static_cast<int>(std::floor(at)), 0), std::min(static_cast<int>(std::ceil(at)), size - 1)};
}

Picture resize(const Picture& from, int rows, int columns) {
  const float down = static_cast<float>(from.rows) / rows;
  const float across = static_cast<float>(from.columns) / columns;
  Picture result{rows, columns, {}};
  for (int row = 0; row < rows; row++) {
    const Place y = place(row, down, from.rows);
    for (int column = 0; column < columns; column++) {
      const Place x = place(column, across, from.columns);
      for (int channel = 0; channel < 3; channel++) {
        const float a = from.at(y.first, x.first, channel) * (1 - (y.at - y.first)) * (1 - (x.at - x.first));
        const float b = from.at(y.second, x.first, channel) * (y.at - y.first) * (1 - (x.at - x.first));
        const float c = from.at(y.first, x.second, channel) * (1 - (y.at - y.first)) * (x.at - x.first);
        const float d = from.at(y.second, x.second, channel) * (y.at - y.first) * (x.at - x.first);
        result.values.push_back(a + b + c + d);
      }
    }
  }
  return result;
}

Picture resize_keeping_aspect(const Picture& from, int rows, int columns) {
  const float by_columns = columns / static_cast<float>(from.columns);
  const float by_rows = rows / static_cast<float>(from.rows);
  if (by_columns >= by_rows) return resize(from, static_cast<int>(std::round(from.rows * by_columns)), columns);
  return resize(from, rows, static_cast<int>(std::round(from.columns * by_rows)));
}

template <typename T>
void write(const Picture& picture, float mean, float scale) {
  for (const float value : picture.values) {
    const T converted = static_cast<T>((value - mean) * scale);
    std::fwrite(&converted, sizeof converted, 1, stdout);
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 6) return 2;
  const std::string order = words[1];
  Picture picture{std::atoi(words[2]), std::atoi(words[3]), {}};
  const int height = std::atoi(words[4]), width = std::atoi(words[5]);
  std::vector<uint8_t> pixels(static_cast<size_t>(picture.rows) * picture.columns * 3);
  if (std::fread(pixels.data(), 1, pixels.size(), stdin) != pixels.size()) return 2;
  picture.values.assign(pixels.begin(), pixels.end());
  if (order == "resize-crop") {
    picture = resize_keeping_aspect(picture, static_cast<int>(height / kFraction), static_cast<int>(width / kFraction));
    picture = crop(picture, height, width);
  } else {
    if (order == "crop-resize") picture = crop_square(picture);
    picture = resize(picture, height, width);
  }
  write<float>(picture, 127.5, 1.0 / 127.5);
  write<uint8_t>(picture, 0, 1);
  write<int8_t>(picture, 128, 1);
  return 0;
}
