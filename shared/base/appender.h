// Appends many small pieces to a string that is made large enough once.
#pragma once

#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::base {

// While it lives the string is only reached by it, and ends in bytes that mean nothing; from then
// on with the last piece. Not thread-safe.
class Appender {
 public:
  // `most`: bytes of all pieces together, at most. The caller's promise: a piece beyond it overruns
  // the string.
  Appender(std::string* out, size_t most) : out_(*out) {
    const size_t start = out_.size();
    out_.resize(start + most);
    at_ = out_.data() + start;
  }
  ~Appender() { out_.resize(static_cast<size_t>(at_ - out_.data())); }
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  void Put(absl::string_view piece) {
    if (!piece.empty()) std::memcpy(at_, piece.data(), piece.size());
    at_ += piece.size();
  }
  // Of a literal: its size is known here.
  template <size_t kSize>
  void Put(const char (&literal)[kSize]) {
    std::memcpy(at_, literal, kSize - 1);
    at_ += kSize - 1;
  }
  // Behind the last piece, which may be changed in place.
  [[nodiscard]] char* end() { return at_; }

 private:
  std::string& out_;
  char* at_;
};

}  // namespace sallyport::base
