// The tables behind schema.h. Private to this folder.
#pragma once

#include "authsvc/dialects/apisix/schema.h"

namespace sallyport::authsvc::dialects::apisix {

inline constexpr Field::Use kKept = Field::Use::kKept;
inline constexpr Field::Use kRefused = Field::Use::kRefused;
inline constexpr Field::Use kTaken = Field::Use::kTaken;

// What every object may have.
#define SALLYPORT_APISIX_COMMON                                                                 \
  {"id", "id"}, {"create_time", "integer", kKept, "set by the server; only PATCH may name it"}, \
      {"update_time", "integer", kKept, "likewise"}, {"desc", "string", kKept},                 \
      {"labels", "object", kKept, "for the list's filter"}

#define SALLYPORT_APISIX_CHECKS(P)                                                                 \
  {P, "object"}, {P ".active", "object"},                                                          \
      {P ".active.type", "string", kTaken, "http, https; tcp is refused"},                         \
      {P ".active.http_path", "string", kTaken, "/ where left out"},                               \
      {P ".active.timeout", "number", kTaken, "seconds; 1 where left out"},                        \
      {P ".active.concurrency", "integer", kKept, "each target is asked by itself"},               \
      {P ".active.https_verify_certificate", "boolean", kTaken,                                    \
       "false is refused: checks verify as requests do"},                                          \
      {P ".active.host", "string", kRefused, "targets are asked as they are"},                     \
      {P ".active.port", "integer", kRefused, "targets are asked as they are"},                    \
      {P ".active.req_headers", "array", kRefused, "targets are asked as they are"},               \
      {P ".active.healthy", "object"},                                                             \
      {P ".active.healthy.interval", "number", kTaken, "the lesser of both; 1 where left out"},    \
      {P ".active.healthy.http_statuses", "array", kTaken,                                         \
       "200 to 599; 200 and 302 where left out"},                                                  \
      {P ".active.healthy.successes", "integer", kTaken, "2 where left out"},                      \
      {P ".active.unhealthy", "object"},                                                           \
      {P ".active.unhealthy.interval", "number", kTaken, "likewise"},                              \
      {P ".active.unhealthy.http_statuses", "array", kKept,                                        \
       "all that healthy.http_statuses does not have"},                                            \
      {P ".active.unhealthy.http_failures", "integer", kTaken, "of every kind; 5 where left out"}, \
      {P ".active.unhealthy.tcp_failures", "integer", kKept, "http_failures counts them too"},     \
      {P ".active.unhealthy.timeouts", "integer", kKept, "http_failures counts them too"},         \
      {P ".passive", "object"}, {P ".passive.type", "string", kKept},                              \
      {P ".passive.healthy", "object", kKept, "a target comes back after a time"},                 \
      {P ".passive.unhealthy", "object"},                                                          \
      {P ".passive.unhealthy.http_statuses", "array", kKept, "502, 503 and 504 count"},            \
      {P ".passive.unhealthy.http_failures", "integer", kTaken,                                    \
       "the lesser of this and tcp_failures counts, of every kind; 5 where left out; 0: never"},   \
      {P ".passive.unhealthy.tcp_failures", "integer", kTaken, "likewise; 2 where left out"},      \
      {P ".passive.unhealthy.timeouts", "integer", kKept, "tcp_failures counts them too"}

#define SALLYPORT_APISIX_UPSTREAM(P)                                                           \
  {P "nodes", "any", kTaken, "one at least; weight 0 takes no requests"},                      \
      {P "nodes[].priority", "integer", kRefused, "targets have no priorities"},               \
      {P "type", "string", kTaken, "roundrobin, chash, least_conn; ewma is refused"},          \
      {P "hash_on", "string", kTaken, "vars (remote_addr), header, cookie, consumer"},         \
      {P "key", "string"},                                                                     \
      {P "scheme", "string", kTaken, "http, https, grpc, grpcs; others are refused"},          \
      {P "pass_host", "string", kTaken,                                                        \
       "SNI and name check are of the node, or of upstream_host, never of the caller's Host"}, \
      {P "upstream_host", "string"}, {P "retries", "integer"},                                 \
      {P "retry_timeout", "number", kKept, "retries have a budget instead"},                   \
      {P "timeout", "object"}, {P "timeout.connect", "number"}, {P "timeout.send", "number"},  \
      {P "timeout.read", "number"},                                                            \
      {P "keepalive_pool", "object", kKept, "pools are sized by the data plane's settings"},   \
      {P "tls", "object"}, {P "tls.client_cert", "string"},                                    \
      {P "tls.client_key", "string", kTaken, "stored sealed, never shown"},                    \
      {P "tls.client_cert_id", "id"},                                                          \
      {P "tls.verify", "boolean", kTaken, "left out: the upstream is verified"},               \
      {P "tls.ca_certs", "array"}, SALLYPORT_APISIX_CHECKS(P "checks"),                        \
      {P "service_name", "string", kRefused, "service discovery does not exist here"},         \
      {P "discovery_type", "string", kRefused, "service discovery does not exist here"},       \
      {P "discovery_args", "object", kRefused, "service discovery does not exist here"},       \
      {P "name", "string", kKept}, {P "desc", "string", kKept}, {                              \
    P "labels", "object", kKept                                                                \
  }

#define SALLYPORT_APISIX_CLIENT                                                                \
  {"client", "object", kTaken,                                                                 \
   "in place of that of the host's SSL object; a route's of a service's"},                     \
      {"client.ca", "string", kTaken, "each must be a CA"},                                    \
      {"client.depth", "integer", kTaken, "1 where left out; 0 is refused; 8 at most counts"}, \
      {"client.skip_mtls_uri_regex", "array", kTaken, "RE2, unanchored, on the normalised path"}

inline constexpr Field kSslFields[] = {
    {"id", "id"},
    {"create_time", "integer", kKept, "set by the server; only PATCH may name it"},
    {"update_time", "integer", kKept, "likewise"},
    {"desc", "string", kKept},
    {"labels", "object", kKept, "for the list's filter"},
    {"type", "string", kTaken, "server or client"},
    {"cert", "string"},
    {"key", "string", kTaken, "stored sealed, never shown; left out: the stored one"},
    {"certs", "array"},
    {"keys", "array", kTaken, "likewise"},
    {"sni", "string", kTaken, "a wildcard is one label"},
    {"snis", "array", kTaken, "likewise"},
    {"client", "object"},
    {"client.ca", "string", kTaken, "each must be a CA"},
    {"client.depth", "integer", kTaken, "1 where left out; 0 is refused; 8 at most counts"},
    {"client.skip_mtls_uri_regex", "array", kTaken, "RE2, unanchored, on the normalised path"},
    {"status", "integer"},
    {"ssl_protocols", "array", kTaken,
     "TLSv1.2, TLSv1.3 or both, within what the data planes' listener takes"},
    {"validity_start", "integer", kKept},
    {"validity_end", "integer", kKept},
    {"exptime", "integer", kKept},
};

inline constexpr Field kUpstreamFields[] = {
    {"id", "id"},
    {"create_time", "integer", kKept, "set by the server; only PATCH may name it"},
    {"update_time", "integer", kKept, "likewise"},
    SALLYPORT_APISIX_UPSTREAM("")};

inline constexpr Field kServiceFields[] = {
    SALLYPORT_APISIX_COMMON,
    {"name", "string", kKept},
    {"plugins", "object", kTaken, "see the plugins below"},
    {"upstream", "object"},
    {"upstream_id", "id"},
    {"hosts", "array"},
    {"enable_websocket", "boolean", kKept, "upgrades are the data plane's setting"},
    {"script", "string", kRefused, "scripts do not exist here"},
    SALLYPORT_APISIX_CLIENT,
    SALLYPORT_APISIX_UPSTREAM("upstream."),
};

inline constexpr Field kRouteFields[] = {
    SALLYPORT_APISIX_COMMON,
    {"name", "string", kKept},
    {"uri", "string", kTaken, "exact, or a prefix with * at its end"},
    {"uris", "array", kTaken, "likewise"},
    {"host", "string", kTaken, "a wildcard is one label"},
    {"hosts", "array", kTaken, "likewise"},
    {"methods", "array"},
    {"priority", "integer"},
    {"remote_addr", "string"},
    {"remote_addrs", "array"},
    {"vars", "array", kTaken,
     "arg_*, http_*, cookie_*, uri, request_method, remote_addr with ==, ~=, ~~, ~*, in, "
     "ipmatch and !; others are refused"},
    {"plugins", "object", kTaken, "see the plugins below"},
    {"plugin_config_id", "id"},
    {"upstream", "object"},
    {"upstream_id", "id"},
    {"service_id", "id"},
    {"timeout", "object"},
    {"timeout.connect", "number"},
    {"timeout.send", "number"},
    {"timeout.read", "number"},
    {"status", "integer"},
    {"enable_websocket", "boolean", kKept, "upgrades are the data plane's setting"},
    {"filter_func", "string", kRefused, "Lua does not exist here"},
    {"script", "string", kRefused, "scripts do not exist here"},
    {"script_id", "id", kRefused, "scripts do not exist here"},
    SALLYPORT_APISIX_CLIENT,
    SALLYPORT_APISIX_UPSTREAM("upstream."),
};

inline constexpr Field kConsumerFields[] = {
    SALLYPORT_APISIX_COMMON,
    {"username", "string"},
    {"plugins", "object", kTaken, "key-auth, jwt-auth and mtls-auth; others are refused"},
    {"group_id", "id", kRefused, "consumer groups do not exist here"},
};

inline constexpr Field kGlobalRuleFields[] = {
    {"id", "id"},
    {"create_time", "integer", kKept, "set by the server"},
    {"update_time", "integer", kKept, "likewise"},
    {"plugins", "object", kTaken, "on every route; one that the route has as well is refused"},
};

inline constexpr Field kPluginConfigFields[] = {
    SALLYPORT_APISIX_COMMON,
    {"name", "string", kKept},
    {"plugins", "object", kTaken, "the route's own come before them"},
};

inline constexpr Collection kCollections[] = {
    {"ssls", "ssl", kSslFields},
    {"upstreams", "upstream", kUpstreamFields},
    {"services", "service", kServiceFields},
    {"routes", "route", kRouteFields},
    {"consumers", "consumer", kConsumerFields, false, false},
    {"global_rules", "global_rule", kGlobalRuleFields, false},
    {"plugin_configs", "plugin_config", kPluginConfigFields},
};

inline constexpr Field kMetaField = {"_meta", "object", kTaken, "disable"};
inline constexpr Field kKeyAuthFields[] = {
    kMetaField,
    {"_meta.disable", "boolean"},
    {"header", "string", kTaken, "apikey where left out"},
    {"query", "string", kTaken, "apikey where left out"},
    {"hide_credentials", "boolean"},
};
inline constexpr Field kJwtAuthFields[] = {
    kMetaField,
    {"_meta.disable", "boolean"},
    {"header", "string", kTaken, "authorization where left out"},
    {"query", "string", kTaken, "jwt where left out"},
    {"cookie", "string", kTaken, "jwt where left out"},
    {"hide_credentials", "boolean"},
    {"key_claim_name", "string", kTaken, "key; another name is refused"},
    {"claims_to_verify", "array", kKept, "exp and nbf always are; a token without exp is refused"},
    {"store_in_ctx", "boolean", kKept, "has no use here"},
    {"realm", "string", kKept, "refusals have no challenge"},
    {"anonymous_consumer", "string", kRefused, "whoever shows no token does not pass"},
};
inline constexpr Field kMtlsAuthFields[] = {
    kMetaField,
    {"_meta.disable", "boolean"},
};
inline constexpr Field kIpRestrictionFields[] = {
    kMetaField,
    {"_meta.disable", "boolean"},
    {"whitelist", "array"},
    {"blacklist", "array"},
    {"message", "string", kKept, "the refusal's text is the style's"},
};
inline constexpr Field kKeyAuthConsumerFields[] = {
    {"key", "string", kTaken, "kept as its SHA-256, never shown; left out: the stored one"},
};
inline constexpr Field kJwtAuthConsumerFields[] = {
    {"key", "string", kTaken, "what tokens say in their claim key; one consumer's"},
    {"secret", "string", kTaken,
     "of HS256, HS384, HS512, 32 bytes at least; stored sealed, never shown; left out: the stored "
     "one"},
    {"base64_secret", "boolean"},
    {"public_key", "string", kTaken, "PEM; of all other algorithms"},
    {"private_key", "string", kKept, "thrown away: no tokens are signed here"},
    {"algorithm", "string", kTaken,
     "HS256 where left out; HS, RS, PS and ES with 256, 384, 512, and EdDSA"},
    {"exp", "integer", kKept, "of tokens that APISIX signs: none are signed here"},
    {"lifetime_grace_period", "integer", kTaken, "seconds; 3600 at most"},
    {"vault", "object", kRefused, "secret managers do not exist here"},
};
inline constexpr Field kMtlsAuthConsumerFields[] = {
    {"certs", "array", kTaken, "PEM; the leaf itself is the credential"},
};
inline constexpr Plugin kPlugins[] = {
    {"key-auth", false, kKeyAuthFields},          {"jwt-auth", false, kJwtAuthFields},
    {"mtls-auth", false, kMtlsAuthFields},        {"ip-restriction", false, kIpRestrictionFields},
    {"key-auth", true, kKeyAuthConsumerFields},   {"jwt-auth", true, kJwtAuthConsumerFields},
    {"mtls-auth", true, kMtlsAuthConsumerFields},
};

#undef SALLYPORT_APISIX_COMMON
#undef SALLYPORT_APISIX_CHECKS
#undef SALLYPORT_APISIX_CLIENT
#undef SALLYPORT_APISIX_UPSTREAM

}  // namespace sallyport::authsvc::dialects::apisix
