// Which chains behind a leaf have a place in the caches of decisions. Thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/authorize/facts.h"
#include "shared/base/mutex.h"
#include "shared/cache/keyed_hash.h"
#include "shared/cache/store.h"

namespace sallyport::dataplane {

// At most four chains per leaf are worth a place in the caches: whoever sends one leaf with ever
// other certificates behind it gets decided each time, and evicts nobody.
class ChainVariants {
 public:
  // False when a decision about this peer is not to be kept. `now` in nanoseconds, monotonic.
  [[nodiscard]] bool Keep(const PeerCertificate* peer, int64_t now) {
    if (peer == nullptr || peer->chain_der.size() == 1) return true;
    const cache::Hash128 leaf =
        cache::KeyedHash(cache::ProcessHashKey(), DigestView(peer->leaf_sha256));
    const cache::Hash128 chain =
        cache::KeyedHash(cache::ProcessHashKey(), DigestView(peer->chain_sha256));
    base::MutexLock lock(&mutex_);
    const auto* found = seen_.Find(leaf, now);
    std::vector<cache::Hash128> chains = found == nullptr ? std::vector<cache::Hash128>() : **found;
    if (std::find(chains.begin(), chains.end(), chain) != chains.end()) return true;
    if (chains.size() >= kVariantsPerLeaf) return false;
    chains.push_back(chain);
    seen_.Put(leaf, std::make_shared<const std::vector<cache::Hash128>>(std::move(chains)), 160,
              now + kVariantsKeptNs);
    return true;
  }

 private:
  static constexpr int64_t kVariantsKeptNs = 600'000'000'000;
  static constexpr size_t kVariantsPerLeaf = 4;

  base::Mutex mutex_;
  cache::LruStore<std::vector<cache::Hash128>> seen_ ABSL_GUARDED_BY(mutex_){100'000, 32u << 20};
};

}  // namespace sallyport::dataplane
