#include "dataplane/listen/check_config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/http/upgrade.h"
#include "dataplane/listen/certificate_watch.h"
#include "dataplane/listen/listener_plan.h"
#include "dataplane/route/route.h"
#include "dataplane/script/helper.h"
#include "dataplane/tls/server_credential.h"
#include "shared/base/text.h"
#include "shared/config/checks.h"
#include "shared/crypto/pair_check.h"

namespace sallyport::dataplane {
namespace {

class Checker {
 public:
  Checker(const config::DataplaneConfig& config, absl::Time now) : config_(config), now_(now) {}

  std::vector<std::string> Run() {
    Authsvc();
    Listeners();
    Trust();
    Ranges("trusted_proxies", config_.trusted_proxies);
    for (const std::string& protocol : config_.upgrades) {
      const std::string problem = UpgradeProblem(base::ToAbsl(protocol));
      if (!problem.empty()) Add(absl::StrCat("upgrades: ", problem));
    }
    if (!config_.access_log.empty() && config_.access_log != "-") {
      Add(config::WritableProblems("access_log", config_.access_log, false));
    }
    const std::string scripts = ScriptProgramProblem(config_.scripts.program);
    if (!scripts.empty()) Add(scripts);
    return std::move(problems_);
  }

 private:
  void Add(std::string problem) { problems_.push_back(std::move(problem)); }
  void Add(const std::vector<std::string>& problems) {
    problems_.insert(problems_.end(), problems.begin(), problems.end());
  }

  void Authsvc() {
    for (const std::string& target : config_.authsvc.targets) {
      if (!config::IsTarget(target)) {
        Add(absl::StrCat("authsvc.targets: \"", target,
                         "\" is not host:port; an IPv6 address stands in brackets"));
      }
    }
    const config::TlsDirectory& tls = config_.authsvc.tls;
    if (tls.path.empty()) {
      return Add(std::string(
          "authsvc.tls_dir is not set: the auth service is only spoken to over mutual TLS; "
          "`sallyctl pki issue` makes one"));
    }
    Add(crypto::PairProblems("authsvc.tls_dir", tls.certificate(), tls.key(), now_));
    Add(crypto::AuthorityProblems("authsvc.tls_dir", tls.authorities(), now_));
  }

  void Ranges(absl::string_view setting, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      if (ParseAddressRange(text).has_value()) continue;
      Add(absl::StrCat(setting, ": \"", text,
                       "\" is neither an address nor a CIDR: write it as 10.0.0.0/8"));
    }
  }

  void Listeners() {
    std::vector<config::ListenPlace> places;
    for (const PlannedListener& listener : FileListeners(config_)) {
      const std::string setting = absl::StrCat("listeners: ", listener.id);
      places.push_back({setting, listener.address, listener.port});
      Ranges(absl::StrCat(setting, ".proxy_protocol_from"), listener.proxy_protocol_from);
      if (listener.plain) continue;
      for (const CertificatePaths& paths : listener.certificates) Certificate(setting, paths);
    }
    Ranges("tcp_apis.proxy_protocol_from", config_.tcp_apis.proxy_protocol_from);
    places.push_back({"metrics", config_.metrics.address, config_.metrics.port});
    Add(config::PlaceProblems(places));
  }

  void Certificate(const std::string& setting, const CertificatePaths& paths) {
    const auto problems =
        crypto::PairProblems(setting, paths.certificate_file, paths.key_file, now_);
    Add(problems);
    if (!problems.empty()) return;
    const auto texts = ReadCertificateFiles(paths);
    const auto library = TlsLibrary::Create();
    absl::Status usable = texts.ok() ? library.status() : texts.status();
    if (usable.ok()) {
      usable = ServerCredential::FromPem(**library, (*texts)->chain_pem, (*texts)->key_pem.Reveal())
                   .status();
    }
    if (!usable.ok())
      Add(absl::StrCat(setting, ": ", paths.certificate_file, ": ", usable.message()));
  }

  void Trust() {
    const std::string& path = config_.system_trust;
    struct stat facts{};
    const bool there = !path.empty() && stat(path.c_str(), &facts) == 0;
    const int how = there && S_ISDIR(facts.st_mode) ? R_OK | X_OK : R_OK;
    if (there && access(path.c_str(), how) == 0) return;
    Add(absl::StrCat("system_trust: cannot read ", path.empty() ? "it, it is empty" : path, " (",
                     path.empty() ? "no name" : std::strerror(errno),
                     "): no upstream could be verified; install ca-certificates, or name a folder "
                     "of PEM certificates"));
  }

  const config::DataplaneConfig& config_;
  const absl::Time now_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> ConfigProblems(const config::DataplaneConfig& config, absl::Time now) {
  return Checker(config, now).Run();
}

}  // namespace sallyport::dataplane
