#include "authsvc/ctl/files.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/text.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMost = 64 << 20;

absl::Status Failed(absl::string_view what, const std::string& path, int error) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error)));
}

}  // namespace

absl::StatusOr<Owner> FindOwner(const std::string& user) {
  const passwd* found = getpwnam(user.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  if (found == nullptr) {
    return absl::NotFoundError(absl::StrCat("no user '", user,
                                            "' on this machine: `useradd --system ", user,
                                            "`, or `systemd-sysusers` after `cmake --install`"));
  }
  return Owner{found->pw_uid, found->pw_gid};
}

absl::Status Give(const std::string& path, const std::optional<Owner>& owner) {
  if (!owner.has_value() || lchown(path.c_str(), owner->user, owner->group) == 0)
    return absl::OkStatus();
  return Failed("give to its owner (as root?)", path, errno);
}

absl::Status LetPass(const std::string& directory) {
  return chmod(directory.c_str(), 0711) == 0 ? absl::OkStatus()
                                             : Failed("change", directory, errno);
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::stringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file.is_open()) return Failed("read", path, errno);
    text << file.rdbuf();
  }
  std::string content = text.str();
  if (content.size() > kMost)
    return absl::InvalidArgumentError(absl::StrCat(path, " is larger than 64 MB"));
  return content;
}

absl::Status WriteFile(const std::string& path, absl::string_view content, bool replace) {
  const int fd =
      open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL), 0600);
  if (fd < 0) return Failed("write", path, errno);
  size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = write(fd, content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const int error = errno;
      close(fd);
      return Failed("write", path, error);
    }
    written += static_cast<size_t>(count);
  }
  if (fsync(fd) != 0 || close(fd) != 0) return Failed("write", path, errno);
  return absl::OkStatus();
}

absl::Status MakeDirectory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return Failed("make directory", path, error.value());
  return absl::OkStatus();
}

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

bool IsDirectory(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

absl::StatusOr<std::vector<std::string>> FilesIn(const std::string& directory,
                                                 const std::vector<std::string>& endings) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string path = entry->path().string();
    std::error_code ignored;
    const bool wanted = std::any_of(endings.begin(), endings.end(), [&](const std::string& ending) {
      return absl::EndsWithIgnoreCase(path, ending);
    });
    if (wanted && entry->is_regular_file(ignored)) files.push_back(path);
  }
  if (error) return Failed("read directory", directory, error.value());
  std::sort(files.begin(), files.end());
  return files;
}

std::string Absolute(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  std::string text = error ? path : absolute.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

}  // namespace sallyport::authsvc::ctl
