#include "authsvc/admin/certificate_file.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr uintmax_t kMostFileBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::string> ReadCertificateFile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    return absl::NotFoundError(absl::StrCat("there is no file ", path));
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size > kMostFileBytes)
    return absl::InvalidArgumentError(absl::StrCat(path, " is larger than 1 MB"));
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  if (!file) return absl::FailedPreconditionError(absl::StrCat("cannot read ", path));
  return content.str();
}

}  // namespace sallyport::authsvc::admin
