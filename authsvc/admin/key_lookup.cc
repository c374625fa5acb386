#include "authsvc/admin/key_lookup.h"

#include <cstring>

#include "absl/strings/match.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr size_t kHexLength = 64;

}  // namespace

bool LooksLikeCertificateId(absl::string_view text) {
  return text.size() >= kHexLength && base::IsHex(text.substr(text.size() - kHexLength));
}

bool FingerprintOf(absl::string_view certificate_id, Digest* fingerprint) {
  if (!LooksLikeCertificateId(certificate_id)) return false;
  const auto bytes = base::FromHex(certificate_id.substr(certificate_id.size() - kHexLength));
  if (!bytes.ok() || bytes->size() != fingerprint->size()) return false;
  std::memcpy(fingerprint->data(), bytes->data(), fingerprint->size());
  return true;
}

const KeyEntry* FindNamedKey(const Snapshot& snapshot, absl::string_view org,
                             absl::string_view text, bool by_id) {
  if (by_id) return snapshot.FindKey(text);
  if (const KeyEntry* key = snapshot.FindKeyByToken(crypto::Sha256(text))) return key;
  Digest fingerprint{};
  if (FingerprintOf(text, &fingerprint)) {
    const absl::string_view owner = text.substr(0, text.size() - kHexLength);
    if (const KeyEntry* key = snapshot.FindKeyNamingLeaf(owner, fingerprint)) return key;
  }
  if (const KeyEntry* key = snapshot.FindKeyByLogin(org, text)) return key;
  if (!org.empty() && absl::StartsWith(text, org)) {
    if (const KeyEntry* key = snapshot.FindKeyByLogin(org, text.substr(org.size()))) return key;
  }
  return snapshot.FindKey(text);
}

}  // namespace sallyport::authsvc::admin
