#include "authsvc/setup/check_config.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/admin/tyk_config.h"
#include "authsvc/change/master_key.h"
#include "authsvc/rpc/denied_callers.h"
#include "authsvc/setup/apisix_settings.h"
#include "authsvc/store/sqlite_store.h"
#include "shared/admin_http/tls_context.h"
#include "shared/config/checks.h"
#include "shared/crypto/pair_check.h"
#include "shared/crypto/sealer.h"

namespace sallyport::authsvc {
namespace {

class Checker {
 public:
  Checker(const config::AuthsvcConfig& config, const std::vector<std::string>& environment,
          absl::Time now)
      : config_(config), environment_(environment), now_(now) {}

  ConfigReport Run() {
    MasterKey();
    Store();
    Rpc();
    Admin();
    Places();
    Add("apisix_config", ApisixSettings(config_, environment_, now_).status());
    TykConfig();
    return std::move(report_);
  }

 private:
  void Add(const std::vector<std::string>& problems) {
    report_.problems.insert(report_.problems.end(), problems.begin(), problems.end());
  }
  void Add(absl::string_view setting, const absl::Status& status) {
    if (!status.ok()) report_.problems.push_back(absl::StrCat(setting, ": ", status.message()));
  }

  void MasterKey() {
    const auto readable = config::FileProblems("master_key_file", config_.master_key_file,
                                               "`sallyctl init` makes one");
    Add(readable);
    if (readable.empty()) Add("master_key_file", ReadMasterKey(config_.master_key_file).status());
  }

  void Store() {
    const std::string path(absl::StripPrefix(config_.store, "sqlite:"));
    const auto unusable = config::WritableProblems("store", path, true);
    Add(unusable);
    if (unusable.empty()) Add("store", LooksLikeStore(path));
  }

  void Tls(absl::string_view setting, const config::TlsDirectory& directory) {
    Add(crypto::PairProblems(setting, directory.certificate(), directory.key(), now_));
  }

  void Rpc() {
    if (config_.grpc.tls.path.empty()) {
      report_.problems.emplace_back(
          "grpc.tls_dir is not set: authsvc only speaks mutual TLS; `sallyctl init` makes one");
    } else {
      Tls("grpc.tls_dir", config_.grpc.tls);
      Add(crypto::AuthorityProblems("grpc.tls_dir", config_.grpc.tls.authorities(), now_));
    }
    if (!config_.denied_callers_file.empty()) {
      Add("denied_callers_file", ReadDeniedCallers(config_.denied_callers_file).status());
    }
  }

  void Admin() {
    if (config_.admin.plain_http_on_loopback) return;
    if (!config_.admin.has_certificate()) {
      report_.problems.emplace_back(
          "admin.tls_dir is not set (or set admin.plain_http_on_loopback on 127.0.0.1)");
      return;
    }
    admin_http::ServerOptions options;
    options.certificate_file = config_.admin.certificate();
    options.private_key_file = config_.admin.key();
    if (config_.admin.require_client_certificate)
      options.client_ca_file = config_.admin.authorities();
    Listener("admin.tls_dir", options);
    if (config_.admin.apisix_port == 0) return;
    options.certificate_file = config_.admin.apisix_certificate();
    options.private_key_file = config_.admin.apisix_key();
    options.client_ca_file = config_.admin.apisix_authorities();
    const bool shared = options.certificate_file == config_.admin.certificate();
    Listener(shared ? "admin.apisix_port" : "deployment.admin.admin_api_mtls", options);
  }

  void Listener(absl::string_view setting, admin_http::ServerOptions options) {
    const size_t before = report_.problems.size();
    options.request_client_certificate = true;
    Add(crypto::PairProblems(setting, options.certificate_file, options.private_key_file, now_));
    if (!options.client_ca_file.empty())
      Add(crypto::AuthorityProblems(setting, options.client_ca_file, now_));
    if (report_.problems.size() > before) return;
    Add(setting, admin_http::MakeTlsContext(options).status());
  }

  void Places() {
    const std::string grpc =
        config_.grpc.address == "localhost" ? "127.0.0.1" : config_.grpc.address;
    Add(config::PlaceProblems({{"grpc", grpc, config_.grpc.port},
                               {"admin", config_.admin.address, config_.admin.port},
                               {"metrics", config_.metrics.address, config_.metrics.port}}));
    const config::AdminConfig& admin = config_.admin;
    if (admin.apisix_plain_http_port != 0) {
      Add(config::PlaceProblems(
          {{"admin", admin.address, admin.port},
           {"admin.apisix_plain_http_port", "127.0.0.1", admin.apisix_plain_http_port},
           {"metrics", config_.metrics.address, config_.metrics.port}}));
    }
    if (admin.apisix_port != 0) {
      Add(config::PlaceProblems({{"admin", admin.address, admin.port},
                                 {"admin.apisix_port", admin.apisix_address, admin.apisix_port},
                                 {"metrics", config_.metrics.address, config_.metrics.port}}));
    }
  }

  void TykConfig() {
    if (config_.tyk_config.empty())
      return Add("environment", admin::RefuseTykEnvironment(environment_));
    auto text = ReadSettingFile(config_.tyk_config, "tyk_config");
    if (!text.ok()) {
      report_.problems.push_back(absl::StrCat("tyk_config: cannot read ", config_.tyk_config,
                                              ": put a tyk.conf there, or leave the setting out"));
      return;
    }
    auto checked = admin::CheckTykConfig(now_, config_.admin.org_id,
                                         {config_.tyk_config, *std::move(text), environment_});
    if (!checked.ok()) return Add("tyk_config", checked.status());
    report_.warnings = *std::move(checked);
  }

  const config::AuthsvcConfig& config_;
  const std::vector<std::string>& environment_;
  const absl::Time now_;
  ConfigReport report_;
};

}  // namespace

ConfigReport LookAtConfig(const config::AuthsvcConfig& config,
                          const std::vector<std::string>& environment, absl::Time now) {
  return Checker(config, environment, now).Run();
}

}  // namespace sallyport::authsvc
