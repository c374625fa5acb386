// An immutable map from text to shared values in 256 shards. An Edit copies the shards that it
// touches, once each, so a change of one key costs the same in a small and in a big map, and a
// thousand changes in one Edit cost what building the map costs. Maps are thread-safe, an Edit
// belongs to one thread.
#pragma once

#include <array>
#include <bitset>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

template <typename Value>
class PersistentMap {
 public:
  using Ptr = std::shared_ptr<const Value>;
  class Edit;

  // The pointer lives as long as this map (or another that shares the shard).
  [[nodiscard]] const Value* Find(absl::string_view key) const {
    const size_t hash = typename Shard::hasher()(key);
    const auto& shard = shards_[ShardOf(hash)];
    if (shard == nullptr) return nullptr;
    const auto found = shard->find(key, hash);
    return found == shard->end() ? nullptr : found->second.get();
  }
  [[nodiscard]] size_t size() const { return size_; }
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& shard : shards_) {
      if (shard == nullptr) continue;
      for (const auto& [key, value] : *shard) visit(*value);
    }
  }

 private:
  using Shard = absl::flat_hash_map<std::string, Ptr>;
  static constexpr size_t kShards = 256;
  // Mixed once more, because the shard's table uses the same hash.
  static size_t ShardOf(size_t hash) { return (hash * 0x9E3779B97F4A7C15u) >> 56; }

  std::array<std::shared_ptr<const Shard>, kShards> shards_;
  size_t size_ = 0;
};

template <typename Value>
class PersistentMap<Value>::Edit {
 public:
  explicit Edit(const PersistentMap& from) : map_(from) {}

  [[nodiscard]] const Value* Find(absl::string_view key) const { return map_.Find(key); }
  void Put(absl::string_view key, Value value) {
    const bool added =
        Own(key)
            .insert_or_assign(std::string(key), std::make_shared<const Value>(std::move(value)))
            .second;
    if (added) ++map_.size_;
  }
  void Erase(absl::string_view key) {
    if (map_.Find(key) == nullptr) return;
    Own(key).erase(key);
    --map_.size_;
  }
  [[nodiscard]] PersistentMap Finish() && { return std::move(map_); }

 private:
  Shard& Own(absl::string_view key) {
    const size_t at = ShardOf(typename Shard::hasher()(key));
    auto& slot = map_.shards_[at];
    if (!owned_[at]) {
      slot = slot == nullptr ? std::make_shared<Shard>() : std::make_shared<Shard>(*slot);
      owned_[at] = true;
    }
    return const_cast<Shard&>(*slot);  // made here and not handed out yet
  }

  PersistentMap map_;
  std::bitset<kShards> owned_;
};

}  // namespace sallyport::dataplane
