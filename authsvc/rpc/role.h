// Who calls: the role of an authenticated peer, and which role may call what. A peer without a role is
// nobody: every method refuses it. Immutable after construction, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sallyport::authsvc {

enum class Role : uint8_t { kNone, kDataplane, kDecision, kReader, kAdmin };

[[nodiscard]] absl::string_view RoleName(Role role);
[[nodiscard]] Role RoleFromName(absl::string_view name);

struct Peer {
  Role role = Role::kNone;
  std::string group;
  std::string name;
};

// What TLS proved about the peer.
struct PeerCertificate {
  std::string fingerprint;             // hex SHA-256 of the leaf
  std::vector<std::string> uri_sans;
  std::vector<std::string> dns_sans;
};

struct RoleMapping {
  std::string fingerprint;             // hex; or
  std::string san;                     // "URI:…" or "DNS:…"
  Peer peer;
};

class RoleMap {
 public:
  RoleMap(std::string trust_domain, std::vector<RoleMapping> mappings);

  // spiffe://<trust domain>/sallyport/<role>/<group>/<name>, else the explicit map; never the CN. A
  // certificate with several URI SANs that name different roles has none.
  [[nodiscard]] Peer Find(const PeerCertificate& certificate) const;

 private:
  const std::string prefix_;
  absl::flat_hash_map<std::string, Peer> by_fingerprint_;
  absl::flat_hash_map<std::string, Peer> by_san_;
};

// Service and method as in the proto: "Admin", "Put".
[[nodiscard]] bool MayCall(Role role, absl::string_view service, absl::string_view method);

}  // namespace sallyport::authsvc
