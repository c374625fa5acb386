// Client chains by their leaf and hash (the hash is of a set: it does not say which certificate was
// proven), so that a resumed connection, of which OpenSSL keeps the leaf alone, is decided on the
// chain that was presented, where its ticket is too small to carry it. Bounded by entries and
// bytes; the oldest go first. Leaf-only chains are not kept (the ticket has the leaf). Thread-safe;
// used once per handshake.
#pragma once

#include <cstddef>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "dataplane/tls/peer.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

class ChainStore {
 public:
  explicit ChainStore(size_t max_chains = 8192, size_t max_bytes = 32 << 20)
      : max_chains_(max_chains), max_bytes_(max_bytes) {}
  void Put(PeerCertificatePtr chain);
  // The leaf of what is found is `leaf_sha256`.
  [[nodiscard]] PeerCertificatePtr Find(absl::string_view leaf_sha256,
                                        absl::string_view chain_sha256);
  [[nodiscard]] size_t size();

 private:
  struct Entry {
    PeerCertificatePtr chain;
    std::list<std::string>::iterator order;
  };
  void DropOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const size_t max_chains_;
  const size_t max_bytes_;
  base::Mutex mutex_;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<std::string> order_ ABSL_GUARDED_BY(mutex_);  // oldest first
  absl::flat_hash_map<std::string, Entry> chains_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::dataplane
