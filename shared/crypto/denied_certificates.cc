#include "shared/crypto/denied_certificates.h"

#include <algorithm>

#include "shared/crypto/digest.h"

namespace sallyport::crypto {
namespace {

constexpr char kVersionTag = static_cast<char>(0xa0);
constexpr size_t kLengthBytes = 4;

// Takes one DER value off the front of `*rest`: the whole of it, and its content. Empty: it is cut
// short.
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

struct Fields {
  absl::string_view signed_part;
  absl::string_view serial;
  absl::string_view issuer_der;
  absl::string_view public_key;  // SubjectPublicKeyInfo
};

// RFC 5280 §4.1: SEQUENCE { SEQUENCE { [0] version, serial, signature algorithm, issuer, validity,
// subject, public key, ... }, ... }. What is missing is empty.
Fields ReadFields(absl::string_view der) {
  Fields fields;
  absl::string_view certificate;
  absl::string_view rest;
  absl::string_view unused;
  (void)Take(&der, &certificate);
  fields.signed_part = Take(&certificate, &rest);
  if (!rest.empty() && rest[0] == kVersionTag) (void)Take(&rest, &unused);
  (void)Take(&rest, &fields.serial);
  fields.serial = SerialMagnitude(fields.serial);
  (void)Take(&rest, &unused);
  fields.issuer_der = Take(&rest, &unused);
  (void)Take(&rest, &unused);
  (void)Take(&rest, &unused);
  fields.public_key = Take(&rest, &unused);
  return fields;
}

}  // namespace

absl::string_view SerialMagnitude(absl::string_view serial) {
  return serial.substr(std::min(serial.find_first_not_of('\0'), serial.size()));
}

void DeniedCertificates::Add(absl::string_view issuer_der, absl::string_view serial,
                             absl::string_view spki_sha256, absl::string_view tbs_sha256) {
  if (!spki_sha256.empty()) public_keys_.insert(std::string(spki_sha256));
  if (!tbs_sha256.empty()) signed_parts_.insert(std::string(tbs_sha256));
  if (issuer_der.empty()) return;
  issuers_by_serial_[std::string(SerialMagnitude(serial))].insert(std::string(issuer_der));
}

bool DeniedCertificates::NamesBesideKey(absl::string_view der) const {
  if (signed_parts_.empty() && issuers_by_serial_.empty()) return false;
  const Fields fields = ReadFields(der);
  const auto issuers = issuers_by_serial_.find(fields.serial);
  if (issuers != issuers_by_serial_.end() && issuers->second.contains(fields.issuer_der))
    return true;
  return !signed_parts_.empty() && signed_parts_.contains(Sha256(fields.signed_part));
}

bool DeniedCertificates::Names(absl::string_view der) const {
  if (!public_keys_.empty() && NamesKey(Sha256(ReadFields(der).public_key))) return true;
  return NamesBesideKey(der);
}

}  // namespace sallyport::crypto
