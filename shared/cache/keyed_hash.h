// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein): cache keys out of what callers
// send, so that nobody outside can make two that collide. Pure, thread-safe.
#pragma once

#include <string.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::cache {

struct Hash128 {
  uint64_t low = 0, high = 0;
  friend bool operator==(const Hash128& a, const Hash128& b) {
    return a.low == b.low && a.high == b.high;
  }
  friend bool operator!=(const Hash128& a, const Hash128& b) { return !(a == b); }
  template <typename H>
  friend H AbslHashValue(H state, const Hash128& hash) {
    return H::combine(std::move(state), hash.low);
  }
};
struct HashKey {
  uint64_t k0 = 0, k1 = 0;
};
// A random key, the same for the life of the process.
[[nodiscard]] const HashKey& ProcessHashKey();
[[nodiscard]] Hash128 KeyedHash(const HashKey& key, absl::string_view bytes);

// Collects fields, each with its length before it, so that no two lists of fields give the same
// bytes.
class KeyBuilder {
 public:
  KeyBuilder() = default;
  KeyBuilder& Add(absl::string_view field) {
    const auto size = static_cast<uint32_t>(field.size());
    Append(&size, sizeof size);
    Append(field.data(), field.size());
    return *this;
  }
  KeyBuilder& Add(uint64_t number) {
    Append(&number, sizeof number);
    return *this;
  }
  [[nodiscard]] Hash128 Finish() const { return KeyedHash(ProcessHashKey(), View()); }
  [[nodiscard]] absl::string_view View() const;

 private:
  void Append(const void* data, size_t size) {
    if (overflow_.empty() && used_ + size <= sizeof inline_) {
      if (size > 0) memcpy(inline_ + used_, data, size);
      used_ += size;
    } else {
      AppendLong(data, size);
    }
  }
  void AppendLong(const void* data, size_t size);
  char inline_[512];
  size_t used_ = 0;
  std::string overflow_;  // all of it, once it does not fit above
};

}  // namespace sallyport::cache
