#include "shared/cache/generations.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "shared/cache/keyed_hash.h"

namespace sallyport::cache {
namespace {

constexpr size_t TableBytes(uint32_t slots) { return slots * sizeof(std::atomic<uint64_t>); }

uint32_t SlotOf(absl::string_view tag, uint32_t slots) {
  return static_cast<uint32_t>(KeyedHash(ProcessHashKey(), tag).low) & (slots - 1);
}

// Raises `cell` to at least `value`.
void Raise(std::atomic<uint64_t>* cell, uint64_t value) {
  uint64_t seen = cell->load(std::memory_order_relaxed);
  while (seen < value && !cell->compare_exchange_weak(seen, value, std::memory_order_release)) {
  }
}

}  // namespace

void TagGenerations::Free::operator()(std::atomic<uint64_t>* slots) const {
  munmap(slots, TableBytes(kSlots));
}

TagGenerations::TagGenerations() {
  // Anonymous memory is zero, and an atomic of zero bytes is zero.
  void* memory =
      mmap(nullptr, TableBytes(kSlots), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  slots_.reset(static_cast<std::atomic<uint64_t>*>(memory));
}

TagStamp TagGenerations::Stamp(absl::Span<const std::string> tags, uint64_t revision,
                               uint64_t incarnation) const {
  TagStamp stamp{revision, incarnation, {}};
  stamp.slots.reserve(tags.size());
  for (const std::string& tag : tags) stamp.slots.push_back(SlotOf(tag, kSlots));
  return stamp;
}

bool TagGenerations::Valid(const TagStamp& stamp) const {
  if (stamp.incarnation != Incarnation()) return false;
  if (stamp.revision < floor_.load(std::memory_order_acquire)) return false;
  for (uint32_t slot : stamp.slots) {
    if (slots_[slot].load(std::memory_order_acquire) > stamp.revision) return false;
  }
  // A table that was emptied meanwhile says nothing about this stamp.
  return stamp.incarnation == Incarnation();
}

uint64_t TagGenerations::Newest(const TagStamp& stamp) const {
  uint64_t newest = floor_.load(std::memory_order_acquire);
  for (uint32_t slot : stamp.slots)
    newest = std::max(newest, slots_[slot].load(std::memory_order_acquire));
  return newest;
}

void TagGenerations::Evict(absl::string_view tag, uint64_t revision) {
  Raise(&slots_[SlotOf(tag, kSlots)], revision);
  evictions_.fetch_add(1, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_acq_rel);
}

void TagGenerations::VoidAll() {
  incarnation_.fetch_add(1, std::memory_order_seq_cst);
  epoch_.fetch_add(1, std::memory_order_acq_rel);
}

void TagGenerations::DropAll(uint64_t floor) {
  // Before the incarnation: whoever asks under the new one is held to the new floor.
  floor_.store(floor, std::memory_order_release);
  // First the incarnation: what was stamped before is void from here on, whatever the table says.
  VoidAll();
  // Revisions of another epoch may be lower than those that were evicted at: start from nothing.
  // Pages go back to the system and read as zero.
  madvise(slots_.get(), TableBytes(kSlots), MADV_DONTNEED);
  epoch_.fetch_add(1, std::memory_order_acq_rel);
}

}  // namespace sallyport::cache
