#include "dataplane/http2/frames.h"

#include <algorithm>

namespace sallyport::dataplane {
namespace {

uint32_t Number(const uint8_t* bytes, size_t count) {
  uint32_t number = 0;
  for (size_t i = 0; i < count; ++i) number = number << 8 | bytes[i];
  return number;
}

}  // namespace

FrameCutter::Cut FrameCutter::Next(absl::string_view input) {
  Cut cut;
  if (left_ == 0) {
    while (have_ < kHeadBytes && cut.bytes < input.size()) {
      head_[have_++] = static_cast<uint8_t>(input[cut.bytes++]);
    }
    if (have_ < kHeadBytes) return cut;
    have_ = 0;
    cut.begins = true;
    cut.head.length = left_ = Number(head_, 3);
    cut.head.type = head_[3];
    cut.head.flags = head_[4];
    cut.head.stream = Number(head_ + 5, 4) & 0x7fffffffu;
  }
  const auto payload = static_cast<uint32_t>(std::min<size_t>(left_, input.size() - cut.bytes));
  left_ -= payload;
  cut.bytes += payload;
  return cut;
}

}  // namespace sallyport::dataplane
