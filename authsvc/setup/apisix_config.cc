#include "authsvc/setup/apisix_config.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/dialects/apisix/keyring.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/reader.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "shared/domain/host.h"

namespace sallyport::authsvc {
namespace {

using dialects::Conversion;
using dialects::FieldRule;
using dialects::Fields;
using dialects::Node;
using dialects::Use;

constexpr absl::string_view kNoEtcd =
    "etcd is not supported by this version: objects are in this service's own store";

constexpr FieldRule kTop[] = {{"deployment", Use::kUsed},
                              {"apisix", Use::kUsed},
                              {"nginx_config", Use::kInert, "the data plane has its own settings"},
                              {"plugins", Use::kInert, "the plugins that exist are there"},
                              {"plugin_attr", Use::kInert, "has no use here"},
                              {"discovery", Use::kRefused, "service discovery does not exist here"},
                              {"etcd", Use::kRefused, kNoEtcd}};
constexpr FieldRule kDeployment[] = {{"role", Use::kUsed},
                                     {"role_traditional", Use::kUsed},
                                     {"admin", Use::kUsed},
                                     {"etcd", Use::kRefused, kNoEtcd}};
constexpr FieldRule kAdmin[] = {
    {"admin_key", Use::kUsed},         {"admin_key_required", Use::kUsed},
    {"admin_listen", Use::kUsed},      {"https_admin", Use::kUsed},
    {"admin_api_mtls", Use::kUsed},    {"allow_admin", Use::kUsed},
    {"admin_api_version", Use::kKept}, {"enable_admin_cors", Use::kUsed}};
constexpr FieldRule kListen[] = {{"ip", Use::kUsed}, {"port", Use::kUsed}};
constexpr FieldRule kMtls[] = {{"admin_ssl_cert", Use::kUsed},
                               {"admin_ssl_cert_key", Use::kUsed},
                               {"admin_ssl_ca_cert", Use::kUsed}};
constexpr FieldRule kKey[] = {{"name", Use::kUsed}, {"key", Use::kUsed}, {"role", Use::kUsed}};
constexpr FieldRule kApisix[] = {
    {"ssl", Use::kUsed},
    {"node_listen", Use::kInert, "listeners are the data plane's setting"},
    {"data_encryption", Use::kUsed},
    {"enable_admin", Use::kUsed}};
constexpr absl::string_view kSealedHere = "keys are sealed with this service's master key";
constexpr FieldRule kDataEncryption[] = {{"enable", Use::kInert, kSealedHere},
                                         {"enable_encrypt_fields", Use::kInert, kSealedHere},
                                         {"keyring", Use::kUsed}};
constexpr FieldRule kSsl[] = {
    {"enable", Use::kKept},
    {"listen", Use::kInert, "listeners are the data plane's setting"},
    {"key_encrypt_salt", Use::kUsed},
    {"ssl_trusted_certificate", Use::kUsed},
    {"fallback_sni", Use::kUsed},
    {"ssl_protocols", Use::kRefused, "TLS versions are the listener's setting"},
    {"ssl_ciphers", Use::kRefused, "ciphers are not set by this file"}};

bool IsLoopback(absl::string_view address) {
  return address == "127.0.0.1" || address == "::1" || address == "localhost";
}

void TakeKeys(const Fields& admin, std::vector<config::AdminKeyConfig>* keys) {
  if (!admin.Has("admin_key")) return;
  size_t index = 0;
  for (const Node& item : admin.List("admin_key")) {
    const Fields key(&item, dialects::ItemPath(admin.PathOf("admin_key"), index++), admin.out());
    key.Check({kKey, true});
    config::AdminKeyConfig made;
    made.name = key.Text("name");
    made.role = key.Text("role");
    const std::string text = key.Text("key");
    if (text.size() < 16 || absl::StrContains(text, "${{")) {
      key.Refuse("key",
                 "must be a key of 16 characters at least; make one, such as with `openssl "
                 "rand -hex 32`");
      continue;
    }
    made.sha256 = base::Hex(crypto::Sha256(text));
    if (config::IsWellKnownAdminKey(made.sha256)) {
      key.Refuse("key",
                 "is one that APISIX was shipped with, which everybody knows: make another "
                 "one, such as with `openssl rand -hex 32`");
    }
    if (made.role != "admin" && made.role != "viewer")
      key.Refuse("role", "must be admin or viewer");
    if (made.name.empty()) key.Refuse("name", "is missing");
    keys->push_back(std::move(made));
  }
}

absl::StatusOr<Node> ReadOne(absl::string_view text) {
  auto documents = dialects::ReadDocuments(text);
  if (!documents.ok()) return documents.status();
  if (documents->size() != 1 || !documents->front().IsObject())
    return absl::InvalidArgumentError("one document, an object, is needed");
  return std::move(documents->front());
}

class Taker {
 public:
  Taker(const Node& root, config::AuthsvcConfig* config, Conversion* out)
      : top_(&root, "", out), config_(*config) {}

  void Run() {
    top_.Check({kTop, true});
    const Fields deployment = top_.Object("deployment");
    deployment.Check({kDeployment, true});
    const std::string role = deployment.Text("role");
    if (!role.empty() && role != "traditional")
      deployment.Refuse("role", "only traditional exists: this service keeps the objects");
    const Fields traditional = deployment.Object("role_traditional");
    if (traditional.Text("config_provider") == "etcd")
      traditional.Refuse("config_provider", kNoEtcd);
    const Fields apisix = top_.Object("apisix");
    apisix.Check({kApisix, true});
    if (apisix.Has("enable_admin") && !apisix.Flag("enable_admin"))
      apisix.Refuse("enable_admin", "the admin listener cannot be switched off");
    Ssl(apisix.Object("ssl"));
    const Fields encryption = apisix.Object("data_encryption");
    encryption.Check({kDataEncryption, true});
    Texts(apisix.Object("ssl"), "key_encrypt_salt");
    Texts(encryption, "keyring");
    Admin(deployment.Object("admin"));
  }

 private:
  void Ssl(const Fields& ssl) {
    ssl.Check({kSsl, true});
    const std::string name = ssl.Text("fallback_sni");
    if (!name.empty()) {
      const auto host = domain::ParseHost(name);
      if (!host.ok() || host->is_ip || absl::StrContains(name, "*"))
        return ssl.Refuse("fallback_sni", "must be a host name");
      if (config_.admin.apisix_strict_port == 0) {
        return ssl.Refuse("fallback_sni",
                          "needs admin.apisix_strict_port of this service's file: it says which "
                          "listener of the data planes is meant");
      }
      config_.admin.apisix_fallback_sni = host->name;
    }
    // The data planes' system store counts in any case.
    std::vector<std::string> files;
    for (const absl::string_view part :
         absl::StrSplit(ssl.Text("ssl_trusted_certificate"), ',', absl::SkipWhitespace())) {
      const absl::string_view file = absl::StripAsciiWhitespace(part);
      if (file != "system") files.emplace_back(file);
    }
    if (files.size() > 1)
      return ssl.Refuse("ssl_trusted_certificate", "one file, and system, can be named");
    if (!files.empty()) config_.admin.apisix_trusted_certificate_file = files[0];
  }

  // One or several, that open what APISIX sealed: what comes sealed is sealed anew here.
  void Texts(const Fields& holder, absl::string_view name) {
    if (!holder.Has(name)) return;
    const bool several = holder.Get(name)->IsArray();
    for (std::string& text :
         several ? holder.Texts(name) : std::vector<std::string>{holder.Text(name)}) {
      if (text.size() != dialects::apisix::kKeyringBytes)
        return holder.Refuse(name, "must be texts of 16 characters");
      config_.admin.apisix_keyring.push_back(std::move(text));
    }
  }

  void Admin(const Fields& admin) {
    admin.Check({kAdmin, true});
    if (!admin.Flag("admin_key_required", true))
      admin.Refuse("admin_key_required", "an admin key is always required");
    config_.admin.apisix_cors = admin.Flag("enable_admin_cors", true);
    TakeKeys(admin, &config_.admin.keys);
    Listen(admin);
  }

  void Listen(const Fields& admin) {
    const Fields listen = admin.Object("admin_listen");
    listen.Check({kListen, true});
    const Fields mtls = admin.Object("admin_api_mtls");
    mtls.Check({kMtls, true});
    const std::string address = listen.Has("ip") ? listen.Text("ip") : "0.0.0.0";
    const int64_t port = listen.Integer("port", 9180);
    if (port <= 0 || port > 65535) return listen.Refuse("port", "must be 1 to 65535");
    if (admin.Has("allow_admin") && !IsLoopback(address)) {
      admin.Refuse("allow_admin",
                   "addresses are not looked at here: listen on 127.0.0.1, or require "
                   "client certificates");
    }
    if (admin.Flag("https_admin")) return Https(admin, mtls, address, static_cast<uint16_t>(port));
    if (mtls.Has("admin_ssl_ca_cert"))
      return admin.Refuse("admin_api_mtls", "needs https_admin: true");
    if (!listen.node()) return;  // says nothing of a listener
    if (!IsLoopback(address)) {
      return listen.Refuse("ip",
                           "plain HTTP is served on 127.0.0.1 alone: set that, or https_admin");
    }
    config_.admin.apisix_plain_http_port = static_cast<uint16_t>(port);
    if (port == config_.admin.port) {
      listen.Refuse("port",
                    "is that of this service's HTTPS listener: give admin.port another one");
    }
    if (const std::string problem = config::PlainHttpProblem(config_.admin); !problem.empty()) {
      listen.Refuse("port", absl::StrCat("serves plain HTTP, which ", problem,
                                         "; set https_admin: true, or take that demand out of "
                                         "this service's own file"));
    }
  }

  void Https(const Fields& admin, const Fields& mtls, const std::string& address, uint16_t port) {
    config::AdminConfig& out = config_.admin;
    const std::string certificate = mtls.Text("admin_ssl_cert");
    const std::string key = mtls.Text("admin_ssl_cert_key");
    const std::string authority = mtls.Text("admin_ssl_ca_cert");
    if (certificate.empty() || key.empty())
      return admin.Refuse("https_admin", "missing ssl cert for https admin");
    // APISIX lets 127.0.0.0/24 in where allow_admin is not written; addresses are not looked at
    // here, so others come in only where the file says so.
    const bool said = admin.Object("admin_listen").Has("ip") || mtls.Has("admin_ssl_ca_cert");
    const std::string place = said ? address : "127.0.0.1";
    const bool demanded = out.apisix_demands_certificate();  // by this service's own file
    if (out.apisix_port != 0 && port == out.port) {
      return admin.Object("admin_listen")
          .Refuse("port", "is that of another listener: give admin.port another one");
    }
    // Beside a listener that this service has of its own, /apisix gets one as the file says; at the
    // same port, or where there is none, the file says it of all.
    if (!out.tls.path.empty() && port != out.port) {
      out.apisix_address = place;
      out.apisix_port = port;
      out.apisix_certificate_file = certificate;
      out.apisix_private_key_file = key;
      out.apisix_client_ca_file = authority;
      out.apisix_require_client_certificate = demanded || !authority.empty();
    } else {
      out.address = place;
      out.port = port;
      out.certificate_file = certificate;
      out.private_key_file = key;
      out.client_ca_file = authority;
      out.require_client_certificate = demanded || !authority.empty();
      out.plain_http_on_loopback = false;
    }
    CheckDemand(mtls, authority);
  }

  // The file may add the demand for client certificates, and never takes it away.
  void CheckDemand(const Fields& mtls, const std::string& authority) {
    const config::AdminConfig& admin = config_.admin;
    if (admin.apisix_demands_certificate() && authority.empty() && admin.tls.path.empty()) {
      mtls.Refuse("admin_ssl_ca_cert",
                  "is missing: admin.require_client_certificate of this service's file demands "
                  "client certificates; name their authority, or take that out");
    }
    if (const std::string problem = config::PlainHttpProblem(admin); !problem.empty()) {
      mtls.Refuse("admin_ssl_ca_cert",
                  "cannot be with admin.apisix_plain_http_port: plain HTTP carries no certificate");
    }
  }

  const Fields top_;
  config::AuthsvcConfig& config_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> TakeApisixConfig(absl::string_view text,
                                                          config::AuthsvcConfig* config) {
  const auto root = ReadOne(text);
  if (!root.ok()) return root.status();
  Conversion out;
  const size_t own_keys = config->admin.keys.size();
  Taker(*root, config, &out).Run();
  if (!out.ok()) return out.status();
  if (DemandsMoreThanOthers(config->admin)) KeepToApisix(own_keys, &config->admin);
  std::vector<std::string> warnings;
  for (const auto& warning : out.warnings) warnings.push_back(warning.ToString());
  return warnings;
}

bool DemandsMoreThanOthers(const config::AdminConfig& admin) {
  return admin.apisix_demands_certificate() && !admin.require_client_certificate;
}

void KeepToApisix(size_t own_keys, config::AdminConfig* admin) {
  for (size_t i = own_keys; i < admin->keys.size(); ++i) admin->keys[i].apisix_only = true;
}

std::optional<std::vector<config::AdminKeyConfig>> ApisixAdminKeys(absl::string_view text) {
  const auto root = ReadOne(text);
  if (!root.ok()) return std::nullopt;
  Conversion out;
  const Fields top(&*root, "", &out);
  const Fields deployment = top.Object("deployment");
  const Fields admin = deployment.Object("admin");
  std::vector<config::AdminKeyConfig> keys;
  TakeKeys(admin, &keys);
  // Without a list, what is misspelt around it may be the list.
  if (!admin.Has("admin_key")) {
    top.Check({kTop, true});
    deployment.Check({kDeployment, true});
    admin.Check({kAdmin, true});
  }
  return out.ok() ? std::optional(std::move(keys)) : std::nullopt;
}

}  // namespace sallyport::authsvc
