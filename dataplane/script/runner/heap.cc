#include "dataplane/script/runner/heap.h"

#include <cstdint>
#include <cstdlib>

namespace sallyport::script {
namespace {

// In front of each block: the size of both, as aligned as the block must be.
struct alignas(alignof(std::max_align_t)) Head {
  size_t size;
};

// What cannot be is refused by Take.
size_t Whole(size_t size) {
  return size > SIZE_MAX - sizeof(Head) ? SIZE_MAX : sizeof(Head) + size;
}

}  // namespace

bool Heap::Take(size_t size) {
  if (size > most_ || used_ > most_ - size) {
    refused_ = size;
    return false;
  }
  used_ += size;
  if (size >= refused_) refused_ = 0;
  return true;
}

void* Heap::Allocate(size_t size) {
  const size_t whole = Whole(size);
  if (size == 0 || !Take(whole)) return nullptr;
  auto* const head = static_cast<Head*>(std::malloc(whole));
  if (head == nullptr) {
    used_ -= whole;
    refused_ = whole;
    return nullptr;
  }
  head->size = whole;
  return head + 1;
}

void* Heap::Reallocate(void* block, size_t size) {
  if (block == nullptr) return Allocate(size);
  if (size == 0) {
    Free(block);
    return nullptr;
  }
  Head* const old = static_cast<Head*>(block) - 1;
  const size_t before = old->size;
  const size_t whole = Whole(size);
  used_ -= before;
  if (!Take(whole)) {
    used_ += before;
    return nullptr;
  }
  auto* const head = static_cast<Head*>(std::realloc(old, whole));
  if (head == nullptr) {
    used_ = used_ - whole + before;
    refused_ = whole;
    return nullptr;
  }
  head->size = whole;
  return head + 1;
}

void Heap::Free(void* block) {
  if (block == nullptr) return;
  Head* const head = static_cast<Head*>(block) - 1;
  used_ -= head->size;
  std::free(head);
}

}  // namespace sallyport::script
