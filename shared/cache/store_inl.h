// Definitions of store.h.
#pragma once

namespace sallyport::cache {

template <typename Value>
const typename LruStore<Value>::Ptr* LruStore<Value>::Find(const Hash128& key, int64_t now_ns) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  const uint32_t at = found->second;
  if (nodes_[at].keep_until_ns <= now_ns) {
    Drop(at);
    return nullptr;
  }
  if (newest_ != at) {
    Unlink(at);
    LinkNewest(at);
  }
  return &nodes_[at].value;
}

template <typename Value>
size_t LruStore<Value>::Put(const Hash128& key, Ptr value, size_t bytes, int64_t keep_until_ns) {
  Erase(key);
  if (bytes > max_bytes_ || max_entries_ == 0) return 0;
  size_t dropped = 0;
  while (oldest_ != kNone && (index_.size() >= max_entries_ || bytes_ + bytes > max_bytes_)) {
    Drop(oldest_);
    ++dropped;
  }
  const uint32_t at = Take();
  Node& node = nodes_[at];
  node.key = key;
  node.value = std::move(value);
  node.bytes = bytes;
  node.keep_until_ns = keep_until_ns;
  bytes_ += bytes;
  index_.emplace(key, at);
  LinkNewest(at);
  return dropped;
}

template <typename Value>
void LruStore<Value>::Erase(const Hash128& key) {
  const auto found = index_.find(key);
  if (found != index_.end()) Drop(found->second);
}

template <typename Value>
void LruStore<Value>::Clear() {
  index_.clear();
  nodes_.clear();
  free_.clear();
  bytes_ = 0;
  newest_ = oldest_ = kNone;
}

template <typename Value>
void LruStore<Value>::Unlink(uint32_t at) {
  Node& node = nodes_[at];
  (node.newer == kNone ? newest_ : nodes_[node.newer].older) = node.older;
  (node.older == kNone ? oldest_ : nodes_[node.older].newer) = node.newer;
  node.newer = node.older = kNone;
}

template <typename Value>
void LruStore<Value>::LinkNewest(uint32_t at) {
  nodes_[at].older = newest_;
  nodes_[at].newer = kNone;
  if (newest_ != kNone) nodes_[newest_].newer = at;
  newest_ = at;
  if (oldest_ == kNone) oldest_ = at;
}

template <typename Value>
void LruStore<Value>::Drop(uint32_t at) {
  Unlink(at);
  Node& node = nodes_[at];
  index_.erase(node.key);
  bytes_ -= node.bytes;
  node.value.reset();
  free_.push_back(at);
}

template <typename Value>
uint32_t LruStore<Value>::Take() {
  if (!free_.empty()) {
    const uint32_t at = free_.back();
    free_.pop_back();
    return at;
  }
  nodes_.emplace_back();
  return static_cast<uint32_t>(nodes_.size() - 1);
}

template <typename Value>
ShardedStore<Value>::ShardedStore(size_t max_entries, size_t max_bytes) {
  const size_t entries = (max_entries + kShards - 1) / kShards;
  for (auto& shard : shards_) shard = std::make_unique<Shard>(entries, max_bytes / kShards);
}

template <typename Value>
typename ShardedStore<Value>::Ptr ShardedStore<Value>::Find(const Hash128& key, int64_t now_ns) {
  Shard& shard = Of(key);
  base::MutexLock lock(&shard.mutex);
  const Ptr* found = shard.store.Find(key, now_ns);
  return found == nullptr ? nullptr : *found;
}

template <typename Value>
void ShardedStore<Value>::Put(const Hash128& key, Ptr value, size_t bytes, int64_t keep_until_ns) {
  Shard& shard = Of(key);
  base::MutexLock lock(&shard.mutex);
  const size_t dropped = shard.store.Put(key, std::move(value), bytes, keep_until_ns);
  if (dropped > 0) dropped_.fetch_add(dropped, std::memory_order_relaxed);
}

template <typename Value>
void ShardedStore<Value>::Erase(const Hash128& key) {
  Shard& shard = Of(key);
  base::MutexLock lock(&shard.mutex);
  shard.store.Erase(key);
}

template <typename Value>
void ShardedStore<Value>::Clear() {
  for (auto& shard : shards_) {
    base::MutexLock lock(&shard->mutex);
    shard->store.Clear();
  }
}

template <typename Value>
size_t ShardedStore<Value>::size() const {
  size_t total = 0;
  for (const auto& shard : shards_) {
    base::MutexLock lock(&shard->mutex);
    total += shard->store.size();
  }
  return total;
}

template <typename Value>
size_t ShardedStore<Value>::bytes() const {
  size_t total = 0;
  for (const auto& shard : shards_) {
    base::MutexLock lock(&shard->mutex);
    total += shard->store.bytes();
  }
  return total;
}

}  // namespace sallyport::cache
