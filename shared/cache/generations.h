// When was what a cached answer depends on last evicted? Each tag has a generation: the revision of
// its last eviction. An answer made at revision r is valid while no tag of it has a generation
// above r. Evicting a tag is one store, checking an answer a few loads: nothing is walked, nothing
// is locked.
//
// Tags share a fixed table of 2^20 slots by hash. Two tags in one slot cost an answer that is asked
// again, never one that is used although it is void. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sallyport::cache {

// What an answer must remember to be checked later.
struct TagStamp {
  uint64_t revision = 0;
  uint64_t incarnation = 0;
  std::vector<uint32_t> slots;
};

class TagGenerations {
 public:
  TagGenerations();
  TagGenerations(const TagGenerations&) = delete;
  TagGenerations& operator=(const TagGenerations&) = delete;

  // `incarnation`: as read when the answer was asked for, not when it came.
  [[nodiscard]] TagStamp Stamp(absl::Span<const std::string> tags, uint64_t revision,
                               uint64_t incarnation) const;
  [[nodiscard]] bool Valid(const TagStamp& stamp) const;
  // The newest generation of its tags, or the floor: what an answer must have seen to be valid.
  [[nodiscard]] uint64_t Newest(const TagStamp& stamp) const;

  // Every answer with this tag that was made before `revision` is void.
  void Evict(absl::string_view tag, uint64_t revision);
  // Every answer that was asked for before is void, whatever its revision; evictions stay in force.
  // Any thread.
  void VoidAll();
  // The same, and every eviction is forgotten: revisions of another store or epoch start anew. What
  // was evicted up to `floor` is not known any more, so an answer made before that revision is void
  // whatever its tags. Only while nobody evicts (one thread takes snapshots and changes).
  void DropAll(uint64_t floor);

  // Changes with every eviction: what was valid at an epoch is valid while the epoch is the same.
  [[nodiscard]] uint64_t Epoch() const { return epoch_.load(std::memory_order_acquire); }
  [[nodiscard]] uint64_t Incarnation() const {
    return incarnation_.load(std::memory_order_acquire);
  }
  [[nodiscard]] uint64_t Evictions() const { return evictions_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kSlots = 1u << 20;
  struct Free {
    void operator()(std::atomic<uint64_t>* slots) const;
  };

  std::unique_ptr<std::atomic<uint64_t>[], Free> slots_;  // pages come when they are first written
  std::atomic<uint64_t> epoch_{1};
  std::atomic<uint64_t> incarnation_{1};
  std::atomic<uint64_t> floor_{0};
  std::atomic<uint64_t> evictions_{0};
};

}  // namespace sallyport::cache
