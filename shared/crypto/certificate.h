// One certificate, parsed once into facts that never change. Whoever accepts or refuses by them
// looks at the defects as well: parsing succeeds for a certificate that is well-formed DER but must
// not be relied on (reference x509.md, step 1). Thread-safe: all members are const after
// ParseCertificate.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/reason.h"
#include "shared/crypto/general_name.h"
#include "shared/crypto/openssl.h"

namespace sallyport::crypto {

// Why a certificate must not be used, whatever path it is in.
struct Defect {
  base::Reason reason = base::Reason::kCertMalformed;
  int x509_error = 0;  // X509_V_ERR_*
  std::string detail;  // for operators
};

enum class KeyKind : uint8_t { kUnknown, kRsa, kRsaPss, kEc, kEd25519, kEd448 };

inline constexpr uint32_t kNoUsage = UINT32_MAX;  // the extension is not there: any usage

struct Certificate {
  std::string der;
  std::string fingerprint;  // SHA-256 of the DER, 32 raw bytes
  std::string spki_sha256;  // of the SubjectPublicKeyInfo, 32 raw bytes
  std::string tbs_sha256;   // of the signed part, 32 raw bytes: the same for a malleated signature
  std::string spki_der;
  std::string subject_der;
  std::string issuer_der;
  std::string subject;  // RFC 2253 text
  std::string issuer;
  std::string serial;  // magnitude, big endian, no leading zeros; empty for 0
  bool serial_negative = false;
  absl::Time not_before;
  absl::Time not_after;  // inclusive

  // SANs that are plain printable ASCII (an IP in its usual text); a SAN with anything else in it
  // is left out here, so that it never becomes an identity, and sets has_malformed_san.
  std::vector<std::string> dns_sans;  // lower case; wildcards included
  std::vector<std::string> uri_sans;
  std::vector<std::string> email_sans;
  std::vector<std::string> ip_sans;
  bool has_malformed_san = false;

  bool is_ca = false;  // version 3, basic constraints CA:TRUE
  int64_t path_length = -1;
  bool self_issued = false;  // subject = issuer
  bool subject_empty = false;
  uint32_t key_usage = kNoUsage;           // KU_*
  uint32_t extended_key_usage = kNoUsage;  // XKU_*; 0: the extension is there and empty
  KeyKind key_kind = KeyKind::kUnknown;
  int key_bits = 0;
  std::string curve;              // "prime256v1", …; kEc only
  std::string key_algorithm;      // text: "RSA-2048", "P-256", "Ed25519", …
  bool has_policy_rules = false;  // policyConstraints, inhibitAnyPolicy or policyMappings

  std::optional<Defect> certificate_defect;
  std::optional<Defect> key_defect;
  std::optional<Defect> signature_defect;  // its algorithm, not its value; nothing to an anchor

  // For path search.
  uint64_t subject_hash = 0;  // of the canonical name: equal names have equal hashes
  uint64_t issuer_hash = 0;
  std::string subject_key_id;                  // empty: none
  std::string authority_key_id;                // empty: none
  std::vector<GeneralName> alternative_names;  // all SANs
  std::vector<std::string> subject_emails;     // raw emailAddress attributes of the subject
  std::optional<NameConstraints> name_constraints;
  UniqueX509 x509;  // caches filled: may be read from many threads; never modify
};

using CertificatePtr = std::shared_ptr<const Certificate>;

// One DER certificate, every byte taken. InvalidArgument: not a certificate, trailing bytes,
// encoding not DER, over 64 KB.
[[nodiscard]] absl::StatusOr<CertificatePtr> ParseCertificate(absl::string_view der);

// org + lower-case hex SHA-256 of the DER: the id of the certificate store (reference tyk.md 1.1).
[[nodiscard]] std::string CertificateId(absl::string_view org, const Certificate& certificate);
[[nodiscard]] std::string PublicKeyId(absl::string_view org, absl::string_view spki_der);

// The first defect in the order certificate, key; null when there is none.
[[nodiscard]] const Defect* FirstDefect(const Certificate& certificate);

}  // namespace sallyport::crypto
