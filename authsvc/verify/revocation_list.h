// The deny list: certificates that are refused wherever they stand in a path. By issuer and serial,
// by public key, or by the hash of the signed part; never by fingerprint, because an ECDSA
// signature can be rewritten by its owner into another certificate with the same content (reference
// x509.md, pitfalls). Immutable once made, thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {

struct RevocationSpec {
  struct IssuerSerial {
    std::string issuer_der;  // DER of the issuer's name, as in the certificate
    std::string serial;      // magnitude; leading zeros do not count
  };
  std::vector<IssuerSerial> serials;
  std::vector<std::string> public_keys;   // SHA-256 of SPKI, raw
  std::vector<std::string> signed_parts;  // SHA-256 of the signed part, raw
};

class RevocationList {
 public:
  [[nodiscard]] static std::shared_ptr<const RevocationList> Make(const RevocationSpec& spec);
  // All three ways for this certificate alone (its issuer and serial, and its signed part; the key
  // only where `with_key`, as that also refuses other certificates with the same key).
  static void Add(const crypto::Certificate& certificate, bool with_key, RevocationSpec* spec);

  [[nodiscard]] const std::string& version() const { return version_; }  // 32 raw bytes
  [[nodiscard]] bool empty() const { return denied_.empty(); }
  // By what it is denied ("issuer and serial", "public key", "signed part"); empty: it is not.
  [[nodiscard]] absl::string_view DeniedBy(const crypto::Certificate& certificate) const;

 private:
  RevocationList() = default;
  absl::flat_hash_set<std::string> denied_;  // 32-byte hashes, one name space per way
  std::string version_;
};

using RevocationListPtr = std::shared_ptr<const RevocationList>;

}  // namespace sallyport::authsvc
