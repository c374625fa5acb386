// One API as the data plane needs it: a value made from v1::Route when it arrives (dataplane/sync),
// immutable afterwards and shared by every loop as `RoutePtr`. Regular expressions are compiled
// here once.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/route/endpoint.h"
#include "dataplane/route/identity_rules.h"
#include "dataplane/route/matching.h"
#include "dataplane/route/path_rule.h"
#include "dataplane/route/route_target.h"
#include "dataplane/route/upstream_rules.h"
#include "shared/domain/operations.h"

namespace sallyport::dataplane {

enum class ErrorStyle : uint8_t { kNative, kTyk, kApisix, kApk };
[[nodiscard]] ErrorStyle ErrorStyleFromName(absl::string_view name);  // unknown: native

enum class Requirement : uint8_t { kOff, kOptional, kMandatory };

enum class TokenKind : uint8_t {
  kToken,  // authsvc is sent its hash
  kJwt,    // a signed token: authsvc is sent itself
  kLogin,  // user name and password (RFC 7617), likewise
};

// Where a token is looked for (reference tyk.md §3). Names as they are to be compared: header names
// in lower case, query and cookie names exact.
struct TokenRules {
  bool enabled = false;
  std::string header_name = "authorization";
  bool use_header = true;
  bool use_query = false;
  std::string query_name;
  bool use_cookie = false;
  std::string cookie_name;
  bool strip = false;  // remove every place above before forwarding
  TokenKind kind = TokenKind::kToken;
};

// What clients of an API speak. kTls, kTcp: nothing that is looked into; it has a port that no HTTP
// is spoken at, where kTls APIs are told apart by SNI and a kTcp API is alone.
enum class ApiProtocol : uint8_t { kHttp, kTls, kTcp };

struct RateRule {
  double rate = 0;  // requests per `per`; 0 = none
  absl::Duration per;
};
struct QuotaRule {
  int64_t max = 0;         // <= 0: unlimited
  absl::Duration renewal;  // 0: never renews
};

// What an API lists of itself.
struct RouteOperation {
  bool open = false;                // asks for no token
  std::vector<std::string> scopes;  // one of them must be the token's; empty: no demand
  RateRule rate;                    // of all its callers together
  std::string bucket;               // names it among those of its API
};

struct RouteVersion {
  std::string name;
  absl::Time expires = absl::InfiniteFuture();
  std::optional<RouteTarget> override_target;
  bool override_broken = false;  // an override that cannot be used: refuse, never the base target
  std::vector<CompiledPathRule> ignored, allowed, blocked;
  HeaderChanges request_headers, answer_headers;
  int64_t max_body_bytes = 0;  // 0: no limit of its own
  std::vector<Endpoint> endpoints;
  domain::Operations operations;  // of operation_rules, by index; with any, no other path is there
  std::vector<RouteOperation> operation_rules;
};

struct VersionRules {
  enum class Location : uint8_t { kHeader, kUrl, kUrlParam };
  bool enabled = false;
  Location location = Location::kHeader;
  std::string key;
  bool strip = false;
  std::string default_version;
  bool fallback_to_default = false;
};

struct AddressRange {
  std::array<uint8_t, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
  uint8_t prefix = 128;             // of the 128-bit form
};
// "192.0.2.0/24", "192.0.2.1", "2001:db8::/32"; nothing when it is none.
[[nodiscard]] std::optional<AddressRange> ParseAddressRange(absl::string_view text);
[[nodiscard]] bool Contains(const AddressRange& range, const AddressRange& address);

struct IpRuleSet {
  std::vector<AddressRange> allow, deny;
  bool allow_only = false;  // some allow entry was written: everybody else is refused
  bool broken = false;      // an entry that could not be read: refuse everybody
};

struct CorsRules {
  bool enabled = false;
  std::vector<std::string> allowed_origins, allowed_methods, allowed_headers, exposed_headers;
  bool allow_credentials = false;
  int max_age_seconds = 0;
};

struct Route {
  std::string api_id, org_id, name;
  ErrorStyle style = ErrorStyle::kNative;
  std::vector<std::string> hosts;  // lower case; empty: any
  std::string listen_path = "/";
  bool loose_prefix = false;
  bool strip_listen_path = false;
  MatchRules matching;
  uint16_t listen_port = 0;  // 0: the default traffic listeners
  ApiProtocol protocol = ApiProtocol::kHttp;
  bool proxy_protocol = false;  // of kTls, kTcp: proxies announce their clients
  Requirement static_mtls = Requirement::kOff;
  bool dynamic_mtls = false;
  TokenRules token;
  std::vector<TokenRules> credentials;  // signed tokens and logins, those that are on
  std::string login_realm;              // of the login among them; empty: none
  bool binds_tokens = false;            // one of them must be bound to the caller's certificate
  bool keyless = false;
  std::vector<RouteTarget> targets;
  bool preserve_host_header = false;
  std::string upstream_host;  // told to targets in place of their own; empty: their own
  RouteTimeouts timeouts;
  BalancingRules balancing;
  RetryRules retries;
  EjectionRules ejection;
  HealthCheckRules health_check;
  TargetLimits target_limits;
  RateRule api_rate;
  QuotaRule api_quota;
  VersionRules versioning;
  std::vector<RouteVersion> versions;  // one without a name when not versioned; may be empty
  IpRuleSet ip;
  CorsRules cors;
  std::string script_config_json;  // what scripts find as their config; empty: nothing
  bool disable_rate_limit = false;
  bool disable_quota = false;
  std::string identity_header = "x-forwarded-client-cert";  // that XFCC goes by; empty: none
  IdentityRules identity;
  // Names of headers that say who calls, beside those that are known as such everywhere: whatever a
  // caller sends under them is removed.
  std::vector<std::string> identity_names;
  bool announce_client_cas = false;
  std::vector<std::string> client_ca_names;  // DER
  std::vector<std::string> server_names;
  bool allow_plain_http = false;
  std::vector<std::string> insecure_settings;  // in force here, for the metric
  bool broken = false;  // something in it cannot be read (a target, say): answer API_UNUSABLE

  // A client certificate can play a part in who may call it.
  [[nodiscard]] bool CanUseCertificate() const {
    return static_mtls != Requirement::kOff || dynamic_mtls || binds_tokens;
  }
  // Where credentials beside the certificate are looked for.
  void EachTokenRules(absl::FunctionRef<void(const TokenRules&)> see) const {
    if (token.enabled) see(token);
    for (const TokenRules& rules : credentials) see(rules);
  }
  [[nodiscard]] bool TakesJwts() const {
    for (const TokenRules& rules : credentials) {
      if (rules.kind == TokenKind::kJwt) return true;
    }
    return false;
  }
  [[nodiscard]] bool IsHttp() const { return protocol == ApiProtocol::kHttp; }
};
using RoutePtr = std::shared_ptr<const Route>;

// Every server that requests of the API may go to: its targets, and those that versions and
// rewrites name.
void EachServer(const Route& route, absl::FunctionRef<void(const RouteTarget&)> see);

}  // namespace sallyport::dataplane
