// A bounded map whose entries leave by age of use: two generations of half the size, where a hit in
// the old one moves the entry to the young one, and a full young one replaces the old. O(1), one
// lock per shard, held for one look-up. Thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

template <typename Value>
class GenerationCache {
 public:
  explicit GenerationCache(size_t limit) : half_(std::max<size_t>(1, limit / kShards / 2)) {}

  // Calls `use(const Value&)` under the lock when the key is there.
  template <typename Use>
  bool Find(absl::string_view key, Use use) {
    const size_t hash = Hash(key);
    Shard& shard = ShardOf(hash);
    Map dropped;  // freed after the lock
    base::MutexLock lock(&shard.mutex);
    if (const auto found = shard.young.find(key, hash); found != shard.young.end()) {
      use(std::as_const(found->second));
      return true;
    }
    const auto found = shard.old.find(key, hash);
    if (found == shard.old.end()) return false;
    auto node = shard.old.extract(found);
    use(std::as_const(node.mapped()));
    dropped = MakeRoom(&shard);
    shard.young.insert(std::move(node));
    return true;
  }

  void Put(absl::string_view key, Value value) {
    Shard& shard = ShardOf(Hash(key));
    Map dropped;  // freed after the lock
    base::MutexLock lock(&shard.mutex);
    dropped = MakeRoom(&shard);
    shard.young.insert_or_assign(std::string(key.data(), key.size()), std::move(value));
  }

  [[nodiscard]] size_t size() {
    size_t total = 0;
    for (Shard& shard : shards_) {
      base::MutexLock lock(&shard.mutex);
      total += shard.young.size() + shard.old.size();
    }
    return total;
  }

 private:
  static constexpr size_t kShards = 16;
  using Map = absl::flat_hash_map<std::string, Value>;
  struct Shard {
    base::Mutex mutex;
    Map young ABSL_GUARDED_BY(mutex);
    Map old ABSL_GUARDED_BY(mutex);
  };

  static size_t Hash(absl::string_view key) { return typename Map::hasher()(key); }
  // By high bits: the tables use the low ones.
  Shard& ShardOf(size_t hash) { return shards_[(hash >> 56) % kShards]; }

  Map MakeRoom(Shard* shard) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard->mutex) {
    if (shard->young.size() < half_) return {};
    Map dropped = std::move(shard->old);
    shard->old = std::move(shard->young);
    shard->young.clear();
    return dropped;
  }

  const size_t half_;
  std::array<Shard, kShards> shards_;
};

}  // namespace sallyport::authsvc
