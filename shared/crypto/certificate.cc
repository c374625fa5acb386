#include "shared/crypto/certificate.h"

#include <openssl/asn1.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "shared/base/text.h"
#include "shared/crypto/certificate_facts.h"
#include "shared/crypto/digest.h"

namespace sallyport::crypto {
namespace internal {

absl::string_view SignedPart(absl::string_view der) {
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* at = begin;
  long length = 0;
  int tag = 0;
  int type = 0;
  if ((ASN1_get_object(&at, &length, &tag, &type, static_cast<long>(der.size())) & 0x81) != 0) {
    return {};
  }
  const unsigned char* first = at;
  const long left = static_cast<long>(der.size()) - (at - begin);
  if ((ASN1_get_object(&at, &length, &tag, &type, left) & 0x81) != 0) return {};
  return der.substr(static_cast<size_t>(first - begin), static_cast<size_t>(at - first + length));
}

namespace {

bool Digits(absl::string_view text, size_t from, size_t count, int* out) {
  int value = 0;
  for (size_t i = from; i < from + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  *out = value;
  return true;
}

}  // namespace

bool ReadTime(const ASN1_TIME* time, absl::Time* out) {
  if (time == nullptr) return false;
  const bool generalized = time->type == V_ASN1_GENERALIZEDTIME;
  if (!generalized && time->type != V_ASN1_UTCTIME) return false;
  const absl::string_view text(reinterpret_cast<const char*>(time->data),
                               static_cast<size_t>(time->length));
  const size_t year_digits = generalized ? 4 : 2;
  if (text.size() != year_digits + 11 || text.back() != 'Z') return false;
  int year = 0;
  int part[5] = {};
  if (!Digits(text, 0, year_digits, &year)) return false;
  for (size_t i = 0; i < 5; ++i) {
    if (!Digits(text, year_digits + 2 * i, 2, &part[i])) return false;
  }
  if (!generalized) year += year < 50 ? 2000 : 1900;
  const absl::CivilSecond civil(year, part[0], part[1], part[2], part[3], part[4]);
  const bool real = civil.month() == part[0] && civil.day() == part[1] && civil.hour() == part[2] &&
                    civil.minute() == part[3] && civil.second() == part[4];
  if (!real) return false;
  *out = absl::FromCivil(civil, absl::UTCTimeZone());
  return true;
}

}  // namespace internal

namespace {

constexpr size_t kMaxDer = 65536;

std::string NameText(const X509_NAME* name) {
  const UniqueBio out(BIO_new(BIO_s_mem()));
  if (out == nullptr || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) return "";
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : "";
}

std::string NameDer(const X509_NAME* name) {
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  if (X509_NAME_get0_der(name, &bytes, &size) != 1) return "";
  return {reinterpret_cast<const char*>(bytes), size};
}

uint64_t NameHash(const X509_NAME* name) {
  int ok = 0;
  const unsigned long hash = X509_NAME_hash_ex(name, nullptr, nullptr, &ok);
  return ok == 1 ? hash : 0;
}

std::string Bytes(const ASN1_STRING* text) {
  if (text == nullptr) return "";
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

std::string Encode(const X509* x509) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(x509, &bytes);
  const UniqueOpensslBytes owner(bytes);
  if (size <= 0) return "";
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
}

void ReadSubjectAndIssuer(Certificate* c) {
  const X509_NAME* subject = X509_get_subject_name(c->x509.get());
  const X509_NAME* issuer = X509_get_issuer_name(c->x509.get());
  c->subject = NameText(subject);
  c->issuer = NameText(issuer);
  c->subject_der = NameDer(subject);
  c->issuer_der = NameDer(issuer);
  c->subject_hash = NameHash(subject);
  c->issuer_hash = NameHash(issuer);
  c->subject_empty = X509_NAME_entry_count(subject) == 0;
  c->self_issued = X509_NAME_cmp(subject, issuer) == 0;
}

void ReadSerial(Certificate* c) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(c->x509.get());
  c->serial = Bytes(serial);
  c->serial.erase(0, c->serial.find_first_not_of('\0'));
  c->serial_negative = serial != nullptr && (serial->type & V_ASN1_NEG) != 0;
}

void ReadKeyFacts(Certificate* c) {
  const X509_PUBKEY* key = X509_get_X509_PUBKEY(c->x509.get());
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(key, &bytes);
  const UniqueOpensslBytes owner(bytes);
  if (size > 0) c->spki_der.assign(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  c->spki_sha256 = Sha256(c->spki_der);
  internal::KeyFacts facts = internal::ReadKey(key);
  c->key_kind = facts.kind;
  c->key_bits = facts.bits;
  c->curve = std::move(facts.curve);
  c->key_algorithm = std::move(facts.algorithm);
  c->key_defect = std::move(facts.defect);
}

void ReadExtensions(Certificate* c) {
  X509* x509 = c->x509.get();
  const uint32_t flags = X509_get_extension_flags(x509);
  c->is_ca = X509_get_version(x509) == X509_VERSION_3 && (flags & EXFLAG_BCONS) != 0 &&
             (flags & EXFLAG_CA) != 0;
  c->path_length = X509_get_pathlen(x509);
  if ((flags & EXFLAG_KUSAGE) != 0) c->key_usage = X509_get_key_usage(x509);
  if ((flags & EXFLAG_XKUSAGE) != 0) c->extended_key_usage = X509_get_extended_key_usage(x509);
  c->subject_key_id = Bytes(X509_get0_subject_key_id(x509));
  c->authority_key_id = Bytes(X509_get0_authority_key_id(x509));
  for (const int nid : {NID_policy_constraints, NID_inhibit_any_policy, NID_policy_mappings}) {
    c->has_policy_rules = c->has_policy_rules || X509_get_ext_by_NID(x509, nid, -1) >= 0;
  }
}

bool ReadTimes(Certificate* c) {
  const bool from = internal::ReadTime(X509_get0_notBefore(c->x509.get()), &c->not_before);
  const bool until = internal::ReadTime(X509_get0_notAfter(c->x509.get()), &c->not_after);
  if (!from) c->not_before = absl::InfiniteFuture();
  if (!until) c->not_after = absl::InfinitePast();
  return from && until;
}

}  // namespace

absl::StatusOr<CertificatePtr> ParseCertificate(absl::string_view der) {
  const ErrorScope errors;
  if (der.empty() || der.size() > kMaxDer) {
    return absl::InvalidArgumentError("certificate is empty or too large");
  }
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* end = at + der.size();
  auto c = std::make_shared<Certificate>();
  c->x509.reset(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (c->x509 == nullptr) return absl::InvalidArgumentError("certificate is not valid DER");
  if (at != end) return absl::InvalidArgumentError("certificate has trailing bytes");
  c->der = Encode(c->x509.get());
  if (absl::string_view(c->der) != der) {
    return absl::InvalidArgumentError("certificate is not encoded in DER");
  }
  const absl::string_view tbs = internal::SignedPart(c->der);
  if (tbs.empty()) return absl::InvalidArgumentError("certificate is not encoded in DER");
  X509_check_purpose(c->x509.get(), -1, 0);  // fills OpenSSL's caches before others read them

  c->fingerprint = Sha256(c->der);
  c->tbs_sha256 = Sha256(tbs);
  ReadSubjectAndIssuer(c.get());
  ReadSerial(c.get());
  const bool times_are_der = ReadTimes(c.get());
  ReadKeyFacts(c.get());
  ReadExtensions(c.get());
  internal::ReadNames(c.get());
  internal::FindDefects(times_are_der, c.get());
  return CertificatePtr(std::move(c));
}

std::string CertificateId(absl::string_view org, const Certificate& certificate) {
  return absl::StrCat(org, base::Hex(certificate.fingerprint));
}

std::string PublicKeyId(absl::string_view org, absl::string_view spki_der) {
  return absl::StrCat(org, base::Hex(Sha256(spki_der)));
}

const Defect* FirstDefect(const Certificate& certificate) {
  if (certificate.certificate_defect) return &*certificate.certificate_defect;
  if (certificate.key_defect) return &*certificate.key_defect;
  return nullptr;
}

}  // namespace sallyport::crypto
