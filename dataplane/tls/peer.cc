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
  std::vector<crypto::Sha256Digest> hashes;
  hashes.reserve(der.size());
  for (const std::string& certificate : der) hashes.push_back(crypto::Sha256Array(certificate));
  const PeerDigest leaf = hashes.front();
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  std::string all;
  all.reserve(hashes.size() * 32);
  for (const auto& hash : hashes) all.append(reinterpret_cast<const char*>(hash.data()), 32);
  return std::make_shared<const PeerCertificate>(leaf, crypto::Sha256Array(all),
                                                 base::Hex(HashView(leaf)), std::move(der));
}

}  // namespace sallyport::dataplane
