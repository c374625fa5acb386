// Persistent hash table of shared entries: a trie of 16 children per node over leaves of at most 32
// entries. A copy costs nothing; a change copies the path, about log16(size / 16) nodes of 16
// pointers, and one leaf. A copy touches the count of all that it shares, each a cache miss in a
// large table: narrower nodes would touch less and make a look-up deeper, which costs more
// (measured: 4 children, 8 entries).
//
// Edit numbers: tree_node.h. Any number of threads may read one table; one that is being changed
// has one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "authsvc/snapshot/tree_node.h"

namespace sallyport::authsvc {

template <typename T>
class HashTable {
 public:
  using Pointer = Ref<const T>;

  // `same(entry)` tells whether an entry with this hash is the one.
  template <typename Same>
  [[nodiscard]] const T* Find(uint64_t hash, const Same& same) const {
    const Node* node = root_.get();
    for (uint64_t level = 0; node != nullptr && !node->leaf(); ++level) {
      node = node->children()[Slot(hash, level)].node.get();
    }
    if (node == nullptr) return nullptr;
    const size_t at = PositionOf(*node, hash, same);
    return at == node->size() ? nullptr : node->items()[at].entry.get();
  }

  // Replaces the entry for which `same` holds.
  template <typename Same>
  void Put(uint64_t edit, uint64_t hash, Pointer entry, const Same& same) {
    NodePointer* place = &root_;
    uint64_t level = 0;
    for (; *place && !(*place)->leaf(); ++level) {
      place = &Node::Own(edit, *place).children()[Slot(hash, level)].node;
    }
    NodePointer& leaf = *place;
    if (!leaf) leaf = Node::Leaf(edit, 0);
    const size_t at = PositionOf(*leaf, hash, same);
    if (at < leaf->size()) {
      Node::Own(edit, leaf).items()[at].entry = std::move(entry);
      return;
    }
    Node::Open(edit, leaf, at);
    leaf->items()[at] = {hash, std::move(entry)};
    ++size_;
    SplitLeaf(edit, leaf, level);
  }

  template <typename Same>
  bool Erase(uint64_t edit, uint64_t hash, const Same& same) {
    if (Find(hash, same) == nullptr) return false;
    EraseFrom(edit, root_, hash, 0, same);
    --size_;
    return true;
  }

  [[nodiscard]] size_t size() const { return size_; }

 private:
  static constexpr uint64_t kBits = 4;
  static constexpr uint64_t kFan = 1 << kBits;
  static constexpr uint64_t kLevels = 64 / kBits;
  static constexpr size_t kMost = 32;  // in a leaf; more only where all have one hash
  struct Item {
    uint64_t hash = 0;
    Pointer entry;
    friend const void* ItemAddress(const Item& item) { return item.entry.get(); }
  };
  struct NoMark {};
  using Node = TreeNode<Item, NoMark>;
  using NodePointer = typename Node::Pointer;

  // The upper bits first: the lower ones may be used by others.
  static size_t Slot(uint64_t hash, uint64_t level) {
    return (hash >> (64 - kBits * (level + 1))) & (kFan - 1);
  }

  template <typename Same>
  static size_t PositionOf(const Node& leaf, uint64_t hash, const Same& same) {
    const Item* items = leaf.items();
    for (size_t i = 0; i < leaf.size(); ++i) {
      if (items[i].hash == hash && same(*items[i].entry)) return i;
    }
    return leaf.size();
  }

  static bool OneHash(const Node& leaf) {
    for (size_t i = 1; i < leaf.size(); ++i) {
      if (leaf.items()[i].hash != leaf.items()[0].hash) return false;
    }
    return true;
  }

  // Makes an inner node of an owned leaf that is too full.
  static void SplitLeaf(uint64_t edit, NodePointer& leaf, uint64_t level) {
    if (leaf->size() <= kMost || level == kLevels || OneHash(*leaf)) return;
    NodePointer inner = Node::Inner(edit, kFan);
    for (size_t i = 0; i < leaf->size(); ++i) {
      Item& item = leaf->items()[i];
      NodePointer& part = inner->children()[Slot(item.hash, level)].node;
      if (!part) part = Node::Leaf(edit, 0);
      const size_t end = part->size();
      Node::Open(edit, part, end);
      part->items()[end] = std::move(item);
    }
    for (size_t i = 0; i < kFan; ++i) {
      NodePointer& part = inner->children()[i].node;
      if (part) SplitLeaf(edit, part, level + 1);
    }
    leaf = std::move(inner);
  }

  // What is looked for is there.
  template <typename Same>
  static void EraseFrom(uint64_t edit, NodePointer& node, uint64_t hash, uint64_t level,
                        const Same& same) {
    if (node->leaf()) {
      Node::Close(edit, node, PositionOf(*node, hash, same));
      return;
    }
    NodePointer& child = Node::Own(edit, node).children()[Slot(hash, level)].node;
    EraseFrom(edit, child, hash, level + 1, same);
    if (!child || child->leaf()) Shorten(node);
  }

  // An inner node with one leaf alone gives way to it, one with nothing to nothing.
  static void Shorten(NodePointer& node) {
    NodePointer only;
    for (size_t i = 0; i < kFan; ++i) {
      const NodePointer& child = node->children()[i].node;
      if (!child) continue;
      if (only || !child->leaf()) return;
      only = child;
    }
    node = std::move(only);
  }

  NodePointer root_;
  size_t size_ = 0;
};

}  // namespace sallyport::authsvc
