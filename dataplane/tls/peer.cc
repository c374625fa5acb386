#include "dataplane/tls/peer.h"

#include <algorithm>
#include <utility>

#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::dataplane {

absl::string_view HashView(const std::array<uint8_t, 32>& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

PeerCertificatePtr MakeClientChain(std::vector<std::string> der) {
  auto chain = std::make_shared<PeerCertificate>();
  std::vector<crypto::Sha256Digest> hashes;
  hashes.reserve(der.size());
  for (const std::string& certificate : der) hashes.push_back(crypto::Sha256Array(certificate));
  chain->leaf_sha256 = hashes.front();
  chain->leaf_hex = base::Hex(HashView(chain->leaf_sha256));
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  std::string all;
  all.reserve(hashes.size() * 32);
  for (const auto& hash : hashes) all.append(reinterpret_cast<const char*>(hash.data()), 32);
  chain->chain_sha256 = crypto::Sha256Array(all);
  chain->chain_der = std::move(der);
  return chain;
}

}  // namespace sallyport::dataplane
