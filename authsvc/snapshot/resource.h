// v1::Resource and kinds: which kind a body is, and what part of it may be shown. Pure functions.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "authsvc/store/kind.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// None: no body.
[[nodiscard]] std::optional<Kind> KindOf(const v1::Resource& resource);
// The id that the body carries.
[[nodiscard]] const std::string& BodyId(const v1::Resource& resource);
// The org of the body; empty where its kind has none.
[[nodiscard]] const std::string& BodyOrg(const v1::Resource& resource);
// Takes out what never leaves by an admin call: sealed private key, password and data of a Secret
// (the names of its data stay), token hashes.
void RemoveSecrets(v1::Resource* resource);
// Equal resources give equal bytes: maps are in the order of their keys.
[[nodiscard]] std::string SerializeDeterministic(const v1::Resource& resource);

inline constexpr char kSettingsId[] = "gateway";
inline constexpr char kNamePrefix[] = "name:";

// "name:NAME" -> NAME; none: `reference` is an id.
[[nodiscard]] std::optional<absl::string_view> StableName(absl::string_view reference);

// The data key under which a KubeSecret names the certificate that it brought the private key of.
inline constexpr absl::string_view kPrivateKeyData = "tls.key";

// "secret/NAMESPACE/NAME/KEY" and "configmap/NAMESPACE/NAME/KEY", as stable names: what stands
// there now. False: another name.
struct DataName {
  Kind kind = Kind::kSecret;
  absl::string_view id;  // "NAMESPACE/NAME"
  absl::string_view key;
};
bool SplitDataName(absl::string_view name, DataName* out);
// The reference to a certificate that stands in a Secret or ConfigMap.
[[nodiscard]] std::string DataReference(Kind kind, absl::string_view id, absl::string_view key);
// A reference as people know it: "Secret default/web (tls.crt)", or as it is written.
[[nodiscard]] std::string ReferenceText(absl::string_view reference);

// org + 64 lower-case hex digits -> the org and the raw digest. False when `id` does not end in
// them.
bool SplitCertificateId(absl::string_view id, absl::string_view* org, std::string* digest);

}  // namespace sallyport::authsvc
