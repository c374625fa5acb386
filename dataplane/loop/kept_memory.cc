#include "dataplane/loop/kept_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace sallyport::dataplane {
namespace {

// A record of 16 KiB with what is around it; every block of that range is made as large as the
// largest.
constexpr size_t kAbove = 16 * 1024;
constexpr size_t kBlock = 17 * 1024;
constexpr size_t kRounding = 64;  // of malloc
// Blocks of that range begin a page, and hardly any others do: that is seen at once where a block
// is given back.
constexpr size_t kPage = 4096;
constexpr size_t kMostBlocks = 16;
static_assert(KeptMemory::kMostLargeBytes == kMostBlocks * kBlock);

#ifdef SALLYPORT_SANITIZED
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

void* AllocateForOpenssl(size_t size, const char* /*file*/, int /*line*/) {
  return KeptMemory::Allocate(size);
}

void* ReallocateForOpenssl(void* block, size_t size, const char* /*file*/, int /*line*/) {
  return KeptMemory::Reallocate(block, size);
}

void FreeForOpenssl(void* block, const char* /*file*/, int /*line*/) { KeptMemory::Free(block); }

// Smaller blocks, by size. The allocator's cache holds seven of each, up to 1 KiB; a handshake
// takes some hundreds of a few sizes, and a hundred requests at a time have frames of a few more.
constexpr size_t kStep = 16;
constexpr size_t kLeast = 24;  // what malloc gives at least: there is room for our two words
constexpr size_t kMostSmall = 4096 + 8;
constexpr size_t kSizes = kMostSmall / kStep + 1;
constexpr size_t kTrimmedAtOnce = 32;

// malloc rounds to these: 24, 40, 56, ...
size_t SizeIndex(size_t size) { return size <= kLeast ? 1 : (size + 7) / kStep; }
size_t SizeAt(size_t index) { return index * kStep + 8; }

// Nobody but the allocator has it in a block by chance.
uintptr_t RandomMark() {
  uintptr_t mark = 0;
  if (getentropy(&mark, sizeof(mark)) != 0) std::abort();
  return mark;
}

// Those of one size, as a list through themselves. As malloc's own cache does, it makes overwriting
// a link by way of a freed block hard to use, and ends the process where one is freed twice.
class SmallBlocks {
 public:
  void Give(void* block, uintptr_t mark) {
    auto* const freed = static_cast<Freed*>(block);
    if (freed->mark == mark && Keeps(freed)) std::abort();
    freed->next = Hidden(freed, reinterpret_cast<uintptr_t>(first_));
    freed->mark = mark;
    first_ = freed;
  }

  void* Take() {
    Freed* const freed = first_;
    if (freed == nullptr) return nullptr;
    first_ = Next(freed);
    if (reinterpret_cast<uintptr_t>(first_) % kStep != 0) std::abort();
    freed->mark = 0;
    return freed;
  }

 private:
  struct Freed {
    uintptr_t next;
    uintptr_t mark;
  };

  // A link and back; without an address nobody can make one.
  static uintptr_t Hidden(const Freed* at, uintptr_t link) {
    return (reinterpret_cast<uintptr_t>(at) >> 12) ^ link;
  }
  static Freed* Next(const Freed* freed) {
    return reinterpret_cast<Freed*>(Hidden(freed, freed->next));
  }
  [[nodiscard]] bool Keeps(const Freed* block) const {
    const Freed* kept = first_;
    while (kept != nullptr && kept != block) kept = Next(kept);
    return kept != nullptr;
  }

  Freed* first_ = nullptr;
};

}  // namespace

struct KeptMemory::Blocks {
  ~Blocks() {
    while (count > 0) std::free(kept[--count]);
    for (SmallBlocks& blocks : small) {
      while (void* const block = blocks.Take()) std::free(block);
    }
  }
  size_t count = 0;
  void* kept[kMostBlocks];
  SmallBlocks small[kSizes];
  size_t small_bytes = 0;
  size_t trimmed = 0;  // the list that was last
  // Some of the next list that has any: sizes that are not asked for any more leave room for those
  // that are.
  void Trim();
  const uintptr_t mark = RandomMark();
};

void KeptMemory::Blocks::Trim() {
  void* block = nullptr;
  for (size_t i = 0; block == nullptr && i < kSizes; ++i) {
    trimmed = (trimmed + 1) % kSizes;
    block = small[trimmed].Take();
  }
  for (size_t freed = 1; block != nullptr; ++freed) {
    small_bytes -= SizeAt(trimmed);
    std::free(block);
    block = freed < kTrimmedAtOnce ? small[trimmed].Take() : nullptr;
  }
}

thread_local KeptMemory::Blocks* KeptMemory::blocks_ = nullptr;

KeptMemory::KeptMemory() {
  if (!kKeeps || blocks_ != nullptr) return;
  own_ = std::make_unique<Blocks>();
  blocks_ = own_.get();
}

KeptMemory::~KeptMemory() {
  if (own_ != nullptr) blocks_ = nullptr;
}

bool KeptMemory::KeepForOpenssl() {
  return kKeeps &&
         CRYPTO_set_mem_functions(AllocateForOpenssl, ReallocateForOpenssl, FreeForOpenssl) == 1;
}

size_t KeptMemory::KeptBytes() {
  return blocks_ == nullptr ? 0 : blocks_->small_bytes + blocks_->count * kBlock;
}

void* KeptMemory::Allocate(size_t size) {
  Blocks* const blocks = blocks_;
  if (size == 0) return nullptr;
  if (blocks == nullptr) return std::malloc(size);
  if (size <= kMostSmall) {
    const size_t index = SizeIndex(size);
    if (void* const block = blocks->small[index].Take()) {
      blocks->small_bytes -= SizeAt(index);
      return block;
    }
    return std::malloc(SizeAt(index));
  }
  if (size <= kAbove || size > kBlock) return std::malloc(size);
  return blocks->count > 0 ? blocks->kept[--blocks->count] : memalign(kPage, kBlock);
}

void* KeptMemory::Reallocate(void* block, size_t size) {
  if (block == nullptr) return Allocate(size);
  if (size != 0) return std::realloc(block, size);
  Free(block);
  return nullptr;
}

void KeptMemory::Free(void* block) {
  Blocks* const blocks = blocks_;
  if (blocks == nullptr || block == nullptr) {
    std::free(block);
    return;
  }
  const size_t size = malloc_usable_size(block);
  if (size >= kLeast && size <= kMostSmall) {
    while (blocks->small_bytes >= kMostSmallBytes) blocks->Trim();
    const size_t index = (size - 8) / kStep;
    blocks->small[index].Give(block, blocks->mark);
    blocks->small_bytes += SizeAt(index);
    return;
  }
  const bool begins_page = reinterpret_cast<uintptr_t>(block) % kPage == 0;
  if (begins_page && blocks->count < kMostBlocks && size >= kBlock && size < kBlock + kRounding) {
    blocks->kept[blocks->count++] = block;
    return;
  }
  std::free(block);
}

}  // namespace sallyport::dataplane
