// What a loop's thread takes and gives back for every request and handshake, kept by the thread
// while it runs its loop: the frames of coroutines, small blocks of OpenSSL, nghttp2 and our own,
// of which there are more than the allocator's own cache holds, and OpenSSL's two buffers of a
// record, which are too large for it. Bounded. Not in sanitised builds, which are to see what is
// used after it was given back.
#pragma once

#include <cstddef>
#include <memory>

namespace sallyport::dataplane {

// On the thread's stack, for as long as the thread keeps.
class KeptMemory {
 public:
  KeptMemory();
  ~KeptMemory();  // gives all of it back
  KeptMemory(const KeptMemory&) = delete;
  KeptMemory& operator=(const KeptMemory&) = delete;

  // First thing in main: OpenSSL takes its memory by the two below from then on. False: it has some
  // already, or this is a sanitised build, and nothing changes.
  static bool KeepForOpenssl();
  // As malloc, realloc and free, on any thread and across threads; a block may come as it was left.
  // Nothing, and freed, for a size of zero: as OpenSSL has it.
  [[nodiscard]] static void* Allocate(size_t size);
  [[nodiscard]] static void* Reallocate(void* block, size_t size);
  static void Free(void* block);

  // What this thread keeps now that nobody uses, and the most there is of it: about, of the small
  // blocks, one more.
  [[nodiscard]] static size_t KeptBytes();
  static constexpr size_t kMostSmallBytes = size_t{2} * 1024 * 1024;
  static constexpr size_t kMostLargeBytes = size_t{16} * 17 * 1024;

 private:
  struct Blocks;
  static thread_local Blocks* blocks_;  // null: this thread keeps none
  std::unique_ptr<Blocks> own_;
};

}  // namespace sallyport::dataplane
