#include "shared/config/authsvc_config.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shared/base/text.h"

namespace sallyport::config {
namespace {

bool IsLoopback(absl::string_view address) {
  return address == "127.0.0.1" || address == "::1" || address == "localhost";
}

void ReadGrpc(Reader& in, GrpcConfig* out) {
  in.Text("address", &out->address, "address to listen on");
  in.Port("port", &out->port, "port of the gRPC services");
  in.Text("tls_dir", &out->tls.path, "directory with tls.crt, tls.key and ca.crt (the control CA)");
  in.Flag("reflection", &out->reflection, "serve gRPC reflection");
  in.Time("max_connection_age", &out->max_connection_age, absl::Seconds(10), absl::Hours(24),
          "connections are closed after this, so that roles are checked again");
  in.Time("max_connection_grace", &out->max_connection_grace, absl::Seconds(1), absl::Minutes(10),
          "time for calls in flight when a connection is closed for its age");
  in.Bytes("max_request_bytes", &out->max_request_bytes, 64 << 10, 64 << 20,
           "largest request of a data plane or decision caller");
  in.Bytes("max_admin_bytes", &out->max_admin_bytes, 1 << 20, 512 << 20,
           "largest request of an admin caller");
}

void ReadRole(Reader& in, RoleConfig* out) {
  in.Text("fingerprint", &out->fingerprint, "hex SHA-256 of the caller's certificate");
  in.Text("san", &out->san, "or one of its names: URI:... or DNS:...");
  in.OneOf("role", &out->role, {"dataplane", "admin", "reader", "decision"}, "role of the caller");
  in.Text("group", &out->group, "group of a data plane");
  in.Text("name", &out->name, "name in logs");
  if (out->role.empty()) in.Fail("role", "must be set");
  if (out->fingerprint.empty() == out->san.empty()) {
    in.Fail("fingerprint", "or san must be set, exactly one of them");
  }
  if (!out->fingerprint.empty() &&
      (out->fingerprint.size() != 64 || !base::IsHex(out->fingerprint))) {
    in.Fail("fingerprint", "must be 64 hexadecimal digits");
  }
  if (!out->san.empty() && !absl::StartsWith(out->san, "URI:") &&
      !absl::StartsWith(out->san, "DNS:")) {
    in.Fail("san", "must start with URI: or DNS:");
  }
}

// SHA-256 of the admin and the viewer key that APISIX 3.7 was shipped with: everybody has them.
constexpr absl::string_view kWellKnownKeys[] = {
    "477a2767fa27931db11a3581100a4124b5720f6b6468ddd64062170cec157185",
    "228ab1b6080ec4178302ba76f9fa4af4f2dc14fc105a364b324bdb9045af03a1"};

void ReadAdminKey(Reader& in, AdminKeyConfig* out) {
  in.Text("name", &out->name, "name in the audit log");
  in.Text("sha256", &out->sha256, "hex SHA-256 of the key");
  in.OneOf("role", &out->role, {"admin", "viewer"}, "admin, or viewer: GET of /apisix/admin alone");
  if (out->name.empty()) in.Fail("name", "must be set");
  if (IsWellKnownAdminKey(out->sha256)) {
    in.Fail("sha256",
            "is that of a key that APISIX was shipped with, which everybody knows: make "
            "another one, such as with `openssl rand -hex 32`");
  }
  if (out->sha256.size() != 64 || !base::IsHex(out->sha256)) {
    in.Fail("sha256",
            "must be the SHA-256 of the key as 64 hexadecimal digits, never the key itself");
  }
}

void ReadAdmin(Reader& in, AdminConfig* out) {
  in.Text("address", &out->address, "address of the admin REST listener");
  in.Port("port", &out->port, "port of the admin REST listener");
  in.Text("tls_dir", &out->tls.path, "directory with tls.crt, tls.key and ca.crt");
  in.Flag("require_client_certificate", &out->require_client_certificate,
          "admin callers need a certificate of tls_dir/ca.crt beside their key");
  in.Flag("plain_http_on_loopback", &out->plain_http_on_loopback,
          "serve plain HTTP; only on a loopback address");
  in.Objects<AdminKeyConfig>("keys", &out->keys, ReadAdminKey,
                             "admin keys, as SHA-256 (sallyctl init makes the first)");
  in.Text("org_id", &out->org_id, "organisation of what comes without one");
  in.Bytes("max_body_bytes", &out->max_body_bytes, 64 << 10, 512 << 20, "largest admin request");
  in.Port("apisix_plain_http_port", &out->apisix_plain_http_port,
          "serve /apisix/admin by plain HTTP as well, on 127.0.0.1 at this port");
  in.Text("apisix_address", &out->apisix_address, "with apisix_port: its address");
  in.Port("apisix_port", &out->apisix_port,
          "serve /apisix by HTTPS at a port of its own, and not at `port`");
  in.Flag("apisix_require_client_certificate", &out->apisix_require_client_certificate,
          "with apisix_port: callers there need a certificate of tls_dir/ca.crt beside their key");
  in.Text("apisix_strict_address", &out->apisix_strict_address,
          "with apisix_strict_port: the listener of the data planes where SSL objects with client "
          "make handshakes wait for the certificate's path");
  in.Port("apisix_strict_port", &out->apisix_strict_port, "its port; 0: nowhere");
  in.Texts("apisix_environment", &out->apisix_environment,
           "variables of this process's environment that objects of /apisix/admin may name as "
           "$env://NAME; no others");
  if (out->apisix_plain_http_port != 0 && out->apisix_plain_http_port == out->port) {
    in.Fail("apisix_plain_http_port", "is the port of the admin listener: give admin.port another");
  }
  if (const std::string problem = PlainHttpProblem(*out); !problem.empty())
    in.Fail("apisix_plain_http_port", problem);
  const bool own = out->apisix_port != 0;
  if (own && (out->apisix_port == out->port || out->apisix_port == out->apisix_plain_http_port))
    in.Fail("apisix_port", "is the port of another admin listener");
  if (own && out->tls.path.empty()) in.Fail("apisix_port", "needs tls_dir");
  if (!own && out->apisix_require_client_certificate)
    in.Fail("apisix_require_client_certificate", "needs apisix_port");
  if (out->plain_http_on_loopback && !IsLoopback(out->address)) {
    in.Fail("plain_http_on_loopback",
            absl::StrCat("needs admin.address 127.0.0.1 or ::1, not ", out->address));
  }
}

bool IsNamespace(absl::string_view name) {
  const auto good = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_islower(byte) || absl::ascii_isdigit(byte) || c == '-';
  };
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), good);
}

void ReadApk(Reader& in, ApkConfig* out) {
  in.Text("namespace", &out->name_space, "namespace of what comes by /api/deployer");
  in.Texts("sandbox_hosts", &out->sandbox_hosts,
           "hosts where the sandbox endpoints of apk-confs are served; none: they are refused");
  in.Text("token_issuer", &out->token_issuer,
          "id of the TokenIssuer whose tokens may call /api/deployer, beside admin keys");
  in.Text("token_audience", &out->token_audience, "what must be in such a token's aud");
  in.Text("token_scope", &out->token_scope, "scope that such a token must have");
  if (!IsNamespace(out->name_space))
    in.Fail("namespace", "must be lower-case letters, digits and '-'");
  for (const std::string& host : out->sandbox_hosts) {
    if (host.empty() || host == "*") in.Fail("sandbox_hosts", "must be names of hosts, or *.NAME");
  }
  if (out->token_issuer.empty() != out->token_audience.empty()) {
    in.Fail("token_audience",
            "and token_issuer go together: a token of the issuer's for somebody else must not do");
  }
  if (out->token_scope.empty() || absl::StrContains(out->token_scope, ' '))
    in.Fail("token_scope", "must be one scope");
}

void CheckStore(Reader& in, const std::string& store) {
  if (absl::StartsWith(store, "etcd:")) {
    in.Fail("store", "etcd: is not supported by this version; use sqlite:FILE");
  } else if (!absl::StartsWith(store, "sqlite:") || store.size() == 7) {
    in.Fail("store", "must be sqlite:FILE");
  }
}

}  // namespace

bool IsWellKnownAdminKey(absl::string_view sha256_hex) {
  for (const absl::string_view known : kWellKnownKeys) {
    if (absl::EqualsIgnoreCase(sha256_hex, known)) return true;
  }
  return false;
}

std::string PlainHttpProblem(const AdminConfig& admin) {
  if (admin.apisix_plain_http_port == 0) return "";
  const bool apart = admin.apisix_require_client_certificate;
  if (!apart && !admin.apisix_demands_certificate()) return "";
  return absl::StrCat("cannot be with admin.", apart ? "apisix_" : "",
                      "require_client_certificate: plain HTTP carries no certificate");
}

void Read(Reader& in, AuthsvcConfig* out) {
  in.Text("store", &out->store, "where resources are kept: sqlite:FILE");
  CheckStore(in, out->store);
  in.Text("master_key_file", &out->master_key_file, "file with the key that seals private keys");
  in.Text("trust_domain", &out->trust_domain, "of the control certificates' URI SANs");
  in.Object("grpc", [out](Reader& inner) { ReadGrpc(inner, &out->grpc); });
  in.Objects<RoleConfig>("roles", &out->roles, ReadRole,
                         "callers whose certificate does not name its role");
  in.Text(
      "denied_callers_file", &out->denied_callers_file,
      "list of control certificates that are refused, read again when it changes: a line for each, "
      "spiffe://NAME or spki-sha256:HEX");
  in.Object("ticket_keys", [out](Reader& inner) {
    inner.Time("rotate_every", &out->ticket_keys_rotate_every, absl::Seconds(10), absl::Hours(24),
               "data planes of a group get a new TLS session-ticket key; two older ones open "
               "tickets");
  });
  in.Object("admin", [out](Reader& inner) { ReadAdmin(inner, &out->admin); });
  in.Object("metrics", [out](Reader& inner) {
    inner.Text("address", &out->metrics.address, "address of /metrics, /healthz and /readyz");
    inner.Port("port", &out->metrics.port, "port of /metrics, /healthz and /readyz");
  });
  in.Object("apk", [out](Reader& inner) { ReadApk(inner, &out->apk); });
  in.Text("apisix_config", &out->apisix_config,
          "an APISIX configuration (conf/config.yaml) to take the Admin API's settings from");
  in.Text("tyk_config", &out->tyk_config, "a Tyk gateway configuration (tyk.conf) to take over");
  in.OneOf("log_level", &out->log_level, {"debug", "info", "warning", "error"},
           "least level logged");
  in.Time("decision_ttl", &out->decision_ttl, absl::Seconds(1), absl::Hours(1),
          "how long a data plane uses a decision without asking again");
  in.Time("stale_if_error", &out->stale_if_error, absl::ZeroDuration(), absl::Hours(24),
          "how long a data plane that is cut off may use an allow; 0 = fail closed at once");
  in.Number("push_history", &out->push_history, 16, 1'000'000,
            "changes kept for data planes that resume");
  in.Number("refusals_kept", &out->refusals_kept, 0, 1'000'000,
            "refusals kept for explain --request");
  in.Time("telemetry_kept", &out->telemetry_kept, absl::Minutes(1), absl::Hours(24),
          "age limit of reported refusals");
}

const std::vector<ShortFlag>& AuthsvcFlags() {
  static const auto& flags = *new std::vector<ShortFlag>{
      {"store", "store", "where resources are kept"},
      {"master-key-file", "master_key_file", "key that seals private keys"},
      {"grpc-address", "grpc.address", "address of the gRPC services"},
      {"grpc-port", "grpc.port", "port of the gRPC services"},
      {"grpc-tls-dir", "grpc.tls_dir", "certificate, key and control CA"},
      {"admin-address", "admin.address", "address of the admin REST listener"},
      {"admin-port", "admin.port", "port of the admin REST listener"},
      {"metrics-port", "metrics.port", "port of metrics and health"},
      {"apisix-config", "apisix_config", "an APISIX conf/config.yaml to take over"},
      {"tyk-config", "tyk_config", "a tyk.conf to take over"},
      {"log-level", "log_level", "debug, info, warning or error"},
  };
  return flags;
}

absl::StatusOr<AuthsvcConfig> MakeAuthsvcConfig(const Node& root) {
  AuthsvcConfig config;
  std::vector<std::string> errors;
  {
    Reader reader(&root, "", &errors, nullptr);
    Read(reader, &config);
  }
  if (config.admin.org_id.find_first_of("/\\ \t") != std::string::npos) {
    errors.emplace_back("configuration: admin.org_id must not contain blanks or slashes");
  }
  if (config.admin.org_id == "apisix") {
    errors.emplace_back("configuration: admin.org_id cannot be apisix: that is whose APISIX's are");
  }
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  return config;
}

std::vector<Setting> SettingsOf(AuthsvcConfig config) {
  std::vector<std::string> errors;
  std::vector<Setting> settings;
  Reader reader(nullptr, "", &errors, &settings);
  Read(reader, &config);
  return settings;
}

}  // namespace sallyport::config
