#include "dataplane/tls/known_leaves.h"

#include <limits>
#include <string>
#include <utility>

#include "dataplane/tls/tls_callbacks.h"
#include "shared/cache/keyed_hash.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMostLeaves = 4096;
constexpr size_t kMostLeafBytes = 16 << 20;
constexpr size_t kBytesOfALeaf = 3072;  // what OpenSSL and ours take beside its bytes
constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

}  // namespace

KnownLeaves::KnownLeaves() : leaves_(kMostLeaves, kMostLeafBytes) {}

KnownLeafPtr KnownLeaves::Share(STACK_OF(X509) * presented) {
  X509* const sent = sk_X509_value(presented, 0);
  std::string der = DerOf(sent);
  if (der.empty()) return nullptr;
  const cache::Hash128 key = cache::KeyedHash(cache::ProcessHashKey(), der);
  const KnownLeafPtr* const found = leaves_.Find(key, 0);
  if (found != nullptr && (*found)->alone->chain_der.front() == der) {
    X509* const known = (*found)->certificate.get();
    X509_up_ref(known);
    sk_X509_set(presented, 0, known);
    X509_free(sent);
    return *found;
  }
  const size_t bytes = 2 * der.size() + kBytesOfALeaf;
  auto leaf = std::make_shared<const KnownLeaf>(
      KnownLeaf{crypto::ShareX509(sent), MakePeerCertificate({std::move(der)})});
  leaves_.Put(key, leaf, bytes, kForever);
  return leaf;
}

}  // namespace sallyport::dataplane
