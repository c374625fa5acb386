// Which certificates and bundles a resource refers to. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot_index.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

class Snapshot;

// UseItem::how of a place that holds a sealed value; every other use is of a certificate or bundle.
inline constexpr char kCredentialUse[] = "upstream credential";

// In UseLess order, each (key, how) once. The certificates of a key that are written as ids are not
// among them: FindKeyNamingLeaf answers for those.
[[nodiscard]] std::vector<UseItem> UsesOf(const v1::Api& api);
[[nodiscard]] std::vector<UseItem> UsesOf(const v1::Key& key);
[[nodiscard]] std::vector<UseItem> UsesOf(const v1::GatewaySettings& settings);
[[nodiscard]] std::vector<UseItem> UsesOf(const v1::Listener& listener);
[[nodiscard]] std::vector<UseItem> UsesOf(const v1::TrustBundle& bundle);
[[nodiscard]] std::vector<UseItem> UsesOf(const v1::KubeSecret& secret);
[[nodiscard]] std::vector<UseItem> UsesOf(const v1::KubeConfigMap& config_map);
[[nodiscard]] std::vector<UseItem> UsesOf(const v1::TokenIssuer& issuer);
// ReferenceKeys of the places in a Secret or ConfigMap: of all that hold a certificate or a sealed
// value, or of those that hold this certificate.
[[nodiscard]] std::vector<std::string> DataKeysOf(const Snapshot& snapshot, Kind kind,
                                                  absl::string_view id,
                                                  absl::string_view certificate_id = "");
[[nodiscard]] std::vector<UseItem> UsesOf(const v1::DialectObject& object);

// What the tables of uses are ordered by: an id, a stable name with its org, or a bundle's id.
[[nodiscard]] std::string ReferenceKey(absl::string_view org, absl::string_view reference);
[[nodiscard]] std::string BundleKey(absl::string_view bundle_id);
// The parts of a ReferenceKey of a stable name, or of a BundleKey; false for others.
bool SplitNameKey(absl::string_view key, absl::string_view* org, absl::string_view* name);
bool SplitBundleKey(absl::string_view key, absl::string_view* bundle_id);

// True for a use by which the system itself works (upstream certificate, pin, server certificate,
// admin trust); false where the certificate only says who a caller is.
[[nodiscard]] bool IsSystemUse(absl::string_view how);

}  // namespace sallyport::authsvc
