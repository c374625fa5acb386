// What hash_table.h and ordered_set.h are made of: counted pointers of eight bytes and small nodes
// of one allocation each. Counts are atomic: tables that share nodes may be used and dropped by any
// threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace sallyport::authsvc {

// Nodes made under an edit number may be changed in place under the same number: a builder takes
// one and never shows its tables before it has stopped using it.
[[nodiscard]] inline uint64_t NextEdit() {
  static std::atomic<uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

// Shares what counts its owners itself: `Counted` has `std::atomic<uint32_t> owners{1}` and
// `static void Destroy(Counted*)`.
template <typename Counted>
class CountedPointer {
 public:
  CountedPointer() = default;
  // Takes over the one share that a new object has.
  explicit CountedPointer(Counted* fresh) : object_(fresh) {}
  CountedPointer(const CountedPointer& other) : object_(other.object_) {
    if (object_ != nullptr) object_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  CountedPointer(CountedPointer&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)) {}
  CountedPointer& operator=(CountedPointer other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~CountedPointer() {
    if (object_ != nullptr && object_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      Counted::Destroy(object_);
    }
  }
  [[nodiscard]] Counted* get() const { return object_; }
  Counted& operator*() const { return *object_; }
  Counted* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  Counted* object_ = nullptr;
};

template <typename T>
struct Box {
  template <typename... Args>
  explicit Box(Args&&... args) : value{std::forward<Args>(args)...} {}
  static void Destroy(Box* box) { delete box; }
  std::atomic<uint32_t> owners{1};
  T value;
};

// A shared value, as std::shared_ptr of std::make_shared, in half the room. No weak pointers, no
// casts.
template <typename T>
class Ref {
 public:
  using Boxed = Box<std::remove_const_t<T>>;
  Ref() = default;
  explicit Ref(CountedPointer<Boxed> box) : box_(std::move(box)) {}
  template <typename Mutable>
    requires(!std::is_same_v<Mutable, T> && std::is_same_v<const Mutable, T>)
  // As T* is const T* without a word.
  Ref(Ref<Mutable> other)  // NOLINT(google-explicit-constructor)
      : box_(std::move(other).TakeBox()) {}
  [[nodiscard]] T* get() const { return box_ ? &box_->value : nullptr; }
  T& operator*() const { return box_->value; }
  T* operator->() const { return &box_->value; }
  explicit operator bool() const { return static_cast<bool>(box_); }
  [[nodiscard]] CountedPointer<Boxed> TakeBox() && { return std::move(box_); }

 private:
  CountedPointer<Boxed> box_;
};

template <typename T, typename... Args>
[[nodiscard]] Ref<T> MakeRef(Args&&... args) {
  return Ref<T>(CountedPointer<Box<T>>(new Box<T>(std::forward<Args>(args)...)));
}

// Where the count of an item is; one that holds its Ref under a name has an overload of its own.
template <typename T>
[[nodiscard]] const void* ItemAddress(const Ref<T>& ref) {
  return ref.get();
}

// A leaf holds `size` items, an inner node `size` children, each with a mark. The array follows the
// head.
template <typename Item, typename Mark>
struct TreeNode {
  using Pointer = CountedPointer<TreeNode>;
  struct Child {
    Pointer node;
    [[no_unique_address]] Mark mark{};
  };

  [[nodiscard]] static Pointer Leaf(uint64_t edit, size_t size) {
    return Make<Item>(edit, size, true);
  }
  [[nodiscard]] static Pointer Inner(uint64_t edit, size_t size) {
    return Make<Child>(edit, size, false);
  }

  [[nodiscard]] Item* items() { return Array<Item>(); }
  [[nodiscard]] const Item* items() const {
    return const_cast<TreeNode*>(this)->template Array<Item>();
  }
  [[nodiscard]] Child* children() { return Array<Child>(); }
  [[nodiscard]] const Child* children() const {
    return const_cast<TreeNode*>(this)->template Array<Child>();
  }

  // The same node, if it was made under `edit`; a copy takes its place otherwise.
  static TreeNode& Own(uint64_t edit, Pointer& node) {
    if (node->edit() != edit) node = node->Part(edit, 0, node->size());
    return *node;
  }
  // The node with an empty place at `at`.
  static void Open(uint64_t edit, Pointer& node, size_t at) {
    Pointer wide = node->Like(edit, node->size() + 1);
    node->Transfer(edit, 0, at, *wide, 0);
    node->Transfer(edit, at, node->size() - at, *wide, at + 1);
    node = std::move(wide);
  }
  // The node without what is at `at`; null when nothing is left.
  static void Close(uint64_t edit, Pointer& node, size_t at) {
    Pointer narrow;
    if (node->size() > 1) {
      narrow = node->Like(edit, node->size() - 1);
      node->Transfer(edit, 0, at, *narrow, 0);
      node->Transfer(edit, at + 1, node->size() - at - 1, *narrow, at);
    }
    node = std::move(narrow);
  }
  // Leaves the first `keep` in the node and gives the rest.
  [[nodiscard]] static Pointer Split(uint64_t edit, Pointer& node, size_t keep) {
    Pointer right = node->Part(edit, keep, node->size() - keep);
    node = node->Part(edit, 0, keep);
    return right;
  }

  static void Destroy(TreeNode* node) {
    if (node->leaf()) std::destroy_n(node->items(), node->size());
    if (!node->leaf()) std::destroy_n(node->children(), node->size());
    node->~TreeNode();
    ::operator delete(node);
  }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool leaf() const { return (stamp_ & 1) != 0; }
  [[nodiscard]] uint64_t edit() const { return stamp_ >> 1; }

  std::atomic<uint32_t> owners{1};

 private:
  TreeNode(uint64_t edit, size_t size, bool leaf)
      : size_(static_cast<uint32_t>(size)), stamp_(edit << 1 | (leaf ? 1 : 0)) {}

  template <typename Element>
  Element* Array() {
    static_assert(alignof(Element) <= alignof(TreeNode) &&
                  sizeof(TreeNode) % alignof(Element) == 0);
    return std::launder(reinterpret_cast<Element*>(this + 1));
  }
  template <typename Element>
  static Pointer Make(uint64_t edit, size_t size, bool leaf) {
    void* memory = ::operator new(sizeof(TreeNode) + size * sizeof(Element));
    auto* node = new (memory) TreeNode(edit, size, leaf);
    std::uninitialized_value_construct_n(reinterpret_cast<Element*>(node + 1), size);
    return Pointer(node);
  }
  [[nodiscard]] Pointer Like(uint64_t number, size_t count) const {
    return leaf() ? Leaf(number, count) : Inner(number, count);
  }
  [[nodiscard]] Pointer Part(uint64_t number, size_t from, size_t count) {
    Pointer part = Like(number, count);
    Transfer(number, from, count, *part, 0);
    return part;
  }
  // Moves what nobody else has seen yet.
  void Transfer(uint64_t number, size_t from, size_t count, TreeNode& other, size_t to) {
    if (leaf()) Transfer(number, items() + from, count, other.items() + to);
    if (!leaf()) Transfer(number, children() + from, count, other.children() + to);
  }
  template <typename Element>
  void Transfer(uint64_t number, Element* from, size_t count, Element* to) {
    if (number == edit()) {
      std::move(from, from + count, to);
      return;
    }
    // All counts are asked for before the first is touched: what misses the cache misses at the
    // same time.
    for (size_t i = 0; i < count; ++i) __builtin_prefetch(AddressOf(from[i]), 1);
    std::copy(from, from + count, to);
  }
  static const void* AddressOf(const Item& item) { return ItemAddress(item); }
  static const void* AddressOf(const Child& child) { return child.node.get(); }

  const uint32_t size_;
  const uint64_t stamp_;
};

}  // namespace sallyport::authsvc
