// A bounded map from Hash128 to shared immutable values, by entries and bytes, least recently used
// out first, with a time to keep. LruStore: one thread, no lock. ShardedStore: 64 of them, each
// behind a short lock. Neither decides whether an answer may be used: that is the caller's
// (validity, freshness).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "shared/base/mutex.h"
#include "shared/cache/keyed_hash.h"

namespace sallyport::cache {

// The keys come out of a keyed hash: hashing them again would buy nothing.
struct SpreadAlready {
  size_t operator()(const Hash128& key) const { return key.low; }
};

template <typename Value>
class LruStore {
 public:
  using Ptr = std::shared_ptr<const Value>;
  LruStore(size_t max_entries, size_t max_bytes)
      : max_entries_(max_entries), max_bytes_(max_bytes) {}

  // `now_ns` after the entry's `keep_until_ns`: absent, and dropped. The pointer lives until the
  // next call.
  const Ptr* Find(const Hash128& key, int64_t now_ns);
  // One that alone exceeds the bytes is not kept. Returns how many others had to go.
  size_t Put(const Hash128& key, Ptr value, size_t bytes, int64_t keep_until_ns);
  void Erase(const Hash128& key);
  void Clear();
  [[nodiscard]] size_t size() const { return index_.size(); }
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  static constexpr uint32_t kNone = ~0u;
  struct Node {
    Hash128 key;
    Ptr value;
    size_t bytes = 0;
    int64_t keep_until_ns = 0;
    uint32_t newer = kNone, older = kNone;
  };
  void Unlink(uint32_t at);
  void LinkNewest(uint32_t at);
  void Drop(uint32_t at);
  uint32_t Take();

  const size_t max_entries_, max_bytes_;
  size_t bytes_ = 0;
  absl::flat_hash_map<Hash128, uint32_t, SpreadAlready> index_;
  std::vector<Node> nodes_;
  std::vector<uint32_t> free_;
  uint32_t newest_ = kNone, oldest_ = kNone;
};

template <typename Value>
class ShardedStore {
 public:
  using Ptr = std::shared_ptr<const Value>;
  static constexpr size_t kShards = 64;
  ShardedStore(size_t max_entries, size_t max_bytes);

  [[nodiscard]] Ptr Find(const Hash128& key, int64_t now_ns);
  void Put(const Hash128& key, Ptr value, size_t bytes, int64_t keep_until_ns);
  void Erase(const Hash128& key);
  void Clear();
  [[nodiscard]] size_t size() const;
  [[nodiscard]] size_t bytes() const;
  [[nodiscard]] uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Shard {
    Shard(size_t entries, size_t bytes) : store(entries, bytes) {}
    mutable base::Mutex mutex;
    LruStore<Value> store ABSL_GUARDED_BY(mutex);
  };
  Shard& Of(const Hash128& key) const { return *shards_[key.high % kShards]; }

  std::array<std::unique_ptr<Shard>, kShards> shards_;
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace sallyport::cache

#include "shared/cache/store_inl.h"
