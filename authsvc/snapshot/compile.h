// What an entry is made of beyond its resource: allowlists, domain maps, names. Functions of the
// resource and the certificates of the index as they are; compiled anew when one of those changes.
// Only for this folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "authsvc/snapshot/entries.h"
#include "authsvc/snapshot/snapshot.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

using AllowlistEntries = google::protobuf::RepeatedPtrField<v1::AllowlistEntry>;

[[nodiscard]] Allowlist CompileAllowlist(const Snapshot& view, absl::string_view org,
                                         const AllowlistEntries& entries);
// A write refuses what is not a valid domain key. A stored map that does not compile all the same
// becomes one whose default names a certificate that cannot be, or has no pin: every host fails
// closed.
[[nodiscard]] ClientCertificateMap CompileClientCertificates(const v1::DomainCertificates& map);
[[nodiscard]] PinMap CompilePins(const v1::DomainPins& map);
[[nodiscard]] std::shared_ptr<const RevocationList> CompileRevocation(
    const v1::GatewaySettings& settings);

// DNS names of the first certificate: its SANs, or its CN where it has none. Lower case.
[[nodiscard]] std::vector<std::string> ServedNames(const CertificateEntry& certificate);

}  // namespace sallyport::authsvc
