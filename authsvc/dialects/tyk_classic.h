// Parts of the converter for Tyk Classic API definitions. Private to this folder.
#pragma once

#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/references.h"

namespace sallyport::authsvc::dialects {

// `proxy`, upstream certificates, pins -> api->upstream.
void ClassicUpstream(const Fields& top, const Fields& proxy, References* references, v1::Api* api);
// `uptime_tests` -> upstream->health_check, once its targets are read.
void ClassicHealthChecks(const Fields& top, const Fields& proxy, v1::Upstream* upstream);
// `protocol`, `listen_port`, `enable_proxy_protocol`. Returns whether it is an API of HTTP.
[[nodiscard]] bool ClassicProtocol(const Fields& top, v1::Api* api);
// Once all else is read: what an API of protocol tls or tcp cannot have is refused, or left out
// where it says nothing.
void ClassicStream(const Fields& top, const Fields& proxy, v1::Api* api);
// `definition` and `version_data` -> api->versioning and api->versions.
void ClassicVersions(const Fields& top, v1::Api* api);
// When the whole of it ends, whatever its versions say.
void ClassicExpiration(const Fields& top, v1::Api* api);

// What of `extended_paths` changes requests and answers -> version->endpoints.
void ClassicEndpoints(const Fields& lists, bool any_case, v1::ApiVersion* version);
// path, method(s) and ignore_case of an entry of `extended_paths`.
void ReadEndpointRule(const Fields& endpoint, bool any_case, v1::PathRule* rule);
[[nodiscard]] v1::HeaderChange ReadHeaderChange(const Fields& at, absl::string_view add,
                                                absl::string_view remove);
// Seconds of an endpoint.
void ReadEndpointTimeout(const Fields& at, absl::string_view name, v1::Endpoint* endpoint);
// Tyk's text for a target as a template of ours (shared/header/rewrite_template.h). `trigger`: the
// number of the one it is in, below zero: of none.
[[nodiscard]] std::string RewriteTemplateOf(const Fields& at, absl::string_view name, int trigger);
// When a version ends: "2006-01-02 15:04" (UTC) or RFC 3339.
void ReadExpiry(const Fields& at, absl::string_view name, v1::ApiVersion* version);

// What an https://, http:// or h2c:// target (else a tcp:// or tls:// one) has wrong; empty:
// nothing.
[[nodiscard]] std::string WrongTarget(const std::string& url, bool http);
[[nodiscard]] bool AnyTlsTarget(const v1::Upstream& upstream);
// An address or a network.
[[nodiscard]] bool IsAddress(const std::string& text);
// "{id}" of a path is one segment of it.
[[nodiscard]] std::string SegmentsToRegex(const std::string& path);

// `rate` and `per` of an object: nothing is set where there is no rate.
void ReadRate(const Fields& object, v1::Limits* limits);
// A regular expression that RE2 takes; refuses others. Tyk's `{name}` means one segment where
// `with_segments`.
[[nodiscard]] std::string ReadPathRegex(const Fields& object, absl::string_view name,
                                        bool with_segments);

}  // namespace sallyport::authsvc::dialects
