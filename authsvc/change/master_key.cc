#include "authsvc/change/master_key.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "shared/base/secret.h"
#include "shared/crypto/sealer.h"

namespace sallyport::authsvc {

absl::StatusOr<std::string> ReadSettingFile(const std::string& path, absl::string_view setting) {
  struct stat facts{};
  const bool is_directory = stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file.is_open() || is_directory) {
    const bool made = setting == "master_key_file";
    return absl::NotFoundError(absl::StrCat("cannot read ", path, " (", setting,
                                            made ? "; `sallyctl init` makes one)" : ")"));
  }
  return text.str();
}

absl::StatusOr<std::unique_ptr<const crypto::Sealer>> ReadMasterKey(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) == 0 && (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " can be read by others: chmod 600 ", path));
  }
  auto text = ReadSettingFile(path, "master_key_file");
  if (!text.ok()) return text.status();
  auto keys = crypto::ParseMasterKeys(*text);
  base::Cleanse(&*text);
  if (!keys.ok())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", std::string(keys.status().message())));
  return crypto::Sealer::Create(*std::move(keys));
}

}  // namespace sallyport::authsvc
