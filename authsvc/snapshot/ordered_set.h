// Persistent ordered set of shared entries (a B-tree whose changes copy the path): a copy costs
// nothing, a change costs the logarithm of the size, a page of a listing costs what the page holds.
// Small nodes, because a copy touches all that it shares; edit numbers and threads as in
// hash_table.h. Order: less(a, b) between entries, and less(entry, key) for VisitFrom. Erasing does
// not merge nodes; an empty one is removed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/functional/function_ref.h"
#include "authsvc/snapshot/tree_node.h"

namespace sallyport::authsvc {

template <typename T, typename Less>
class OrderedSet {
 public:
  using Pointer = Ref<const T>;

  // Replaces an equal entry. True: there was none.
  bool Put(uint64_t edit, Pointer entry) {
    if (!root_) root_ = Node::Leaf(edit, 0);
    bool added = true;
    NodePointer right = PutInto(edit, root_, std::move(entry), &added);
    if (right) Grow(edit, std::move(right));
    if (added) ++size_;
    return added;
  }

  // True: it was there.
  bool Erase(uint64_t edit, const T& entry) {
    if (!root_ || !Contains(entry)) return false;
    EraseFrom(edit, root_, entry);
    while (root_ && !root_->leaf() && root_->size() == 1) {
      NodePointer only = root_->children()[0].node;
      root_ = std::move(only);
    }
    --size_;
    return true;
  }

  // In order, from the first entry that is not less than `key`, until `visit` answers false.
  template <typename Key>
  void VisitFrom(const Key& key, absl::FunctionRef<bool(const T&)> visit) const {
    if (root_) Visit(*root_, &key, visit);
  }
  void VisitAll(absl::FunctionRef<bool(const T&)> visit) const {
    if (root_) Visit<T>(*root_, nullptr, visit);
  }

  [[nodiscard]] size_t size() const { return size_; }

 private:
  static constexpr size_t kMost = 8;
  // A child's mark is its first entry. The child keeps it alive.
  using Node = TreeNode<Pointer, const T*>;
  using NodePointer = typename Node::Pointer;
  using Child = typename Node::Child;

  static const T* First(const Node& node) {
    return node.leaf() ? node.items()[0].get() : node.children()[0].mark;
  }

  // The child that holds an equal entry, if any does: the last one that does not begin behind it.
  static size_t ChildFor(const Node& node, const T& entry) {
    const Child* begin = node.children();
    const Child* behind = std::upper_bound(
        begin, begin + node.size(), entry,
        [](const T& wanted, const Child& child) { return Less()(wanted, *child.mark); });
    return behind == begin ? 0 : static_cast<size_t>(behind - begin) - 1;
  }
  // The child where a walk from `key` starts: the last one that begins before it.
  template <typename Key>
  static size_t StartFor(const Node& node, const Key& key) {
    const Child* begin = node.children();
    const Child* at = std::lower_bound(
        begin, begin + node.size(), key,
        [](const Child& child, const Key& wanted) { return Less()(*child.mark, wanted); });
    return at == begin ? 0 : static_cast<size_t>(at - begin) - 1;
  }
  template <typename Key>
  static size_t Position(const Node& leaf, const Key& key) {
    const Pointer* begin = leaf.items();
    const Pointer* at = std::lower_bound(
        begin, begin + leaf.size(), key,
        [](const Pointer& entry, const Key& wanted) { return Less()(*entry, wanted); });
    return static_cast<size_t>(at - begin);
  }

  [[nodiscard]] bool Contains(const T& entry) const {
    const Node* node = root_.get();
    while (!node->leaf()) node = node->children()[ChildFor(*node, entry)].node.get();
    const size_t at = Position(*node, entry);
    return at < node->size() && !Less()(entry, *node->items()[at]);
  }

  // Splits an owned node that is too full; null when it is not. Appending in order leaves full
  // nodes.
  static NodePointer SplitFull(uint64_t edit, NodePointer& node, bool appended) {
    if (node->size() <= kMost) return NodePointer();
    return Node::Split(edit, node, appended ? kMost : node->size() / 2);
  }

  // What came to the right of `node`; null: nothing.
  static NodePointer PutInto(uint64_t edit, NodePointer& node, Pointer entry, bool* added) {
    if (node->leaf()) {
      const size_t at = Position(*node, *entry);
      *added = at == node->size() || Less()(*entry, *node->items()[at]);
      if (*added) Node::Open(edit, node, at);
      Node::Own(edit, node).items()[at] = std::move(entry);
      return SplitFull(edit, node, at + 1 == node->size());
    }
    const size_t at = ChildFor(*node, *entry);
    Child& child = Node::Own(edit, node).children()[at];
    NodePointer right = PutInto(edit, child.node, std::move(entry), added);
    child.mark = First(*child.node);
    if (!right) return right;
    Node::Open(edit, node, at + 1);
    node->children()[at + 1] = Marked(std::move(right));
    return SplitFull(edit, node, at + 2 == node->size());
  }

  static Child Marked(NodePointer node) {
    const T* first = First(*node);
    return {std::move(node), first};
  }

  void Grow(uint64_t edit, NodePointer right) {
    NodePointer top = Node::Inner(edit, 2);
    top->children()[0] = Marked(std::move(root_));
    top->children()[1] = Marked(std::move(right));
    root_ = std::move(top);
  }

  // What is looked for is there.
  static void EraseFrom(uint64_t edit, NodePointer& node, const T& entry) {
    if (node->leaf()) {
      Node::Close(edit, node, Position(*node, entry));
      return;
    }
    const size_t at = ChildFor(*node, entry);
    Child& child = Node::Own(edit, node).children()[at];
    EraseFrom(edit, child.node, entry);
    if (child.node) {
      child.mark = First(*child.node);
    } else {
      Node::Close(edit, node, at);
    }
  }

  // `key` null: from the first.
  template <typename Key>
  static bool Visit(const Node& node, const Key* key, absl::FunctionRef<bool(const T&)> visit) {
    if (node.leaf()) {
      for (size_t i = key == nullptr ? 0 : Position(node, *key); i < node.size(); ++i) {
        if (!visit(*node.items()[i])) return false;
      }
      return true;
    }
    const size_t first = key == nullptr ? 0 : StartFor(node, *key);
    for (size_t i = first; i < node.size(); ++i) {
      if (!Visit(*node.children()[i].node, i == first ? key : nullptr, visit)) return false;
    }
    return true;
  }

  NodePointer root_;
  size_t size_ = 0;
};

}  // namespace sallyport::authsvc
