// Bytes that must not outlive their use: private keys, tokens, master keys. Cleansed when destroyed
// or moved from; not copyable, not printable. Not thread-safe.
#pragma once

#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace sallyport::base {

// Overwrites the whole capacity in a way that the compiler does not remove, then empties it.
void Cleanse(std::string* bytes);

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string&& bytes) : bytes_(std::move(bytes)) { Cleanse(&bytes); }
  ~Secret() { Cleanse(&bytes_); }
  // A short string is copied by a move as well: both leave what has to be cleansed.
  // NOLINTNEXTLINE(performance-move-constructor-init)
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { Cleanse(&other.bytes_); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      Cleanse(&bytes_);
      bytes_ = other.bytes_;
      Cleanse(&other.bytes_);
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  [[nodiscard]] static Secret CopyOf(absl::string_view bytes) {
    Secret secret;
    secret.bytes_.assign(bytes.data(), bytes.size());
    return secret;
  }
  // Valid while this lives and is not moved from.
  [[nodiscard]] absl::string_view Reveal() const { return {bytes_.data(), bytes_.size()}; }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  std::string bytes_;
};

}  // namespace sallyport::base
