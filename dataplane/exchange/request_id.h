// Request ids: unique over all replicas (96 random bits and a counter), 32 hex digits. One loop's thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

class RequestIds {
 public:
  RequestIds();
  // Overwrites `*id`.
  void Next(std::string* id);

 private:
  std::string prefix_;  // 20 digits
  uint64_t counter_;
};

// What a trusted proxy may say instead: 1 to 64 characters of [A-Za-z0-9._-].
[[nodiscard]] bool IsRequestId(absl::string_view text);

}  // namespace sallyport::dataplane
