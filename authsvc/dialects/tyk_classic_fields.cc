#include "authsvc/dialects/tyk_classic_fields.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kNoPlugins = "plugins and custom middleware do not exist here";
constexpr absl::string_view kNoGraphql = "GraphQL does not exist here";
constexpr absl::string_view kNoTransform =
    "changing requests or answers by endpoint does not exist here";

constexpr FieldRule kDefinition[] = {
    {"name", Use::kUsed},
    {"api_id", Use::kUsed},
    {"org_id", Use::kUsed},
    {"active", Use::kUsed},
    {"domain", Use::kUsed},
    {"domain_disabled", Use::kUsed},
    {"listen_port", Use::kUsed},
    {"protocol", Use::kUsed},
    {"certificates", Use::kUsed},
    {"use_keyless", Use::kUsed},
    {"use_standard_auth", Use::kUsed},
    {"auth", Use::kUsed},
    {"auth_configs", Use::kUsed},
    {"use_mutual_tls_auth", Use::kUsed},
    {"client_certificates", Use::kUsed},
    {"upstream_certificates", Use::kUsed},
    {"upstream_certificates_disabled", Use::kUsed},
    {"pinned_public_keys", Use::kUsed},
    {"certificate_pinning_disabled", Use::kUsed},
    {"strip_auth_data", Use::kUsed},
    {"disable_rate_limit", Use::kUsed},
    {"disable_quota", Use::kUsed},
    {"global_rate_limit", Use::kUsed},
    {"enable_ip_whitelisting", Use::kUsed},
    {"allowed_ips", Use::kUsed},
    {"enable_ip_blacklisting", Use::kUsed},
    {"blacklisted_ips", Use::kUsed},
    {"CORS", Use::kUsed},
    {"proxy", Use::kUsed},
    {"definition", Use::kUsed},
    {"version_data", Use::kUsed},
    {"tags", Use::kUsed},
    {"strict_prefix", Use::kUsed},
    {"allow_unsafe_dynamic_mtls_token", Use::kUsed},
    // Other ways to authenticate.
    {"use_basic_auth", Use::kUsed},
    {"basic_auth", Use::kUsed},
    {"enable_jwt", Use::kUsed},
    {"use_oauth2", Use::kRefused, "the OAuth 2 server does not exist here"},
    {"use_openid", Use::kRefused, "OpenID Connect does not exist here"},
    {"external_oauth", Use::kRefused, "external OAuth does not exist here"},
    {"enable_signature_checking", Use::kRefused, "HMAC signatures do not exist here"},
    {"use_go_plugin_auth", Use::kRefused, kNoPlugins},
    {"enable_coprocess_auth", Use::kRefused, kNoPlugins},
    {"custom_plugin_auth_enabled", Use::kRefused, kNoPlugins},
    {"custom_middleware", Use::kUsed},
    {"custom_middleware_bundle", Use::kRefused, kNoPlugins},
    {"custom_middleware_bundle_disabled", Use::kKept},
    {"custom_plugin_auth", Use::kRefused, kNoPlugins},
    {"graphql", Use::kRefused, kNoGraphql},
    {"internal", Use::kRefused,
     "internal APIs do not exist here: it would become reachable from outside"},
    {"is_oas", Use::kRefused,
     "this is what a Tyk gateway keeps beside a Tyk OAS API: apply ID-oas.json, which has its "
     "x-tyk-api-gateway"},
    {"enable_proxy_protocol", Use::kUsed},
    {"request_signing", Use::kRefused, "signing of upstream requests does not exist here"},
    {"upstream_auth", Use::kUsed},
    {"security_requirements", Use::kRefused, "does not exist here"},
    {"uptime_tests", Use::kUsed},
    {"validate_request", Use::kRefused, "request validation does not exist here"},
    {"response_processors", Use::kRefused, kNoTransform},
    {"enable_detailed_recording", Use::kKept},
    // Settings of schemes that are off.
    {"base_identity_provided_by", Use::kUsed},
    {"jwt_signing_method", Use::kUsed},
    {"jwt_source", Use::kUsed},
    {"jwt_jwks_uris", Use::kUsed},
    {"jwt_identity_base_field", Use::kUsed},
    {"jwt_client_base_field", Use::kUsed},
    {"jwt_policy_field_name", Use::kUsed},
    {"jwt_default_policies", Use::kUsed},
    {"jwt_issued_at_validation_skew", Use::kUsed},
    {"jwt_expires_at_validation_skew", Use::kUsed},
    {"jwt_not_before_validation_skew", Use::kUsed},
    {"jwt_skip_kid", Use::kKept},
    {"jwt_disable_issued_at_validation", Use::kRefused, "the times of a token are always checked"},
    {"jwt_disable_expires_at_validation", Use::kRefused, "the times of a token are always checked"},
    {"jwt_disable_not_before_validation", Use::kRefused, "the times of a token are always checked"},
    {"jwt_scope_to_policy_mapping", Use::kUsed},
    {"jwt_scope_claim_name", Use::kUsed},
    {"idp_client_id_mapping_disabled", Use::kKept},
    {"scopes", Use::kUsed},
    {"oauth_meta", Use::kKept},
    {"openid_options", Use::kKept},
    {"notifications", Use::kKept},
    {"hmac_allowed_clock_skew", Use::kKept},
    {"hmac_allowed_algorithms", Use::kKept},
    {"auth_provider", Use::kKept},
    {"session_provider", Use::kKept},
    // Without effect on who may call.
    {"id", Use::kKept},
    {"_id", Use::kKept},
    {"slug", Use::kKept},
    {"is_site", Use::kKept},
    {"version_name", Use::kKept},
    {"expiration", Use::kUsed},
    {"do_not_track", Use::kKept},
    {"enable_context_vars", Use::kKept},
    {"config_data", Use::kUsed},
    {"config_data_disabled", Use::kUsed},
    {"tag_headers", Use::kKept},
    {"tags_disabled", Use::kKept},
    {"event_handlers", Use::kUsed},
    {"session_lifetime", Use::kInert},
    {"session_lifetime_respects_key_expiration", Use::kInert},
    {"enable_batch_request_support", Use::kInert, "batch requests do not exist here"},
    {"cache_options", Use::kUsed},
    {"allowed_headers", Use::kKept},
    {"dont_set_quota_on_create", Use::kKept},
    {"expire_analytics_after", Use::kKept},
    {"analytics_plugin", Use::kInert},
    {"detailed_tracing", Use::kKept},
    {"disable_health_check", Use::kKept},
    {"tyk_streams", Use::kRefused, "Tyk Streams do not exist here"},
    {"streams", Use::kRefused, "Tyk Streams do not exist here"},
    {"enable_data_masking", Use::kKept},
    {"created_at", Use::kKept},
    {"updated_at", Use::kKept},
    {"last_updated", Use::kKept},
    {"plugin_auth_provider", Use::kKept},
    {"category", Use::kKept},
    {"error_overrides", Use::kInert},
    {"error_overrides_disabled", Use::kKept},
};

constexpr FieldRule kBasicAuth[] = {
    {"disable_caching", Use::kKept},
    {"cache_ttl", Use::kKept},
    {"extract_from_body", Use::kRefused,
     "user name and password are looked for in the header Authorization alone"},
    {"body_user_regexp", Use::kKept},
    {"body_password_regexp", Use::kKept},
};

constexpr FieldRule kAuth[] = {
    {"name", Use::kKept},
    {"use_param", Use::kUsed},
    {"param_name", Use::kUsed},
    {"use_cookie", Use::kUsed},
    {"cookie_name", Use::kUsed},
    {"disable_header", Use::kUsed},
    {"auth_header_name", Use::kUsed},
    {"use_certificate", Use::kUsed},
    {"validate_signature", Use::kRefused, "signature validation does not exist here"},
    {"signature", Use::kKept},
    {"allow_unsafe_dynamic_mtls_token", Use::kRefused,
     "a certificate's id never authenticates a caller"},
};

constexpr FieldRule kAuthConfigs[] = {
    {"authToken", Use::kUsed}, {"jwt", Use::kUsed},    {"basic", Use::kKept},
    {"hmac", Use::kKept},      {"oidc", Use::kKept},   {"oauth", Use::kKept},
    {"coprocess", Use::kKept}, {"oauth2", Use::kKept}, {"customKey", Use::kKept},
};

constexpr FieldRule kProxy[] = {
    {"listen_path", Use::kUsed},
    {"target_url", Use::kUsed},
    {"strip_listen_path", Use::kUsed},
    {"preserve_host_header", Use::kUsed},
    {"enable_load_balancing", Use::kUsed},
    {"target_list", Use::kUsed},
    {"transport", Use::kUsed},
    {"strict_prefix", Use::kUsed},
    {"disable_strip_slash", Use::kKept},
    {"check_host_against_uptime_tests", Use::kUsed},
    {"skip_unavailable_hosts", Use::kInert},
    {"service_discovery", Use::kUsed},
    {"structured_target_list", Use::kKept},
    {"load_balancing", Use::kKept},
};

constexpr FieldRule kTransport[] = {
    {"ssl_insecure_skip_verify", Use::kUsed},
    {"ssl_ciphers", Use::kUsed},
    {"ssl_min_version", Use::kUsed},
    {"ssl_max_version", Use::kUsed},
    {"ssl_force_common_name_check", Use::kUsed},
    {"proxy_url", Use::kUsed},
};

constexpr FieldRule kRate[] = {
    {"rate", Use::kUsed},
    {"per", Use::kUsed},
    {"disabled", Use::kUsed},
};

constexpr FieldRule kVersionData[] = {
    {"not_versioned", Use::kUsed},
    {"default_version", Use::kUsed},
    {"versions", Use::kUsed},
};

constexpr FieldRule kVersion[] = {
    {"name", Use::kUsed},
    {"expires", Use::kUsed},
    {"use_extended_paths", Use::kUsed},
    {"paths", Use::kUsed},
    {"extended_paths", Use::kUsed},
    {"global_headers", Use::kUsed},
    {"global_headers_remove", Use::kUsed},
    {"global_headers_disabled", Use::kUsed},
    {"global_size_limit", Use::kUsed},
    {"global_size_limit_disabled", Use::kUsed},
    {"override_target", Use::kUsed},
    {"ignore_endpoint_case", Use::kUsed},
    {"global_response_headers", Use::kUsed},
    {"global_response_headers_remove", Use::kUsed},
    {"global_response_headers_disabled", Use::kUsed},
};

constexpr FieldRule kPaths[] = {
    {"ignored", Use::kUsed},
    {"white_list", Use::kUsed},
    {"black_list", Use::kUsed},
};

constexpr FieldRule kExtendedPaths[] = {
    {"ignored", Use::kUsed},
    {"white_list", Use::kUsed},
    {"black_list", Use::kUsed},
    {"url_rewrites", Use::kUsed},
    {"transform_headers", Use::kUsed},
    {"transform_response_headers", Use::kUsed},
    {"hard_timeouts", Use::kUsed},
    {"size_limits", Use::kUsed},
    {"method_transforms", Use::kUsed},
    {"virtual", Use::kUsed},
    {"go_plugin", Use::kRefused, kNoPlugins},
    {"internal", Use::kRefused,
     "internal endpoints do not exist here: they would become reachable"},
    {"rate_limit", Use::kRefused, "rate limits by endpoint do not exist here"},
    {"validate_json", Use::kRefused, "request validation does not exist here"},
    {"validate_request", Use::kRefused, "request validation does not exist here"},
    {"transform", Use::kRefused, kNoTransform},
    {"transform_response", Use::kRefused, kNoTransform},
    {"transform_jq", Use::kRefused, kNoTransform},
    {"transform_jq_response", Use::kRefused, kNoTransform},
    {"mock_response", Use::kUsed},
    {"persist_graphql", Use::kRefused, kNoGraphql},
    {"cache", Use::kInert},
    {"advance_cache_config", Use::kInert},
    {"circuit_breakers", Use::kInert},
    {"track_endpoints", Use::kKept},
    {"do_not_track_endpoints", Use::kKept},
};

constexpr FieldRule kEndpoint[] = {
    {"path", Use::kUsed},           {"method", Use::kUsed},      {"methods", Use::kUsed},
    {"method_actions", Use::kUsed}, {"ignore_case", Use::kUsed}, {"disabled", Use::kUsed},
};

constexpr FieldRule kVersionNames[] = {
    {"enabled", Use::kKept},
    {"name", Use::kKept},
    {"default", Use::kUsed},
    {"location", Use::kUsed},
    {"key", Use::kUsed},
    {"strip_path", Use::kUsed},
    {"strip_versioning_data", Use::kUsed},
    {"fallback_to_default", Use::kUsed},
    {"url_versioning_pattern", Use::kRefused,
     "patterns for versions in the path do not exist here"},
    {"versions", Use::kRefused, "versions in other API definitions do not exist here"},
    {"base_id", Use::kRefused, "versions in other API definitions do not exist here"},
};

constexpr FieldRule kCors[] = {
    {"enable", Use::kUsed},
    {"allowed_origins", Use::kUsed},
    {"allowed_methods", Use::kUsed},
    {"allowed_headers", Use::kUsed},
    {"exposed_headers", Use::kUsed},
    {"allow_credentials", Use::kUsed},
    {"max_age", Use::kUsed},
    {"options_passthrough", Use::kInert,
     "preflight requests are never passed on without a credential"},
    {"debug", Use::kKept},
};

}  // namespace

ObjectRules ClassicRules() { return {kDefinition, false}; }
ObjectRules ClassicAuthRules() { return {kAuth, true}; }
ObjectRules ClassicBasicRules() { return {kBasicAuth, true}; }
ObjectRules ClassicAuthConfigsRules() { return {kAuthConfigs, true}; }
ObjectRules ClassicProxyRules() { return {kProxy, false}; }
ObjectRules ClassicTransportRules() { return {kTransport, true}; }
ObjectRules ClassicRateRules() { return {kRate, true}; }
ObjectRules ClassicVersionDataRules() { return {kVersionData, false}; }
ObjectRules ClassicVersionRules() { return {kVersion, false}; }
ObjectRules ClassicPathsRules() { return {kPaths, true}; }
ObjectRules ClassicExtendedPathsRules() { return {kExtendedPaths, true}; }
ObjectRules ClassicEndpointRules() { return {kEndpoint, true}; }
ObjectRules ClassicDefinitionRules() { return {kVersionNames, false}; }
ObjectRules ClassicCorsRules() { return {kCors, false}; }

}  // namespace sallyport::authsvc::dialects
