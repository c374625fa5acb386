#include "authsvc/push/new_denials.h"

#include "authsvc/verify/revocation_list.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc {
namespace {

constexpr char kVersionTag = static_cast<char>(0xa0);
constexpr size_t kLengthBytes = 4;

// Takes one DER value off the front of `*rest`: the whole of it, and its content. Empty: it is cut short.
absl::string_view Take(absl::string_view* rest, absl::string_view* content) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>((*rest)[i]); };
  *content = absl::string_view();
  if (rest->size() < 2) return "";
  size_t header = 2;
  size_t length = at(1);
  if (length >= 0x80) {
    const size_t count = length & 0x7f;
    if (count == 0 || count > kLengthBytes || rest->size() < header + count) return "";
    length = 0;
    for (size_t i = 0; i < count; ++i) length = length << 8 | at(2 + i);
    header += count;
  }
  if (length > rest->size() - header) return "";
  const absl::string_view whole = rest->substr(0, header + length);
  *content = whole.substr(header);
  rest->remove_prefix(whole.size());
  return whole;
}

struct SignedFacts {
  absl::string_view signed_part;
  absl::string_view serial;
  absl::string_view issuer_der;
};

// RFC 5280 §4.1: SEQUENCE { SEQUENCE { [0] version, serial, signature algorithm, issuer, ... }, ... }.
SignedFacts ReadFacts(absl::string_view der) {
  SignedFacts facts;
  absl::string_view certificate;
  absl::string_view fields;
  absl::string_view unused;
  (void)Take(&der, &certificate);
  facts.signed_part = Take(&certificate, &fields);
  if (!fields.empty() && fields[0] == kVersionTag) (void)Take(&fields, &unused);
  (void)Take(&fields, &facts.serial);
  facts.serial = SerialMagnitude(facts.serial);
  (void)Take(&fields, &unused);
  facts.issuer_der = Take(&fields, &unused);
  return facts;
}

}  // namespace

NewDenials::NewDenials(const v1::GatewaySettings& before, const v1::GatewaySettings& after) {
  absl::flat_hash_set<std::string> known;
  for (const v1::RevokedCertificate& item : before.revoked()) known.insert(item.SerializeAsString());
  for (const v1::RevokedCertificate& item : after.revoked()) {
    if (!known.contains(item.SerializeAsString())) Add(item);
  }
}

void NewDenials::Add(const v1::RevokedCertificate& item) {
  if (!item.spki_sha256().empty()) public_keys_.insert(item.spki_sha256());
  if (!item.tbs_sha256().empty()) signed_parts_.insert(item.tbs_sha256());
  if (item.issuer_der().empty()) return;
  issuers_by_serial_[std::string(SerialMagnitude(item.serial()))].insert(item.issuer_der());
}

bool NewDenials::Names(const CertificateEntry& entry) const {
  if (public_keys_.contains(DigestBytes(entry.spki_sha256))) return true;
  if (entry.is_public_key || (signed_parts_.empty() && issuers_by_serial_.empty())) return false;
  const SignedFacts facts = ReadFacts(entry.der);
  const auto issuers = issuers_by_serial_.find(facts.serial);
  if (issuers != issuers_by_serial_.end() && issuers->second.contains(facts.issuer_der)) return true;
  return !signed_parts_.empty() && signed_parts_.contains(crypto::Sha256(facts.signed_part));
}

}  // namespace sallyport::authsvc
