// Frames as they come, before anybody acts on them: their nine-byte heads are looked at in the
// bytes of the connection, so that each can be admitted or not, whatever becomes of its payload. No
// allocation; pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// RFC 9113 6.
enum class FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

struct FrameHead {
  static constexpr uint8_t kEndStream = 0x1;
  static constexpr uint8_t kAck = 0x1;
  static constexpr uint8_t kPadded = 0x8;
  static constexpr uint8_t kPriority = 0x20;
  uint32_t length = 0;
  uint8_t type = 0;  // perhaps none of FrameType
  uint8_t flags = 0;
  uint32_t stream = 0;
  [[nodiscard]] bool is(FrameType one) const { return type == static_cast<uint8_t>(one); }
  [[nodiscard]] bool has(uint8_t flag) const { return (flags & flag) != 0; }
  // RFC 9113 4.2: longer than `most`, what was announced, or too short for what it must hold. Of
  // the latter, those of which nghttp2 says otherwise, or nothing.
  [[nodiscard]] bool WrongSize(uint32_t most) const {
    const uint32_t padding = has(kPadded) ? 1 : 0;
    uint32_t least = 0;
    if (is(FrameType::kData)) least = padding;
    if (is(FrameType::kHeaders)) least = padding + (has(kPriority) ? 5 : 0);
    return length > most || length < least;
  }
};

// Cuts what a peer sends at the borders of its frames. A client's preface comes first and is not a
// frame.
class FrameCutter {
 public:
  static constexpr uint32_t kPrefaceBytes = 24;
  explicit FrameCutter(uint32_t preface_bytes = kPrefaceBytes) : left_(preface_bytes) {}
  struct Cut {
    size_t bytes = 0;  // of the input, from its start: the rest of a frame's head and what is there
                       // of its payload
    bool begins = false;  // `head` was completed by these bytes
    FrameHead head;
  };
  // `input` is not empty. Its first `bytes` belong together.
  [[nodiscard]] Cut Next(absl::string_view input);

 private:
  static constexpr size_t kHeadBytes = 9;
  uint8_t head_[kHeadBytes] = {};
  size_t have_ = 0;  // of head_
  uint32_t left_;    // of the payload
};

}  // namespace sallyport::dataplane
