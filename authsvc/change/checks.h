// What a write must fulfil, by kind (DESIGN 6, 7, 10). Each check sees the snapshot as it would be,
// with all of the write in it, and the one before. Pure functions; only for this folder.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "authsvc/snapshot/snapshot.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

struct CheckContext {
  const Snapshot& before;
  const Snapshot& after;
  absl::Time now;
  bool strict = false;
};

using Warnings = std::vector<std::string>;

[[nodiscard]] absl::Status CheckCertificate(const CheckContext& context,
                                            const v1::Certificate& certificate, Warnings* warnings);
[[nodiscard]] absl::Status CheckApi(const CheckContext& context, const v1::Api& api,
                                    Warnings* warnings);
[[nodiscard]] absl::Status CheckKey(const CheckContext& context, const v1::Key& key,
                                    Warnings* warnings);
[[nodiscard]] absl::Status CheckPolicy(const CheckContext& context, const v1::Policy& policy,
                                       Warnings* warnings);
[[nodiscard]] absl::Status CheckSettings(const CheckContext& context,
                                         const v1::GatewaySettings& settings, Warnings* warnings);
[[nodiscard]] absl::Status CheckListener(const CheckContext& context, const v1::Listener& listener,
                                         Warnings* warnings);
[[nodiscard]] absl::Status CheckTrustBundle(const CheckContext& context,
                                            const v1::TrustBundle& bundle, Warnings* warnings);
[[nodiscard]] absl::Status CheckTokenIssuer(const CheckContext& context,
                                            const v1::TokenIssuer& issuer, Warnings* warnings);
[[nodiscard]] absl::Status CheckSecret(const v1::KubeSecret& secret);
[[nodiscard]] absl::Status CheckConfigMap(const v1::KubeConfigMap& config_map);
[[nodiscard]] absl::Status CheckResource(const CheckContext& context, const v1::Resource& resource,
                                         Warnings* warnings);

// `Key with given certificate already found:<key>`: also for keys whose stable name moved.
[[nodiscard]] absl::Status CheckKeyIsOnlyOne(const Snapshot& after, const KeyEntry& entry);

// Of something that `after` no longer has. `cut_off` gets who is left without a certificate.
[[nodiscard]] absl::Status CheckDelete(const CheckContext& context, Kind kind, absl::string_view id,
                                       bool force, std::vector<std::string>* cut_off);

// --- shared by the checks

// "pending: allowlist: ID" as a warning; an error when strict.
[[nodiscard]] absl::Status NotThere(const CheckContext& context, absl::string_view how,
                                    absl::string_view reference, Warnings* warnings);
// A resource of one organisation cannot use what belongs to another; what belongs to none is for
// all, and a resource of none (the gateway's own) may use any.
[[nodiscard]] absl::Status CheckOwner(absl::string_view how, absl::string_view org,
                                      absl::string_view reference);
enum class Need : uint8_t { kPublic, kPrivateKey };
// Whether the reference is there and can be used; what cannot is a warning, an error when strict.
[[nodiscard]] absl::Status CheckReference(const CheckContext& context, absl::string_view how,
                                          absl::string_view org, absl::string_view reference,
                                          Need need, Warnings* warnings);
[[nodiscard]] absl::Status CheckAllowlist(
    const CheckContext& context, absl::string_view how, absl::string_view org,
    const google::protobuf::RepeatedPtrField<v1::AllowlistEntry>& entries,
    const Allowlist& compiled, Warnings* warnings);
[[nodiscard]] absl::Status CheckUpstreamMaps(const CheckContext& context, absl::string_view prefix,
                                             absl::string_view org,
                                             const v1::DomainCertificates& certificates,
                                             const v1::DomainPins& pins,
                                             const v1::TransportTls& tls, Warnings* warnings);

}  // namespace sallyport::authsvc
