// Persistent hash table of shared entries: a copy costs nothing, a change copies the path to one of 32,768
// buckets. A fixed depth of three levels, 32 children each, so a change costs nearly the same at any size
// (at a million entries a bucket holds about 30).
//
// Nodes made under an edit number may be changed in place under the same number: a builder takes a
// number from NextEdit and never shows its tables before it has stopped using it.
// Any number of threads may read one table; a table that is being changed has one owner.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace sallyport::authsvc {

[[nodiscard]] inline uint64_t NextEdit() {
  static std::atomic<uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

template <typename T>
class HashTable {
 public:
  using Pointer = std::shared_ptr<const T>;

  // `same(entry)` tells whether an entry with this hash is the one.
  template <typename Same>
  [[nodiscard]] const T* Find(uint64_t hash, const Same& same) const {
    const Bucket* bucket = BucketOf(hash);
    if (bucket == nullptr) return nullptr;
    const size_t at = PositionOf(*bucket, hash, same);
    return at == bucket->count ? nullptr : bucket->items[at].entry.get();
  }

  // Replaces the entry for which `same` holds.
  template <typename Same>
  void Put(uint64_t edit, uint64_t hash, Pointer entry, const Same& same) {
    Bucket& bucket = OwnBucket(edit, hash);
    const size_t at = PositionOf(bucket, hash, same);
    const bool added = at == bucket.count;
    if (added || bucket.edit != edit) Renew(&bucket, edit, bucket.count + (added ? 1 : 0));
    if (!added) {
      bucket.items[at].entry = std::move(entry);
      return;
    }
    size_t gap = bucket.count - 1;  // the new place, still empty
    for (; gap > 0 && bucket.items[gap - 1].hash > hash; --gap) {
      bucket.items[gap] = std::move(bucket.items[gap - 1]);
    }
    bucket.items[gap] = {hash, std::move(entry)};
    ++size_;
  }

  template <typename Same>
  bool Erase(uint64_t edit, uint64_t hash, const Same& same) {
    if (Find(hash, same) == nullptr) return false;
    Bucket& bucket = OwnBucket(edit, hash);
    const size_t at = PositionOf(bucket, hash, same);
    if (bucket.edit != edit) Renew(&bucket, edit, bucket.count);
    for (size_t i = at; i + 1 < bucket.count; ++i) bucket.items[i] = std::move(bucket.items[i + 1]);
    bucket.items[bucket.count - 1] = Item();
    --bucket.count;
    --size_;
    return true;
  }

  [[nodiscard]] size_t size() const { return size_; }

 private:
  static constexpr uint64_t kBits = 5;
  static constexpr uint64_t kFan = 1 << kBits;
  struct Item {
    uint64_t hash = 0;
    Pointer entry;
  };
  // Items in the order of their hashes. An array that another edit made is never changed.
  struct Bucket {
    std::shared_ptr<Item[]> items;
    size_t count = 0;
    uint64_t edit = 0;
  };
  template <typename Child>
  struct Node {
    uint64_t edit = 0;
    std::array<std::shared_ptr<Child>, kFan> children;
  };
  struct Low {
    uint64_t edit = 0;
    std::array<Bucket, kFan> buckets;
  };
  using Middle = Node<Low>;
  using Top = Node<Middle>;

  // The upper bits: the lower ones may be used by others.
  static size_t Slot(uint64_t hash, uint64_t level) {
    return (hash >> (64 - kBits * (level + 1))) & (kFan - 1);
  }

  const Bucket* BucketOf(uint64_t hash) const {
    if (top_ == nullptr) return nullptr;
    const Middle* middle = top_->children[Slot(hash, 0)].get();
    if (middle == nullptr) return nullptr;
    const Low* low = middle->children[Slot(hash, 1)].get();
    return low == nullptr ? nullptr : &low->buckets[Slot(hash, 2)];
  }

  template <typename Child>
  static Child& Own(uint64_t edit, std::shared_ptr<Child>& child) {
    if (child == nullptr) {
      child = std::make_shared<Child>();
    } else if (child->edit != edit) {
      child = std::make_shared<Child>(*child);
    }
    child->edit = edit;
    return *child;
  }

  // The node is owned; the array of the bucket may not be.
  Bucket& OwnBucket(uint64_t edit, uint64_t hash) {
    Middle& middle = Own(edit, Own(edit, top_).children[Slot(hash, 0)]);
    return Own(edit, middle.children[Slot(hash, 1)]).buckets[Slot(hash, 2)];
  }

  // Gives the bucket an array of its own with room for `count`; entries are moved when it had one.
  static void Renew(Bucket* bucket, uint64_t edit, size_t count) {
    auto items = std::make_shared<Item[]>(count);
    for (size_t i = 0; i < std::min(count, bucket->count); ++i) {
      if (bucket->edit == edit) {
        items[i] = std::move(bucket->items[i]);
      } else {
        items[i] = bucket->items[i];
      }
    }
    bucket->items = std::move(items);
    bucket->count = count;
    bucket->edit = edit;
  }

  // Hashes are spread evenly, so the place follows from the bits below those that chose the bucket.
  template <typename Same>
  static size_t PositionOf(const Bucket& bucket, uint64_t hash, const Same& same) {
    if (bucket.count == 0) return 0;
    const uint64_t share = (hash << (3 * kBits)) >> 32;
    auto at = static_cast<size_t>((share * bucket.count) >> 32);
    const Item* items = bucket.items.get();
    while (at > 0 && items[at - 1].hash >= hash) --at;
    while (at < bucket.count && items[at].hash < hash) ++at;
    for (; at < bucket.count && items[at].hash == hash; ++at) {
      if (same(*items[at].entry)) return at;
    }
    return bucket.count;
  }

  std::shared_ptr<Top> top_;
  size_t size_ = 0;
};

}  // namespace sallyport::authsvc
