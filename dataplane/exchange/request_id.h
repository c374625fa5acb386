// Request ids: unique over all replicas (96 random bits and a counter), 32 hex digits. One loop's
// thread.
#pragma once

#include <cstdint>
#include <string>

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

}  // namespace sallyport::dataplane
