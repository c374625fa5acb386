#include "authsvc/admin/certificate_json.h"

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "shared/base/text.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/openssl.h"

namespace sallyport::authsvc::admin {
namespace {

// Go's zero time, as Tyk shows it for a bare public key.
constexpr char kNoTime[] = "0001-01-01T00:00:00Z";

std::string Hex(const Digest& digest) {
  return base::Hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string TimeText(int64_t unix_seconds) {
  if (unix_seconds == 0) return kNoTime;
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(unix_seconds),
                          absl::UTCTimeZone());
}

std::string Utf8(const ASN1_STRING* text) {
  unsigned char* bytes = nullptr;
  const int length = ASN1_STRING_to_UTF8(&bytes, text);
  const crypto::UniqueOpensslBytes owner(bytes);
  return length < 0 ? "" : std::string(reinterpret_cast<char*>(bytes), static_cast<size_t>(length));
}

Json OidNumbers(const ASN1_OBJECT* oid) {
  char text[128];
  const int length = OBJ_obj2txt(text, sizeof(text), oid, 1);
  Json numbers = Json::array();
  if (length <= 0 || length >= static_cast<int>(sizeof(text))) return numbers;
  for (absl::string_view part : absl::StrSplit(absl::string_view(text), '.')) {
    int64_t number = 0;
    if (absl::SimpleAtoi(part, &number)) numbers.push_back(number);
  }
  return numbers;
}

// Go's pkix.Name.
Json EmptyName() {
  return {{"Country", nullptr},    {"Organization", nullptr}, {"OrganizationalUnit", nullptr},
          {"Locality", nullptr},   {"Province", nullptr},     {"StreetAddress", nullptr},
          {"PostalCode", nullptr}, {"SerialNumber", ""},      {"CommonName", ""},
          {"Names", nullptr},      {"ExtraNames", nullptr}};
}

const char* ListOf(int nid) {
  switch (nid) {
    case NID_countryName: return "Country";
    case NID_organizationName: return "Organization";
    case NID_organizationalUnitName: return "OrganizationalUnit";
    case NID_localityName: return "Locality";
    case NID_stateOrProvinceName: return "Province";
    case NID_streetAddress: return "StreetAddress";
    case NID_postalCode: return "PostalCode";
    default: return nullptr;
  }
}

Json NameJson(const X509_NAME* name) {
  Json out = EmptyName();
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const ASN1_OBJECT* oid = X509_NAME_ENTRY_get_object(entry);
    const std::string value = Utf8(X509_NAME_ENTRY_get_data(entry));
    if (out["Names"].is_null()) out["Names"] = Json::array();
    out["Names"].push_back({{"Type", OidNumbers(oid)}, {"Value", value}});
    const int nid = OBJ_obj2nid(oid);
    if (nid == NID_commonName) out["CommonName"] = value;
    if (nid == NID_serialNumber) out["SerialNumber"] = value;
    const char* list = ListOf(nid);
    if (list == nullptr) continue;
    if (out[list].is_null()) out[list] = Json::array();
    out[list].push_back(value);
  }
  return out;
}

Json PublicKeyName(const CertificateEntry& entry) {
  Json out = EmptyName();
  out["CommonName"] = absl::StrCat("Public Key: ", Hex(entry.spki_sha256));
  return out;
}

struct Names {
  Json issuer = EmptyName();
  Json subject = EmptyName();
  std::vector<std::string> dns_names;
};

Names NamesOf(const CertificateEntry& entry) {
  Names names;
  if (entry.is_public_key) {
    names.subject = PublicKeyName(entry);
    return names;
  }
  const auto chain = entry.Chain();
  if (!chain.ok() || chain->empty()) return names;
  const crypto::Certificate& first = *chain->front();
  names.issuer = NameJson(X509_get_issuer_name(first.x509.get()));
  names.subject = NameJson(X509_get_subject_name(first.x509.get()));
  names.dns_names = first.dns_sans;
  return names;
}

}  // namespace

Json CertificateMeta(const CertificateEntry& entry) {
  Names names = NamesOf(entry);
  Json out = {{"id", entry.id},
              {"fingerprint", entry.is_public_key ? "" : Hex(entry.fingerprint)},
              {"has_private", entry.has_private_key()},
              {"issuer", std::move(names.issuer)},
              {"subject", std::move(names.subject)},
              {"not_before", TimeText(entry.not_before_unix)},
              {"not_after", TimeText(entry.not_after_unix)}};
  if (!names.dns_names.empty()) out["dns_names"] = names.dns_names;
  out["is_ca"] = entry.is_ca;
  if (!entry.name.empty()) out["name"] = entry.name;
  return out;
}

Json CertificateBasics(const CertificateEntry& entry) {
  const Names names = NamesOf(entry);
  return {{"id", entry.id},
          {"issuer_cn", names.issuer["CommonName"]},
          {"subject_cn", names.subject["CommonName"]},
          {"dns_names", names.dns_names},
          {"has_private", entry.has_private_key()},
          {"not_before", TimeText(entry.not_before_unix)},
          {"not_after", TimeText(entry.not_after_unix)},
          {"is_ca", entry.is_ca}};
}

}  // namespace sallyport::authsvc::admin
