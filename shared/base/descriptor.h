// A file descriptor that is closed with its owner.
#pragma once

#include <unistd.h>

namespace sallyport::base {

// Owns it; below zero: there is none. Not thread-safe.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace sallyport::base
