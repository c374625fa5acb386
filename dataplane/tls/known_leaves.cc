#include "dataplane/tls/known_leaves.h"

#include <limits>
#include <string>
#include <utility>

#include "dataplane/tls/certificate.h"
#include "shared/cache/keyed_hash.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMostLeaves = 4096;
constexpr size_t kMostLeafBytes = 32 << 20;
// What is made of a certificate takes the more the more parts it has: a certificate of nothing but
// tiny extensions takes 24 times its bytes.
constexpr size_t kMostDer = 4096;
constexpr size_t kBytesOfALeaf = 5 << 10;
constexpr size_t kBytesPerByte = 8;
constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

cache::Hash128 KeyOf(absl::string_view der) {
  return cache::KeyedHash(cache::ProcessHashKey(), der);
}

}  // namespace

KnownLeaves::KnownLeaves(OSSL_LIB_CTX* context)
    : context_(context), leaves_(kMostLeaves, kMostLeafBytes) {}

KnownLeafPtr KnownLeaves::Share(STACK_OF(X509) * presented) {
  X509* const sent = sk_X509_value(presented, 0);
  KnownLeafPtr leaf = Find(DerOf(sent));
  if (leaf == nullptr) return nullptr;
  sk_X509_set(presented, 0, crypto::ShareX509(leaf->certificate.get()).release());
  X509_free(sent);
  return leaf;
}

KnownLeafPtr KnownLeaves::Find(std::string der) {
  const KnownLeafPtr* const found = leaves_.Find(KeyOf(der), 0);
  if (found != nullptr && (*found)->alone->chain_der.front() == der) return *found;
  crypto::UniqueX509 certificate = CertificateOf(context_, der);
  if (certificate == nullptr) return nullptr;
  return std::make_shared<const KnownLeaf>(
      KnownLeaf{std::move(certificate), MakePeerCertificate({std::move(der)})});
}

KnownLeafPtr KnownLeaves::Keep(const KnownLeafPtr& leaf) {
  const std::string& der = leaf->alone->chain_der.front();
  if (der.size() > kMostDer) return leaf;
  const cache::Hash128 key = KeyOf(der);
  const KnownLeafPtr* const found = leaves_.Find(key, 0);
  if (found != nullptr && (*found)->alone->chain_der.front() == der) return *found;
  leaves_.Put(key, leaf, kBytesPerByte * der.size() + kBytesOfALeaf, kForever);
  return leaf;
}

}  // namespace sallyport::dataplane
