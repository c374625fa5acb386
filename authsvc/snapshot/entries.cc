#include "authsvc/snapshot/entries.h"

#include <cstring>

#include "authsvc/snapshot/resource.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {
namespace {

// Length of the DER value at the start of `bytes`, header included; 0: cut short or not DER.
size_t DerLength(absl::string_view bytes) {
  if (bytes.size() < 2) return 0;
  const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const size_t first = at(1);
  if (first < 0x80) return 2 + first <= bytes.size() ? 2 + first : 0;
  const size_t count = first & 0x7f;
  if (count == 0 || count > 4 || bytes.size() < 2 + count) return 0;
  size_t length = 0;
  for (size_t i = 0; i < count; ++i) length = length << 8 | at(2 + i);
  return length <= bytes.size() - 2 - count ? 2 + count + length : 0;
}

template <typename Map>
const Allowlist::Listed* FindIn(const Map& map, const Digest& digest) {
  const auto found = map.find(digest);
  return found == map.end() ? nullptr : &found->second;
}

template <typename Map>
const Allowlist::Listed* FindIn(const Map& map, absl::string_view bytes) {
  Digest digest;
  return ToDigest(bytes, &digest) ? FindIn(map, digest) : nullptr;
}

}  // namespace

bool ToDigest(absl::string_view bytes, Digest* digest) {
  if (bytes.size() != digest->size()) {
    digest->fill(0);
    return false;
  }
  std::memcpy(digest->data(), bytes.data(), digest->size());
  return true;
}

bool CertificateEntry::ExpiredAt(absl::Time now) const {
  // notAfter is the last valid second.
  return !is_public_key && absl::ToUnixSeconds(now) > not_after_unix;
}

std::vector<absl::string_view> CertificateEntry::ChainDer() const {
  std::vector<absl::string_view> chain;
  if (is_public_key) return chain;
  absl::string_view rest = der;
  while (!rest.empty()) {
    const size_t length = DerLength(rest);
    if (length == 0) break;
    chain.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return chain;
}

absl::StatusOr<std::vector<CertificatePtr>> CertificateEntry::Chain() const {
  if (is_public_key) return std::vector<CertificatePtr>();
  std::call_once(parse_once_, [this] {
    const auto chain = ChainDer();
    for (size_t i = 0; i < chain.size(); ++i) {
      auto parsed = crypto::ParseCertificate(chain[i]);
      if (parsed.ok()) parsed_.push_back(*std::move(parsed));
      if (i == 0 && parsed_.empty()) return;
    }
  });
  if (parsed_.empty()) return absl::DataLossError("the stored certificate does not parse: " + id);
  return parsed_;
}

v1::Certificate CertificateEntry::ToProto() const {
  v1::Certificate proto;
  proto.set_id(id);
  proto.set_org_id(std::string(org_id()));
  proto.set_name(name);
  if (is_public_key) proto.set_public_key_der(der);
  for (const absl::string_view one : ChainDer()) proto.add_chain_der(std::string(one));
  proto.set_created_unix(created_unix);
  proto.set_source(source);
  auto* summary = proto.mutable_summary();
  summary->set_spki_sha256(std::string(DigestBytes(spki_sha256)));
  summary->set_not_before_unix(not_before_unix);
  summary->set_not_after_unix(not_after_unix);
  summary->set_is_ca(is_ca);
  return proto;
}

const Allowlist::Listed* Allowlist::FindLeaf(const Digest& fingerprint) const {
  return FindIn(leaves, fingerprint);
}
const Allowlist::Listed* Allowlist::FindPublicKey(const Digest& spki_sha256) const {
  return FindIn(public_keys, spki_sha256);
}
const Allowlist::Listed* Allowlist::FindLeaf(absl::string_view fingerprint) const {
  return FindIn(leaves, fingerprint);
}
const Allowlist::Listed* Allowlist::FindPublicKey(absl::string_view spki_sha256) const {
  return FindIn(public_keys, spki_sha256);
}

}  // namespace sallyport::authsvc
