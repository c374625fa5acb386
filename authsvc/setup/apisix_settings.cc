#include "authsvc/setup/apisix_settings.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/apisix/sync.h"
#include "authsvc/change/master_key.h"
#include "authsvc/setup/apisix_config.h"
#include "shared/base/log.h"
#include "shared/crypto/pair_check.h"

namespace sallyport::authsvc {
namespace {

std::string FileStamp(const std::string& path) {
  struct stat facts{};
  if (path.empty() || stat(path.c_str(), &facts) != 0) return path;
  return absl::StrCat(path, ":", facts.st_dev, ":", facts.st_ino, ":", facts.st_size, ":",
                      facts.st_mtim.tv_sec, ".", facts.st_mtim.tv_nsec, ":", facts.st_ctim.tv_sec,
                      ".", facts.st_ctim.tv_nsec);
}

// Where a listener is and what it shows cannot be changed while it is open.
std::vector<std::string> NeedingRestart(const config::AdminConfig& before,
                                        const config::AdminConfig& after) {
  std::vector<std::string> names;
  const auto note = [&](bool same, const char* name) {
    if (!same) names.emplace_back(name);
  };
  note(before.address == after.address && before.port == after.port &&
           before.apisix_address == after.apisix_address &&
           before.apisix_port == after.apisix_port &&
           before.apisix_plain_http_port == after.apisix_plain_http_port,
       "deployment.admin.admin_listen");
  note(before.plain_http_on_loopback == after.plain_http_on_loopback,
       "deployment.admin.https_admin");
  note(before.certificate() == after.certificate() && before.key() == after.key() &&
           before.authorities() == after.authorities() &&
           before.require_client_certificate == after.require_client_certificate &&
           before.apisix_certificate_file == after.apisix_certificate_file &&
           before.apisix_private_key_file == after.apisix_private_key_file &&
           before.apisix_client_ca_file == after.apisix_client_ca_file &&
           before.apisix_require_client_certificate == after.apisix_require_client_certificate,
       "deployment.admin.admin_api_mtls");
  return names;
}

bool HasAdministrator(const std::vector<apisix::AdminKey>& keys) {
  return std::any_of(keys.begin(), keys.end(),
                     [](const apisix::AdminKey& key) { return !key.viewer; });
}

absl::Status CheckPair(const config::AdminConfig& admin, absl::Time now) {
  const bool own = !admin.apisix_certificate_file.empty();
  if (!own && admin.certificate_file.empty()) return absl::OkStatus();
  const auto problems = crypto::PairProblems(
      "admin_api_mtls", own ? admin.apisix_certificate_file : admin.certificate_file,
      own ? admin.apisix_private_key_file : admin.private_key_file, now);
  return problems.empty() ? absl::OkStatus()
                          : absl::InvalidArgumentError(absl::StrJoin(problems, "; "));
}

}  // namespace

absl::StatusOr<apisix::AdminApiSettings> ApisixSettings(const config::AuthsvcConfig& config,
                                                        const std::vector<std::string>& environment,
                                                        absl::Time now) {
  apisix::AdminApiSettings settings;
  const config::AdminConfig& admin = config.admin;
  for (const config::AdminKeyConfig& key : admin.keys) {
    settings.keys.push_back(
        {key.name, absl::HexStringToBytes(key.sha256), key.role == "viewer", key.apisix_only});
  }
  settings.cors = admin.apisix_cors;
  apisix::Surroundings& around = settings.surroundings;
  around.strict = {admin.apisix_strict_address, admin.apisix_strict_port,
                   admin.apisix_fallback_sni};
  for (const std::string& name : admin.apisix_environment) {
    std::string& value = around.environment[name];
    for (const std::string& entry : environment) {
      if (absl::StartsWith(entry, absl::StrCat(name, "="))) value = entry.substr(name.size() + 1);
    }
  }
  around.keyring = dialects::apisix::Keyring(admin.apisix_keyring);
  const std::string& file = admin.apisix_trusted_certificate_file;
  if (file.empty()) return settings;
  auto text = ReadSettingFile(file, "ssl_trusted_certificate");
  if (!text.ok()) return text.status();
  if (text->empty())
    return absl::InvalidArgumentError(absl::StrCat("ssl_trusted_certificate: ", file, " is empty"));
  around.trusted_certificates = *std::move(text);
  if (auto status = apisix::CheckTrustedCertificates(around.trusted_certificates, now);
      !status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("ssl_trusted_certificate: ", file, ": ", status.message()));
  }
  return settings;
}

ApisixConfigFile::ApisixConfigFile(config::AuthsvcConfig own, config::AuthsvcConfig started,
                                   apisix::AdminApiSettings settings,
                                   std::vector<std::string> environment)
    : own_(std::move(own)),
      started_(std::move(started)),
      environment_(std::move(environment)),
      read_(started_.admin),
      settings_(std::move(settings)),
      stamps_(Stamps()) {}

std::string ApisixConfigFile::Stamps() const {
  std::string stamps = FileStamp(own_.apisix_config);
  for (const std::string* file :
       {&read_.certificate_file, &read_.private_key_file, &read_.client_ca_file,
        &read_.apisix_certificate_file, &read_.apisix_private_key_file,
        &read_.apisix_client_ca_file, &read_.apisix_trusted_certificate_file})
    absl::StrAppend(&stamps, "\n", FileStamp(*file));
  return stamps;
}

void ApisixConfigFile::Complain(const absl::Status& status) {
  if (status.ToString() == complaint_) return;
  complaint_ = status.ToString();
  base::Log(
      base::Level::kError, "apisix_config.not_read",
      {{"file", own_.apisix_config}, {"error", status}, {"hint", "what was read before goes on"}});
}

absl::StatusOr<apisix::AdminApiSettings> ApisixConfigFile::Read(
    absl::string_view text, absl::Time now, config::AuthsvcConfig* config) const {
  if (auto taken = TakeApisixConfig(text, config); !taken.ok()) return taken.status();
  // The listeners are those of the start.
  if (DemandsMoreThanOthers(started_.admin)) KeepToApisix(own_.admin.keys.size(), &config->admin);
  if (auto status = CheckPair(config->admin, now); !status.ok()) return status;
  return ApisixSettings(*config, environment_, now);
}

std::optional<apisix::AdminApiSettings> ApisixConfigFile::Look(absl::Time now) {
  std::string stamps = Stamps();
  if (stamps == stamps_) return std::nullopt;
  if (stamps != seen_) {  // who writes in place may not be through
    seen_ = std::move(stamps);
    return std::nullopt;
  }
  const auto text = ReadSettingFile(own_.apisix_config, "apisix_config");
  config::AuthsvcConfig config = own_;
  auto settings = text.ok() ? Read(*text, now, &config) : text.status();
  // One of no use stays so until it changes; one that cannot be read is tried again. What changed
  // while it was read has another stamp.
  if (settings.ok() || absl::IsInvalidArgument(settings.status())) stamps_ = std::move(stamps);
  if (settings.ok()) return Taken(config, *std::move(settings));
  Complain(settings.status());
  return text.ok() ? Withdrawn(*text) : std::nullopt;
}

// The last admin keys go only for others: where no other one is left, nobody could write the next.
void ApisixConfigFile::KeepLast(std::vector<apisix::AdminKey> left) {
  std::vector<apisix::AdminKey> before = std::exchange(settings_.keys, std::move(left));
  std::erase_if(before, [](const apisix::AdminKey& key) { return key.viewer; });
  if (HasAdministrator(settings_.keys) || before.empty()) return;
  settings_.keys.insert(settings_.keys.end(), before.begin(), before.end());
  base::Log(base::Level::kError, "apisix_config.last_keys_kept",
            {{"file", own_.apisix_config},
             {"hint", "no admin key is left in any file: write another one, and these are gone"}});
}

std::optional<apisix::AdminApiSettings> ApisixConfigFile::Taken(const config::AuthsvcConfig& config,
                                                                apisix::AdminApiSettings settings) {
  complaint_.clear();
  std::vector<apisix::AdminKey> before = std::move(settings_.keys);
  std::vector<apisix::AdminKey> left = std::move(settings.keys);
  read_ = config.admin;
  settings_ = std::move(settings);
  settings_.keys = std::move(before);
  KeepLast(std::move(left));
  base::Log(
      base::Level::kInfo, "apisix_config.read",
      {{"file", own_.apisix_config}, {"admin_keys", static_cast<int>(settings_.keys.size())}});
  const auto restart = NeedingRestart(started_.admin, read_);
  if (!restart.empty()) {
    base::Log(base::Level::kWarning, "apisix_config.needs_restart",
              {{"file", own_.apisix_config}, {"settings", absl::StrJoin(restart, ", ")}});
  }
  return settings_;
}

// Of a file that is not taken: who takes a key out of it does not wait for the rest to be mended.
std::optional<apisix::AdminApiSettings> ApisixConfigFile::Withdrawn(absl::string_view text) {
  auto listed = ApisixAdminKeys(text);
  if (!listed.has_value()) return std::nullopt;
  const bool names_others =
      std::any_of(listed->begin(), listed->end(),
                  [](const config::AdminKeyConfig& key) { return key.role != "viewer"; });
  listed->insert(listed->end(), own_.admin.keys.begin(), own_.admin.keys.end());
  const auto stays = [&](const apisix::AdminKey& key) {
    return std::any_of(listed->begin(), listed->end(), [&](const config::AdminKeyConfig& one) {
      return (one.role == "viewer") == key.viewer &&
             absl::HexStringToBytes(one.sha256) == key.sha256;
    });
  };
  std::vector<apisix::AdminKey> left = settings_.keys;
  std::erase_if(left, [&](const apisix::AdminKey& key) { return !stays(key); });
  const size_t before = settings_.keys.size();
  if (left.size() == before) return std::nullopt;
  // Who lists others has written the next ones, that count when the rest is mended.
  if (names_others)
    settings_.keys = std::move(left);
  else
    KeepLast(std::move(left));
  const size_t gone = before - settings_.keys.size();
  if (gone == 0) return std::nullopt;
  base::Log(base::Level::kWarning, "apisix_config.keys_withdrawn",
            {{"file", own_.apisix_config},
             {"admin_keys", static_cast<int>(settings_.keys.size())},
             {"withdrawn", static_cast<int>(gone)}});
  return settings_;
}

}  // namespace sallyport::authsvc
