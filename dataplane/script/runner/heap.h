// The memory of one engine: every byte that it asks for is counted against a bound. One thread.
#pragma once

#include <cstddef>

namespace sallyport::script {

class Heap {
 public:
  explicit Heap(size_t most) : most_(most) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  [[nodiscard]] void* Allocate(size_t size);
  [[nodiscard]] void* Reallocate(void* block, size_t size);
  void Free(void* block);

  // Something was refused, and nothing as large was given since: the engine had to do without.
  [[nodiscard]] bool refused() const { return refused_ != 0; }

 private:
  [[nodiscard]] bool Take(size_t size);

  const size_t most_;
  size_t used_ = 0;
  size_t refused_ = 0;  // bytes
};

}  // namespace sallyport::script
