// A ring of bytes between one writing and one reading thread, without a lock. Lines go in whole or
// not at all. Private to dataplane/observe.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

class AccessLogRing {
 public:
  // `bytes` is rounded up to a power of two.
  explicit AccessLogRing(size_t bytes) : size_(RoundUp(bytes)), bytes_(new char[size_]) {}

  // Writer. False: no room.
  bool Put(absl::string_view line) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const uint64_t tail = tail_.load(std::memory_order_acquire);
    if (line.size() > size_ - (head - tail)) return false;
    const size_t at = head & (size_ - 1);
    const size_t first = std::min(line.size(), size_ - at);
    memcpy(bytes_.get() + at, line.data(), first);
    memcpy(bytes_.get(), line.data() + first, line.size() - first);
    head_.store(head + line.size(), std::memory_order_release);
    return true;
  }

  // Reader: appends everything to `out`.
  void Take(std::string* out) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    const uint64_t head = head_.load(std::memory_order_acquire);
    const size_t length = static_cast<size_t>(head - tail);
    const size_t at = tail & (size_ - 1);
    const size_t first = std::min(length, size_ - at);
    out->append(bytes_.get() + at, first);
    out->append(bytes_.get(), length - first);
    tail_.store(head, std::memory_order_release);
  }
  // Any thread, about.
  [[nodiscard]] bool MoreThanHalfFull() const {
    return head_.load(std::memory_order_relaxed) - tail_.load(std::memory_order_relaxed) >
           size_ / 2;
  }

  // Counted by the writer.
  std::atomic<uint64_t> written{0}, dropped{0};

 private:
  static size_t RoundUp(size_t bytes) {
    size_t size = 4096;
    while (size < bytes) size *= 2;
    return size;
  }
  const size_t size_;
  const std::unique_ptr<char[]> bytes_;
  alignas(64) std::atomic<uint64_t> head_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
};

}  // namespace sallyport::dataplane
