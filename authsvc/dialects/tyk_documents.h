// Tyk's JSON documents <-> core resources (reference tyk.md §2, §8.2). Pure, thread-safe.
// What was put can be read back as it was put: Resource.document holds the original, every secret
// in it replaced by a reference.
#pragma once

#include <string>

#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects {

// Classic API definition -> Api (and Certificates for PEM that stands where an id is allowed).
[[nodiscard]] Conversion ConvertTykClassic(const Node& definition, const ConvertOptions& options);

// Tyk OAS API definition: an OpenAPI document with `x-tyk-api-gateway` -> Api (likewise).
[[nodiscard]] Conversion ConvertTykOas(const Node& definition, const ConvertOptions& options);

// The id of the TokenIssuer that an API with enable_jwt comes with; it goes with it.
[[nodiscard]] std::string TykJwtIssuer(absl::string_view api_id);

// SessionState -> Key. The id is that of the certificate; without one it is empty, the caller sets
// it. No token is made here.
[[nodiscard]] Conversion ConvertTykSession(const Node& session, const ConvertOptions& options);

// Policy -> Policy.
[[nodiscard]] Conversion ConvertTykPolicy(const Node& policy, const ConvertOptions& options);

// The keys of tyk.conf that concern certificates, pins and verification -> GatewaySettings;
// the variables of `options` lie over the file's (authsvc/dialects/tyk_environment.h).
[[nodiscard]] Conversion ConvertTykGateway(const Node& file, const ConvertOptions& options);
// What such a file has no words for (deny list, trusted proxies, trust bundles, switches of maps,
// `exact`) stays as it was: putting the file in again must not lift a revocation.
void KeepWhatTykGatewayLacks(const v1::GatewaySettings& stored, v1::GatewaySettings* settings);

[[nodiscard]] bool IsTykClassic(const Node& document);
[[nodiscard]] bool IsTykOas(const Node& document);
[[nodiscard]] bool IsTykSession(const Node& document);
[[nodiscard]] bool IsTykPolicy(const Node& document);
[[nodiscard]] bool IsTykGateway(const Node& document);

// The other way: JSON text. From the original document where the resource came by the same dialect
// (with ids and times of the resource put in), else made from the resource.
[[nodiscard]] std::string TykSessionJson(const v1::Resource& key);
[[nodiscard]] std::string TykPolicyJson(const v1::Resource& policy);
// A Classic definition also of an API that came as Tyk OAS.
[[nodiscard]] std::string TykClassicJson(const v1::Resource& api);
// Of an API that came as Tyk OAS; empty for others. `without_extension`: the OpenAPI part alone.
[[nodiscard]] std::string TykOasJson(const v1::Resource& api, bool without_extension);

}  // namespace sallyport::authsvc::dialects
