// Who calls: the role of an authenticated peer, and which role may call what. A peer without a role
// is nobody: every method refuses it. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

class DeniedCallers;

enum class Role : uint8_t { kNone, kDataplane, kDecision, kReader, kAdmin };

[[nodiscard]] absl::string_view RoleName(Role role);
[[nodiscard]] Role RoleFromName(absl::string_view name);

struct Peer {
  Role role = Role::kNone;
  std::string group;
  std::string name;
  bool denied = false;  // its certificate is on the deny list: it has no role
};

// What TLS proved about the peer.
struct PeerCertificate {
  std::string fingerprint;  // hex SHA-256 of the leaf
  std::string spki_sha256;  // hex, of its public key
  std::vector<std::string> uri_sans;
  std::vector<std::string> dns_sans;
};

struct RoleMapping {
  std::string fingerprint;  // hex; or
  std::string san;          // "URI:…" or "DNS:…"
  Peer peer;
};

class RoleMap {
 public:
  RoleMap(absl::string_view trust_domain, std::vector<RoleMapping> mappings);

  // spiffe://<trust domain>/sallyport/<role>/<group>/<name> as the only URI SAN, else the explicit
  // map, where several names of one certificate must agree; never the CN.
  [[nodiscard]] Peer Find(const PeerCertificate& certificate) const;
  // The same for a certificate whose only URI SAN is `id`; nothing when it is not of ours.
  [[nodiscard]] std::optional<Peer> FindSpiffe(absl::string_view id) const;
  // Nobody is named by certificate: the certificate itself need not be looked at.
  [[nodiscard]] bool only_spiffe() const { return by_fingerprint_.empty() && by_san_.empty(); }

  // From now on; null: nobody is denied.
  void Deny(std::shared_ptr<const DeniedCallers> denied);
  // Null when nobody is: the usual case, which takes no lock.
  [[nodiscard]] std::shared_ptr<const DeniedCallers> denied() const;
  [[nodiscard]] bool Denies(const PeerCertificate& certificate) const;

 private:
  const std::string prefix_;
  absl::flat_hash_map<std::string, Peer> by_fingerprint_;
  absl::flat_hash_map<std::string, Peer> by_san_;
  std::atomic<bool> somebody_denied_{false};
  mutable base::Mutex mutex_;
  std::shared_ptr<const DeniedCallers> denied_ ABSL_GUARDED_BY(mutex_);
};

// Service and method as in the proto: "Admin", "Put".
[[nodiscard]] bool MayCall(Role role, absl::string_view service, absl::string_view method);

}  // namespace sallyport::authsvc
