// Everything that sallyport-authsvc can be told. Immutable after loading.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "shared/config/command_line.h"
#include "shared/config/reader.h"
#include "shared/config/tls_files.h"

namespace sallyport::config {

struct GrpcConfig {
  std::string address = "::";
  uint16_t port = 9443;
  TlsDirectory tls;  // ca.crt: the control CA, never a client CA
  bool reflection = false;
  absl::Duration max_connection_age = absl::Minutes(30);
  absl::Duration max_connection_grace = absl::Seconds(10);
  uint64_t max_request_bytes = 4 << 20;
  uint64_t max_admin_bytes = 64 << 20;  // Apply carries whole directories
};

// A caller whose certificate has no sallyport URI SAN: fingerprint or SAN -> role.
struct RoleConfig {
  std::string fingerprint;  // hex SHA-256 of the certificate; or
  std::string san;          // "URI:…", "DNS:…"
  std::string role;         // dataplane | admin | reader | decision
  std::string group;
  std::string name;
};

struct AdminKeyConfig {
  std::string name;            // for the audit log
  std::string sha256;          // hex, of the key
  std::string role = "admin";  // admin | viewer: GET of /apisix/admin alone
  bool apisix_only = false;    // does not count at admin.port; of an APISIX configuration alone
};

struct AdminConfig {
  std::string address = "::";
  uint16_t port = 9180;
  TlsDirectory tls;
  bool require_client_certificate = false;  // issued by tls/ca.crt
  bool plain_http_on_loopback = false;      // refused on any other address
  std::vector<AdminKeyConfig> keys;
  std::string org_id;                   // of what comes without one
  uint16_t apisix_plain_http_port = 0;  // /apisix/admin by plain HTTP on 127.0.0.1; 0: not
  // An HTTPS listener for /apisix alone; port 0: it is served beside the others. Files that are
  // empty: those of tls_dir.
  std::string apisix_address = "::";
  uint16_t apisix_port = 0;
  bool apisix_require_client_certificate = false;
  std::string apisix_certificate_file, apisix_private_key_file, apisix_client_ca_file;
  // A listener of the data planes where SSL objects with `client` are strict; port 0: none.
  std::string apisix_strict_address = "::";
  uint16_t apisix_strict_port = 0;
  // Variables of the environment that objects of APISIX's Admin API may name as $env://NAME.
  std::vector<std::string> apisix_environment;
  // Of an APISIX configuration: for handshakes at that listener without a server name; who may have
  // issued upstreams' certificates.
  std::string apisix_fallback_sni, apisix_trusted_certificate_file;
  bool apisix_cors = true;
  std::vector<std::string> apisix_keyring;  // opens private keys that APISIX sealed
  // Of an APISIX configuration, in place of tls_dir's.
  std::string certificate_file, private_key_file, client_ca_file;
  [[nodiscard]] bool has_certificate() const {
    return !tls.path.empty() || !certificate_file.empty();
  }
  [[nodiscard]] std::string certificate() const {
    return certificate_file.empty() ? tls.certificate() : certificate_file;
  }
  [[nodiscard]] std::string key() const {
    return private_key_file.empty() ? tls.key() : private_key_file;
  }
  [[nodiscard]] std::string authorities() const {
    return client_ca_file.empty() ? tls.authorities() : client_ca_file;
  }
  // Of the listener where /apisix is served by HTTPS.
  [[nodiscard]] bool apisix_demands_certificate() const {
    return apisix_port != 0 ? apisix_require_client_certificate : require_client_certificate;
  }
  // Of the listener of /apisix alone; no authorities: a client certificate is not required there.
  [[nodiscard]] std::string apisix_certificate() const {
    return apisix_certificate_file.empty() ? tls.certificate() : apisix_certificate_file;
  }
  [[nodiscard]] std::string apisix_key() const {
    return apisix_private_key_file.empty() ? tls.key() : apisix_private_key_file;
  }
  [[nodiscard]] std::string apisix_authorities() const {
    if (!apisix_require_client_certificate) return "";
    return apisix_client_ca_file.empty() ? tls.authorities() : apisix_client_ca_file;
  }
  uint64_t max_body_bytes = 16 << 20;
};

struct MetricsConfig {
  std::string address = "127.0.0.1";
  uint16_t port = 9464;
};

// What WSO2 APK's deployer is told of its surroundings.
struct ApkConfig {
  std::string name_space = "default";      // of what comes by its REST calls
  std::vector<std::string> sandbox_hosts;  // where sandboxes of apk-confs are served; none: refused
  // The TokenIssuer, of admin.org_id, whose tokens may call it beside admin keys; empty: none.
  std::string token_issuer;
  std::string token_audience;  // must be in "aud"
  std::string token_scope = "apk:api_create";
};

struct AuthsvcConfig {
  std::string store = "sqlite:/var/lib/sallyport/authsvc.db";
  std::string master_key_file = "/etc/sallyport/master.key";
  std::string trust_domain = "sallyport";
  GrpcConfig grpc;
  std::vector<RoleConfig> roles;
  std::string denied_callers_file;  // empty: none
  absl::Duration ticket_keys_rotate_every = absl::Hours(1);
  AdminConfig admin;
  MetricsConfig metrics;
  ApkConfig apk;
  std::string apisix_config;  // APISIX's conf/config.yaml, for the Admin API; empty: none
  std::string tyk_config;     // tyk.conf, for its certificate and pin keys; empty: none
  std::string log_level = "info";
  absl::Duration decision_ttl = absl::Seconds(60);
  absl::Duration stale_if_error = absl::Minutes(5);
  uint32_t push_history = 4096;  // changes kept for subscribers that resume
  uint32_t refusals_kept = 1'000'000;
  absl::Duration telemetry_kept = absl::Hours(24);
};

// Whether a key, as its SHA-256 in hex, is one that APISIX was shipped with: everybody has them.
[[nodiscard]] bool IsWellKnownAdminKey(absl::string_view sha256_hex);

// Why /apisix cannot be served by plain HTTP as well; empty: it can, or is not.
[[nodiscard]] std::string PlainHttpProblem(const AdminConfig& admin);

void Read(Reader& in, AuthsvcConfig* out);

[[nodiscard]] const std::vector<ShortFlag>& AuthsvcFlags();
// InvalidArgument with every error, one a line.
[[nodiscard]] absl::StatusOr<AuthsvcConfig> MakeAuthsvcConfig(const Node& root);
[[nodiscard]] std::vector<Setting> SettingsOf(AuthsvcConfig config);

}  // namespace sallyport::config
