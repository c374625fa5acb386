// Control certificates that are refused although the control CA issued them: a stolen key's, a
// replica's that is no more. A file with a line for each, read again when it changes:
//
//   spiffe://sallyport/sallyport/dataplane/edge/edge-1      every certificate with this name
//   spki-sha256:9f86d0…                                     every certificate with this key
//   (sallyctl cert show FILE)
//
// Blank lines and what follows a # are passed over. Not by fingerprint: who holds a certificate
// with an ECDSA signature can make another with the same content and another fingerprint.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::authsvc {

struct PeerCertificate;
class RoleMap;

// Immutable, thread-safe.
class DeniedCallers {
 public:
  // InvalidArgument names the line.
  [[nodiscard]] static absl::StatusOr<std::shared_ptr<const DeniedCallers>> Parse(
      absl::string_view text);

  [[nodiscard]] bool Denies(const PeerCertificate& certificate) const;
  // Somebody is denied by key: PeerCertificate::spki_sha256 is needed.
  [[nodiscard]] bool by_key() const { return !keys_.empty(); }
  [[nodiscard]] size_t size() const { return names_.size() + keys_.size(); }
  // Everybody whom `other` denies is denied here.
  [[nodiscard]] bool Covers(const DeniedCallers& other) const;
  // "spiffe://…", "spki-sha256:HEX", in no order.
  [[nodiscard]] std::vector<std::string> Entries() const;

 private:
  absl::flat_hash_set<std::string> names_;
  absl::flat_hash_set<std::string> keys_;  // lower-case hex
};

[[nodiscard]] absl::StatusOr<std::shared_ptr<const DeniedCallers>> ReadDeniedCallers(
    const std::string& path);

// All that an entry could call this certificate by; empty when its key cannot be told.
[[nodiscard]] std::vector<std::string> DenyNames(const PeerCertificate& certificate);
// False only when no data plane of `group` can have a certificate that the entry names.
[[nodiscard]] bool MayNameDataplane(const RoleMap& roles, absl::string_view entry,
                                    absl::string_view group);

// Keeps `roles` at what the file says. One thread at a time.
class DeniedCallersFile {
 public:
  // Reads it: what is wrong at the start is an error. `roles` outlives this.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<DeniedCallersFile>> Start(std::string path,
                                                                                RoleMap* roles);
  // Reads it again if it has changed; true when another list is in force then. One that cannot be
  // read or is wrong is logged, and the old list stays. So it does, until the next look finds the
  // same file, when somebody would no longer be denied: who writes in place may not be through.
  bool Look();
  [[nodiscard]] const DeniedCallers& in_force() const { return *in_force_; }

 private:
  DeniedCallersFile(std::string path, RoleMap* roles) : path_(std::move(path)), roles_(roles) {}
  void Take(std::shared_ptr<const DeniedCallers> list);

  const std::string path_;
  RoleMap* const roles_;
  std::shared_ptr<const DeniedCallers> in_force_;
  std::string stamp_;      // of the file as last read
  std::string shrunk_;     // of one that denies fewer and is looked at once more
  std::string complaint_;  // logged already
};

}  // namespace sallyport::authsvc
