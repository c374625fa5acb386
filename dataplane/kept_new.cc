// Replaces the global operators of this program ([new.delete]): what a loop's thread makes comes
// from what it keeps (kept_memory.h), the frames of its coroutines among it.
#include <cstddef>
#include <new>

#include "dataplane/loop/kept_memory.h"

#ifndef SALLYPORT_SANITIZED
// The other forms, but those of greater alignment, are made of these.
void* operator new(size_t size) {
  void* const block = sallyport::dataplane::KeptMemory::Allocate(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void operator delete(void* block) noexcept { sallyport::dataplane::KeptMemory::Free(block); }

void operator delete(void* block, size_t /*size*/) noexcept {
  sallyport::dataplane::KeptMemory::Free(block);
}
#endif
