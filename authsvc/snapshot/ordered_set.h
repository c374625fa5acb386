// Persistent ordered set of shared entries (a B-tree whose changes copy the path): a copy costs
// nothing, a change costs the logarithm of the size, a page of a listing costs what the page holds.
// Edit numbers and threads as in hash_table.h. Order: less(a, b) between entries, and less(entry, key)
// for VisitFrom. Erasing does not merge nodes; an empty one is removed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"

namespace sallyport::authsvc {

template <typename T, typename Less>
class OrderedSet {
 public:
  using Pointer = std::shared_ptr<const T>;

  // Replaces an equal entry. True: there was none.
  bool Put(uint64_t edit, Pointer entry) {
    if (root_ == nullptr) root_ = std::make_shared<Node>();
    Own(edit, root_);
    bool added = true;
    NodePtr right = PutInto(edit, *root_, std::move(entry), &added);
    if (right != nullptr) Grow(edit, std::move(right));
    if (added) ++size_;
    return added;
  }

  // True: it was there.
  bool Erase(uint64_t edit, const T& entry) {
    if (root_ == nullptr || !Contains(*root_, entry)) return false;
    Own(edit, root_);
    EraseFrom(edit, *root_, entry);
    if (root_->items.empty()) root_ = nullptr;
    while (root_ != nullptr && !root_->children.empty() && root_->children.size() == 1) {
      NodePtr only = root_->children[0];
      root_ = std::move(only);
    }
    --size_;
    return true;
  }

  // In order, from the first entry that is not less than `key`, until `visit` answers false.
  template <typename Key>
  void VisitFrom(const Key& key, absl::FunctionRef<bool(const T&)> visit) const {
    if (root_ != nullptr) Visit(*root_, &key, visit);
  }
  void VisitAll(absl::FunctionRef<bool(const T&)> visit) const {
    if (root_ != nullptr) Visit<T>(*root_, nullptr, visit);
  }

  [[nodiscard]] size_t size() const { return size_; }

 private:
  static constexpr size_t kMost = 64;
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  // A leaf holds entries. An inner node holds children and, for each, an entry that is not greater than
  // any in it and greater than all in the child before (it may itself be erased by now).
  struct Node {
    uint64_t edit = 0;
    std::vector<Pointer> items;
    std::vector<NodePtr> children;
  };

  static Node& Own(uint64_t edit, NodePtr& node) {
    if (node->edit != edit) node = std::make_shared<Node>(*node);
    node->edit = edit;
    return *node;
  }

  // The child that holds an equal entry, if any does: the last one whose separator is not greater.
  static size_t ChildFor(const Node& node, const T& entry) {
    const auto behind = std::upper_bound(
        node.items.begin(), node.items.end(), entry,
        [](const T& wanted, const Pointer& separator) { return Less()(wanted, *separator); });
    return behind == node.items.begin() ? 0 : static_cast<size_t>(behind - node.items.begin()) - 1;
  }
  // The child where a walk from `key` starts: the last one whose separator is less.
  template <typename Key>
  static size_t StartFor(const Node& node, const Key& key) {
    const size_t at = Position(node, key);
    return at == 0 ? 0 : at - 1;
  }

  template <typename Key>
  static size_t Position(const Node& node, const Key& key) {
    const auto at = std::lower_bound(
        node.items.begin(), node.items.end(), key,
        [](const Pointer& entry, const Key& wanted) { return Less()(*entry, wanted); });
    return static_cast<size_t>(at - node.items.begin());
  }

  static bool Contains(const Node& node, const T& entry) {
    if (!node.children.empty()) return Contains(*node.children[ChildFor(node, entry)], entry);
    const size_t at = Position(node, entry);
    return at < node.items.size() && !Less()(entry, *node.items[at]);
  }

  // Splits an owned node that is too full; null when it is not. Appending in order leaves full nodes.
  static NodePtr Split(uint64_t edit, Node& node, bool appended) {
    if (node.items.size() <= kMost) return nullptr;
    const size_t keep = appended ? kMost : node.items.size() / 2;
    auto right = std::make_shared<Node>();
    right->edit = edit;
    const auto cut = static_cast<std::ptrdiff_t>(keep);
    right->items.assign(node.items.begin() + cut, node.items.end());
    node.items.resize(keep);
    node.items.shrink_to_fit();  // it had room for one more than a full node
    if (!node.children.empty()) {
      right->children.assign(node.children.begin() + cut, node.children.end());
      node.children.resize(keep);
    }
    return right;
  }

  static NodePtr PutInto(uint64_t edit, Node& node, Pointer entry, bool* added) {
    if (node.children.empty()) {
      const size_t at = Position(node, *entry);
      if (at < node.items.size() && !Less()(*entry, *node.items[at])) {
        node.items[at] = std::move(entry);
        *added = false;
        return nullptr;
      }
      // Never room for more than a full node and the entry that splits it.
      if (node.items.size() == node.items.capacity()) {
        node.items.reserve(std::min(2 * node.items.size() + 1, kMost + 1));
      }
      node.items.insert(node.items.begin() + static_cast<std::ptrdiff_t>(at), std::move(entry));
      return Split(edit, node, at + 1 == node.items.size());
    }
    const size_t at = ChildFor(node, *entry);
    if (at == 0 && Less()(*entry, *node.items[0])) node.items[0] = entry;
    NodePtr right = PutInto(edit, Own(edit, node.children[at]), std::move(entry), added);
    if (right == nullptr) return nullptr;
    const auto behind = static_cast<std::ptrdiff_t>(at + 1);
    node.items.insert(node.items.begin() + behind, right->items[0]);
    node.children.insert(node.children.begin() + behind, std::move(right));
    return Split(edit, node, at + 2 == node.children.size());
  }

  void Grow(uint64_t edit, NodePtr right) {
    auto top = std::make_shared<Node>();
    top->edit = edit;
    top->items = {root_->items[0], right->items[0]};
    top->children = {root_, std::move(right)};
    root_ = std::move(top);
  }

  static void EraseFrom(uint64_t edit, Node& node, const T& entry) {
    if (node.children.empty()) {
      node.items.erase(node.items.begin() + static_cast<std::ptrdiff_t>(Position(node, entry)));
      return;
    }
    const size_t at = ChildFor(node, entry);
    EraseFrom(edit, Own(edit, node.children[at]), entry);
    if (!node.children[at]->items.empty()) return;
    node.items.erase(node.items.begin() + static_cast<std::ptrdiff_t>(at));
    node.children.erase(node.children.begin() + static_cast<std::ptrdiff_t>(at));
  }

  // `key` null: from the first.
  template <typename Key>
  static bool Visit(const Node& node, const Key* key, absl::FunctionRef<bool(const T&)> visit) {
    if (node.children.empty()) {
      for (size_t i = key == nullptr ? 0 : Position(node, *key); i < node.items.size(); ++i) {
        if (!visit(*node.items[i])) return false;
      }
      return true;
    }
    const size_t first = key == nullptr ? 0 : StartFor(node, *key);
    for (size_t i = first; i < node.children.size(); ++i) {
      if (!Visit(*node.children[i], i == first ? key : nullptr, visit)) return false;
    }
    return true;
  }

  NodePtr root_;
  size_t size_ = 0;
};

}  // namespace sallyport::authsvc
