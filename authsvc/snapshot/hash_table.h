// Persistent hash table of shared entries: a copy costs nothing, a change copies the path to one of 32,768
// buckets. A fixed depth of three levels, 32 children each, so a change costs nearly the same at any size
// (at a million entries a bucket holds about 30).
//
// Nodes made under an edit number may be changed in place under the same number: a builder takes a
// number from NextEdit and never shows its tables before it has stopped using it.
// Any number of threads may read one table; a table that is being changed has one owner.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

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
    for (const Item& item : bucket->items) {
      if (item.hash == hash && same(*item.entry)) return item.entry.get();
    }
    return nullptr;
  }

  // Replaces the entry for which `same` holds.
  template <typename Same>
  void Put(uint64_t edit, uint64_t hash, Pointer entry, const Same& same) {
    Bucket& bucket = OwnBucket(edit, hash);
    for (Item& item : bucket.items) {
      if (item.hash == hash && same(*item.entry)) {
        item.entry = std::move(entry);
        return;
      }
    }
    bucket.items.push_back({hash, std::move(entry)});
    ++size_;
  }

  template <typename Same>
  bool Erase(uint64_t edit, uint64_t hash, const Same& same) {
    if (Find(hash, same) == nullptr) return false;
    auto& items = OwnBucket(edit, hash).items;
    for (Item& item : items) {
      if (item.hash != hash || !same(*item.entry)) continue;
      if (&item != &items.back()) item = std::move(items.back());
      items.pop_back();
      --size_;
      return true;
    }
    return false;
  }

  [[nodiscard]] size_t size() const { return size_; }

 private:
  static constexpr uint64_t kBits = 5;
  static constexpr uint64_t kFan = 1 << kBits;
  struct Item {
    uint64_t hash;
    Pointer entry;
  };
  struct Bucket {
    uint64_t edit = 0;
    std::vector<Item> items;
  };
  template <typename Child>
  struct Node {
    uint64_t edit = 0;
    std::array<std::shared_ptr<Child>, kFan> children;
  };
  using Low = Node<Bucket>;
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
    return low == nullptr ? nullptr : low->children[Slot(hash, 2)].get();
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

  Bucket& OwnBucket(uint64_t edit, uint64_t hash) {
    Middle& middle = Own(edit, Own(edit, top_).children[Slot(hash, 0)]);
    return Own(edit, Own(edit, middle.children[Slot(hash, 1)]).children[Slot(hash, 2)]);
  }

  std::shared_ptr<Top> top_;
  size_t size_ = 0;
};

}  // namespace sallyport::authsvc
