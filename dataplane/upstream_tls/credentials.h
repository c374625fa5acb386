// What the auth service answers for one (API, upstream host, port): the client certificate to present and
// how to check the server (DESIGN 7). Immutable once made and shared by reference; any thread may read it.
// The private key's bytes are cleansed when the last holder lets go.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/reason.h"
#include "shared/base/secret.h"

namespace sallyport::dataplane {

// Plain fields, filled from ResolveUpstreamResponse. Hand it to MakeUpstreamCredentials.
struct UpstreamCredentialFields {
  base::Reason reason = base::Reason::kAllowed;  // anything else: make no connection
  std::string detail;                            // operators only
  std::string certificate_id;                    // empty: present none
  std::vector<std::string> client_chain_der;     // leaf first
  base::Secret client_key_der;                   // PKCS#8
  bool pinned = false;                           // some pin entry holds; with no usable pin nothing matches
  std::vector<std::string> pin_spki_sha256;      // 32 raw bytes each
  bool pin_report_only = false;
  bool pin_adds = false;                         // a leaf pin adds to the checks instead of standing in
  bool insecure_skip_verify = false;
  std::string min_version;                       // "1.2" | "1.3"; empty: 1.2
  std::string max_version;                       // empty: the newest
  std::vector<std::string> ciphers;              // OpenSSL or IANA names
  bool common_name_check = false;
  std::vector<std::string> trust_der;            // beside the system store
  std::string server_name;                       // SNI and name check instead of the target's host
  std::vector<std::string> tags;                 // what it depends on: evicted with any of them
  uint64_t revision = 0;
};

class UpstreamCredentials {
 public:
  explicit UpstreamCredentials(UpstreamCredentialFields fields);
  UpstreamCredentials(const UpstreamCredentials&) = delete;
  UpstreamCredentials& operator=(const UpstreamCredentials&) = delete;

  [[nodiscard]] const UpstreamCredentialFields& fields() const { return fields_; }
  [[nodiscard]] bool usable() const { return fields_.reason == base::Reason::kAllowed; }
  // 32 bytes over everything that decides whom a connection may serve (certificate, key, trust, pins,
  // TLS settings, server name); not over tags and revision. Part of the pool key.
  [[nodiscard]] const std::string& digest() const { return digest_; }

 private:
  UpstreamCredentialFields fields_;
  std::string digest_;
};

using UpstreamCredentialsPtr = std::shared_ptr<const UpstreamCredentials>;

[[nodiscard]] UpstreamCredentialsPtr MakeUpstreamCredentials(UpstreamCredentialFields fields);

}  // namespace sallyport::dataplane
