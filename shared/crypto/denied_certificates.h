// Which certificates a deny list names: by issuer and serial, by public key, or by the hash of the
// signed part (reference x509.md, pitfalls). Reads the few fields that it needs out of the DER:
// parsing the certificate of every connection would hold up a revocation. Thread-safe once made.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace sallyport::crypto {

// A serial without the zero bytes in front of it, which say nothing (some tools write them).
[[nodiscard]] absl::string_view SerialMagnitude(absl::string_view serial);

class DeniedCertificates {
 public:
  // One entry of the list; what it does not name is empty. Hashes are raw SHA-256, `issuer_der` the
  // DER of the issuer's name as in the certificate.
  void Add(absl::string_view issuer_der, absl::string_view serial, absl::string_view spki_sha256,
           absl::string_view tbs_sha256);

  [[nodiscard]] bool empty() const {
    return public_keys_.empty() && signed_parts_.empty() && issuers_by_serial_.empty();
  }
  // Whatever bytes: what is no certificate is not named.
  [[nodiscard]] bool Names(absl::string_view der) const;
  // Where the hash of its public key is known already.
  [[nodiscard]] bool NamesKey(absl::string_view spki_sha256) const {
    return public_keys_.contains(spki_sha256);
  }
  // By issuer and serial or by its signed part.
  [[nodiscard]] bool NamesBesideKey(absl::string_view der) const;

 private:
  absl::flat_hash_set<std::string> public_keys_;   // SHA-256, raw
  absl::flat_hash_set<std::string> signed_parts_;  // SHA-256, raw
  absl::flat_hash_map<std::string, absl::flat_hash_set<std::string>> issuers_by_serial_;
};

}  // namespace sallyport::crypto
