// Where requests go: `endpointConfigurations` of apk-conf -> an upstream. Pure, thread-safe.
// Private to this folder.
#pragma once

#include <string>
#include <vector>

#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/kube_object.h"

namespace sallyport::authsvc::dialects::apk {

// `grpc`: the targets speak HTTP/2. `authorities`: references to the certificates that may have
// issued the targets' own.
void ReadEndpoints(const Fields& conf, absl::string_view environment, const KubeName& api,
                   bool grpc, v1::Upstream* upstream, std::vector<std::string>* authorities);
[[nodiscard]] bool HasSandbox(const Fields& conf);
// The URL of an operation's own endpoint in that environment; empty: it has none.
[[nodiscard]] std::string OperationEndpoint(const Fields& operation, absl::string_view environment,
                                            const KubeName& api,
                                            std::vector<std::string>* authorities);

// {upstreamResponseTimeout, downstreamRequestIdleTimeout}, in seconds.
void ReadTimeouts(const Fields& timeout, v1::Timeouts* out);
// {maxConnections, maxPendingRequests, maxRequests}
void ReadBreaker(const Fields& breaker, v1::UpstreamLimits* out);

// "https://host:port/base"; empty after a refusal. ws and wss are http and https.
[[nodiscard]] std::string TargetUrl(const Fields& object, absl::string_view name,
                                    absl::string_view url);
// "h2", "h2c" or the default, for a GRPC API.
void SetGrpcProtocol(v1::Upstream* upstream);
// Whole seconds of `name` to milliseconds; 0: nothing said.
[[nodiscard]] uint32_t SecondsToMillis(const Fields& object, absl::string_view name);
// A count of `name`; 0: nothing said.
[[nodiscard]] uint32_t ReadCount(const Fields& object, absl::string_view name);

// The trust bundle of an API's targets, put before the API; names it in `upstream`. Nothing where
// there are no authorities.
void PutAuthorities(const std::vector<std::string>& authorities, const std::string& api_id,
                    absl::string_view org_id, absl::string_view dialect, v1::Upstream* upstream,
                    Conversion* out);
[[nodiscard]] std::string AuthoritiesId(absl::string_view api_id);

}  // namespace sallyport::authsvc::dialects::apk
