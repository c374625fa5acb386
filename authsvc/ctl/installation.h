// A directory made by `sallyctl init`: control CA, control certificates, master key and
// configuration files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/ctl/files.h"

namespace sallyport::authsvc::ctl {

struct Installation {
  std::string directory;  // absolute
  std::string trust_domain = "sallyport";
  std::string group = "default";
  std::string org = "default";
  std::vector<std::string> hosts;  // names and addresses of authsvc, beside this machine's own
  std::string state_directory;     // absolute; of the store
  std::string owner;               // user that runs authsvc; empty: who made the installation
  std::string dataplane_owner;     // user that runs the data plane
};

// The users of an installation, as they are on this machine.
struct Owners {
  std::optional<Owner> authsvc;
  std::optional<Owner> dataplane;
};
[[nodiscard]] absl::StatusOr<Owners> FindOwners(const Installation& installation);

struct RoleCertificate {
  std::string role;
  std::string group;
  std::string name;
  std::string link;  // directory to switch
  std::optional<Owner> owner;
};

// Each is a DNS name or an address.
[[nodiscard]] absl::Status CheckHosts(const std::vector<std::string>& hosts);
// From ca/installation.yaml, which MakeControlAuthority writes.
[[nodiscard]] absl::StatusOr<Installation> ReadInstallation(const std::string& directory);

[[nodiscard]] absl::Status MakeControlAuthority(const Installation& installation);
// authsvc, dataplane, admin, reader and decision; each directory is switched as a whole.
[[nodiscard]] absl::Status MakeControlCertificates(const Installation& installation,
                                                   absl::Duration lifetime);
[[nodiscard]] absl::Status MakeRoleCertificate(const Installation& installation,
                                               const RoleCertificate& role,
                                               absl::Duration lifetime);
[[nodiscard]] absl::Status MakeTrafficCertificate(const Installation& installation,
                                                  absl::Duration lifetime);

[[nodiscard]] std::string AuthsvcYaml(const Installation& installation,
                                      absl::string_view admin_key_sha256);
[[nodiscard]] std::string DataplaneYaml(const Installation& installation);
[[nodiscard]] std::string ContextYaml(const Installation& installation);

}  // namespace sallyport::authsvc::ctl
