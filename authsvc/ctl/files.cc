#include "authsvc/ctl/files.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/descriptor.h"
#include "shared/base/text.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(absl::string_view what, const std::string& path, int error) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error)));
}

// At most one byte more than `most`. `expected`: its size before; it may grow meanwhile.
absl::StatusOr<std::string> ReadSome(int fd, const std::string& path, size_t expected,
                                     size_t most) {
  std::string content(std::min(expected, most) + 1, '\0');
  size_t size = 0;
  while (size <= most) {
    if (size == content.size()) content.resize(std::min(2 * size, most + 1));
    const ssize_t count = read(fd, content.data() + size, content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("read", path, errno);
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  content.resize(size);
  return content;
}

bool IsWithin(const fs::path& file, const std::string& directory) {
  std::error_code error;
  const fs::path real = fs::canonical(directory.empty() ? "." : directory, error);
  if (error) return false;
  const fs::path relative = file.lexically_relative(real);
  return !relative.empty() && *relative.begin() != "..";
}

// Closes it.
absl::Status WriteAll(int fd, const std::string& path, absl::string_view content) {
  size_t written = 0;
  int error = 0;
  while (error == 0 && written < content.size()) {
    const ssize_t count = write(fd, content.data() + written, content.size() - written);
    if (count > 0)
      written += static_cast<size_t>(count);
    else if (count == 0 || errno != EINTR)
      error = count == 0 ? ENOSPC : errno;
  }
  if (error == 0 && fsync(fd) != 0 && errno != EINVAL) error = errno;  // EINVAL: no file on a disk
  if (close(fd) != 0 && error == 0) error = errno;
  return error == 0 ? absl::OkStatus() : Failed("write", path, error);
}

// Whoever could read what was there must not read what comes, and half a file is none.
absl::Status Replace(const std::string& path, absl::string_view content) {
  std::string beside = absl::StrCat(path, ".XXXXXX");
  const int fd = mkostemp(beside.data(), O_CLOEXEC);  // 0600
  if (fd < 0) return Failed("write", path, errno);
  absl::Status status = WriteAll(fd, path, content);
  if (status.ok() && rename(beside.c_str(), path.c_str()) != 0)
    status = Failed("write", path, errno);
  if (!status.ok()) unlink(beside.c_str());
  return status;
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
  if (content.size() > kMostFileBytes)
    return absl::InvalidArgumentError(absl::StrCat(path, " is larger than 64 MB"));
  return content;
}

absl::Status CheckDirectoryWithin(const std::string& path,
                                  const std::vector<std::string>& directories) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return Failed("read", path, error.value());
  if (std::any_of(directories.begin(), directories.end(),
                  [&](const std::string& one) { return IsWithin(real, one); }))
    return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      path, real == fs::path(path) ? "" : absl::StrCat(" (which is ", real.string(), ")"),
      " is in none of the directories that files may be read from (--files-from DIR)"));
}

absl::StatusOr<std::string> ReadFileWithin(const std::string& path,
                                           const std::vector<std::string>& directories,
                                           size_t most) {
  const auto none = absl::NotFoundError(absl::StrCat("there is no file ", path));
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return none;
  const base::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat facts = {};
  if (file.get() < 0) return Failed("read", path, errno);
  if (fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return none;
  const fs::path real = fs::read_symlink(absl::StrCat("/proc/self/fd/", file.get()), error);
  if (error) return Failed("read", path, error.value());
  if (std::none_of(directories.begin(), directories.end(),
                   [&](const std::string& one) { return IsWithin(real, one); })) {
    return absl::PermissionDeniedError(absl::StrCat(path, " is in none of the directories that ",
                                                    "files may be read from (--files-from DIR)"));
  }
  auto content = ReadSome(file.get(), path, static_cast<size_t>(facts.st_size), most);
  if (content.ok() && content->size() > most)
    return absl::InvalidArgumentError(absl::StrCat(path, " is larger than ", most, " bytes"));
  return content;
}

absl::Status WriteFile(const std::string& path, absl::string_view content, bool replace) {
  std::error_code error;
  const fs::file_type there = fs::symlink_status(path, error).type();
  if (replace && there == fs::file_type::symlink)
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is a symbolic link: name the file itself"));
  if (replace && there == fs::file_type::regular) return Replace(path, content);
  const bool device = replace && there != fs::file_type::not_found;
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC | (device ? 0 : O_CREAT | O_EXCL), 0600);
  return fd < 0 ? Failed("write", path, errno) : WriteAll(fd, path, content);
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
