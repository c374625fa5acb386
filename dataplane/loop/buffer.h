// Pooled byte buffers of one loop. An idle connection holds none: it takes one when bytes arrive.
// Not thread-safe: a buffer goes back to the pool on the loop it came from.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sallyport::dataplane {

class BufferPool {
 public:
  static constexpr size_t kBlockBytes = 16 * 1024 + 512;  // a TLS record and some room

  [[nodiscard]] std::unique_ptr<char[]> Take();
  void Give(std::unique_ptr<char[]> block);
  // Of memory that a buffer takes and gives back by itself.
  void NoteTaken(size_t bytes) { lent_ += bytes; }
  void NoteGiven(size_t bytes) { lent_ -= bytes; }
  [[nodiscard]] size_t kept() const { return free_.size(); }
  // Bytes in use now, of buffers that have grown too.
  [[nodiscard]] size_t lent_bytes() const { return lent_; }

 private:
  static constexpr size_t kKeep = 256;  // 4 MB a loop at most
  std::vector<std::unique_ptr<char[]>> free_;
  size_t lent_ = 0;
};

// Bytes that were read and not yet used. Views of data() hold until the next call that is not
// const, Consume excepted.
class ReadBuffer {
 public:
  explicit ReadBuffer(BufferPool& pool) : pool_(&pool) {}
  ~ReadBuffer() { Release(); }
  ReadBuffer(const ReadBuffer&) = delete;
  ReadBuffer& operator=(const ReadBuffer&) = delete;

  [[nodiscard]] absl::string_view data() const { return {begin(), size()}; }
  [[nodiscard]] size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  void Consume(size_t count) { begin_ += count; }

  // Free space to read into, at least one byte; takes a block, moves unread bytes to the front or
  // grows (up to `limit` unread bytes; an empty span when they are that many already).
  [[nodiscard]] absl::Span<char> Space(size_t limit);
  void Commit(size_t count) { end_ += count; }
  // Gives the block back; only when empty() (else nothing happens).
  void ReleaseIfEmpty() {
    if (empty()) Release();
  }

 private:
  [[nodiscard]] const char* begin() const { return block_.get() + begin_; }
  void Release();
  void GiveBack();  // block_
  void Grow();

  BufferPool* pool_;
  std::unique_ptr<char[]> block_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace sallyport::dataplane
