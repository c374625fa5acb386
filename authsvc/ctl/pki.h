// The control PKI: one CA of its own, server certificates for authsvc, one certificate per role.
// Never used for clients of the gateway. Keys are ECDSA P-256; files are 0600.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/ctl/files.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc::ctl {

struct IssuedPair {
  std::string certificate_pem;
  base::Secret key_pem;
};

struct IssueSpec {
  std::string common_name;
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;  // IPv4 or IPv6
  std::string uri;                     // role certificates
  bool server = false;
  bool client = false;
  absl::Duration lifetime = absl::Hours(24 * 365);
};

[[nodiscard]] absl::StatusOr<IssuedPair> MakeAuthority(absl::string_view common_name,
                                                       absl::Time now, absl::Duration lifetime);
[[nodiscard]] absl::StatusOr<IssuedPair> Issue(const IssuedPair& authority, const IssueSpec& spec,
                                               absl::Time now);
[[nodiscard]] absl::StatusOr<IssuedPair> MakeSelfSigned(const IssueSpec& spec, absl::Time now);

// Writes tls.crt, tls.key and (unless empty) ca.crt into a new directory beside `link` and switches
// `link` to it in one step. Readers see the old files or the new ones, never a mixture. All belong
// to `owner`, if there is one.
[[nodiscard]] absl::Status SwapDirectory(const std::string& link, const IssuedPair& pair,
                                         absl::string_view authorities_pem,
                                         const std::optional<Owner>& owner);

}  // namespace sallyport::authsvc::ctl
