#include "dataplane/script/wire/text.h"

#include <cstdint>

namespace sallyport::script {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;
constexpr uint32_t kBad = 0xFFFFFFFF;

bool IsHigh(uint32_t c) { return c >= 0xD800 && c < 0xDC00; }
bool IsLow(uint32_t c) { return c >= 0xDC00 && c < 0xE000; }

void Put(uint32_t c, std::string* out) {
  const auto byte = [out](uint32_t value) { out->push_back(static_cast<char>(value)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F));
  } else {
    byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F));
    byte(0x80 | (c & 0x3F));
  }
}

// Takes one character, surrogates included, off the front; kBad: one byte that begins none.
uint32_t Take(std::string_view* text) {
  const auto at = [text](size_t i) { return static_cast<unsigned char>((*text)[i]); };
  const unsigned char lead = at(0);
  const size_t size = lead < 0x80   ? 1
                      : lead < 0xC2 ? 0
                      : lead < 0xE0 ? 2
                      : lead < 0xF0 ? 3
                      : lead < 0xF5 ? 4
                                    : 0;
  uint32_t c = size == 1 ? lead : lead & (0x7F >> size);
  bool good = size != 0 && size <= text->size();
  for (size_t i = 1; good && i < size; ++i) {
    good = (at(i) & 0xC0) == 0x80;
    c = c << 6 | (at(i) & 0x3F);
  }
  if (size == 3) good = good && c >= 0x800;
  if (size == 4) good = good && c >= 0x10000 && c < 0x110000;
  text->remove_prefix(good ? size : 1);
  return good ? c : kBad;
}

}  // namespace

std::string ToEngine(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  while (!utf8.empty()) {
    const uint32_t c = Take(&utf8);
    if (c == kBad || IsHigh(c) || IsLow(c)) {
      Put(kReplacement, &out);
    } else if (c < 0x10000) {
      Put(c, &out);
    } else {
      Put(0xD800 + ((c - 0x10000) >> 10), &out);
      Put(0xDC00 + ((c - 0x10000) & 0x3FF), &out);
    }
  }
  return out;
}

std::string FromEngine(std::string_view cesu8) {
  std::string out;
  out.reserve(cesu8.size());
  while (!cesu8.empty()) {
    uint32_t c = Take(&cesu8);
    if (IsHigh(c) && !cesu8.empty()) {
      std::string_view rest = cesu8;
      const uint32_t low = Take(&rest);
      if (IsLow(low)) {
        cesu8 = rest;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      }
    }
    Put(c == kBad || IsHigh(c) || IsLow(c) ? kReplacement : c, &out);
  }
  return out;
}

}  // namespace sallyport::script
