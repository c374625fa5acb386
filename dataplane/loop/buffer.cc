#include "dataplane/loop/buffer.h"

#include <cstring>

namespace sallyport::dataplane {

std::unique_ptr<char[]> BufferPool::Take() {
  lent_ += kBlockBytes;
  if (free_.empty()) return std::unique_ptr<char[]>(new char[kBlockBytes]);
  std::unique_ptr<char[]> block = std::move(free_.back());
  free_.pop_back();
  return block;
}

void BufferPool::Give(std::unique_ptr<char[]> block) {
  lent_ -= kBlockBytes;
  if (free_.size() < kKeep) free_.push_back(std::move(block));
}

absl::Span<char> ReadBuffer::Space(size_t limit) {
  if (size() >= limit) return {};
  if (block_ == nullptr) {
    block_ = pool_->Take();
    capacity_ = BufferPool::kBlockBytes;
  } else if (empty()) {
    begin_ = end_ = 0;
  } else if (end_ == capacity_) {
    Grow();
  }
  return {block_.get() + end_, capacity_ - end_};
}

void ReadBuffer::Grow() {
  const size_t unread = size();
  if (begin_ >= capacity_ / 2) {
    std::memmove(block_.get(), block_.get() + begin_, unread);
  } else {
    const size_t larger_capacity = capacity_ * 2;
    std::unique_ptr<char[]> larger(new char[larger_capacity]);
    std::memcpy(larger.get(), block_.get() + begin_, unread);
    GiveBack();
    pool_->NoteTaken(larger_capacity);
    block_ = std::move(larger);
    capacity_ = larger_capacity;
  }
  begin_ = 0;
  end_ = unread;
}

void ReadBuffer::GiveBack() {
  if (capacity_ == BufferPool::kBlockBytes) return pool_->Give(std::move(block_));
  pool_->NoteGiven(capacity_);
  block_.reset();
}

void ReadBuffer::Release() {
  if (block_ != nullptr) GiveBack();
  capacity_ = begin_ = end_ = 0;
}

}  // namespace sallyport::dataplane
