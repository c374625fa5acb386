#include "dataplane/http2/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/loop/kept_memory.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kOwnPagesFrom = 16 * 1024;
constexpr uintptr_t kPageMask = 4095;  // of any page size, aligned so at least

// Blocks with pages of their own, and their sizes. Asked for few pointers: those that are aligned
// to a page, which malloc's hardly ever are.
class OwnPages {
 public:
  // Null: there are none; malloc may have some.
  [[nodiscard]] void* Take(size_t size) {
    if (void* const spare = TakeSpare(size)) return spare;
    void* const block =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return nullptr;
    const base::MutexLock lock(&mutex_);
    sizes_[block] = size;
    return block;
  }
  // 0: not one of these.
  [[nodiscard]] size_t SizeOf(void* block) {
    if (block == nullptr || (reinterpret_cast<uintptr_t>(block) & kPageMask) != 0) return 0;
    const base::MutexLock lock(&mutex_);
    const auto found = sizes_.find(block);
    return found == sizes_.end() ? 0 : found->second;
  }
  void Give(void* block, size_t size) {
    {
      const base::MutexLock lock(&mutex_);
      sizes_.erase(block);
    }
    if (munmap(block, size) == 0) return;
    // Out of the middle of a mapping, and the process may have no more of them: its RAM goes back
    // all the same, and it is the next to be taken.
    madvise(block, size, MADV_DONTNEED);
    const base::MutexLock lock(&mutex_);
    spares_.emplace_back(block, size);
  }

 private:
  [[nodiscard]] void* TakeSpare(size_t size) {
    const base::MutexLock lock(&mutex_);
    const auto found = std::find_if(spares_.begin(), spares_.end(),
                                    [size](const auto& spare) { return spare.second >= size; });
    if (found == spares_.end()) return nullptr;
    void* const block = found->first;
    sizes_[block] = found->second;
    *found = spares_.back();
    spares_.pop_back();
    return block;
  }

  base::Mutex mutex_;
  absl::flat_hash_map<void*, size_t> sizes_ ABSL_GUARDED_BY(mutex_);
  // Given back, but still there: no more than were in use at a time.
  std::vector<std::pair<void*, size_t>> spares_ ABSL_GUARDED_BY(mutex_);
};

OwnPages& Pages() {
  static auto* const pages = new OwnPages();  // sessions may outlive what ends at exit
  return *pages;
}

void* Allocate(size_t size, void* /*unused*/) {
  void* const block = size < kOwnPagesFrom ? nullptr : Pages().Take(size);
  return block != nullptr ? block : KeptMemory::Allocate(size);
}

void Free(void* block, void* /*unused*/) {
  const size_t size = Pages().SizeOf(block);
  if (size == 0) return KeptMemory::Free(block);
  Pages().Give(block, size);
}

void* AllocateZeros(size_t count, size_t size, void* /*unused*/) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
  void* const block = KeptMemory::Allocate(bytes);
  if (block != nullptr) std::memset(block, 0, bytes);
  return block;
}

void* Reallocate(void* block, size_t size, void* /*unused*/) {
  if (block == nullptr) return Allocate(size, nullptr);
  const size_t before = Pages().SizeOf(block);
  if (before == 0) return KeptMemory::Reallocate(block, size);
  void* const moved = Allocate(size, nullptr);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(before, size));
  Pages().Give(block, before);
  return moved;
}

}  // namespace

nghttp2_mem* Http2Memory() {
  static nghttp2_mem memory = {nullptr, Allocate, Free, AllocateZeros, Reallocate};
  return &memory;
}

}  // namespace sallyport::dataplane
