// Files that sallyctl reads and writes.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::authsvc::ctl {

// Whose a file is.
struct Owner {
  uid_t user = 0;
  gid_t group = 0;
};
// A user of this machine by name, with its own group; NotFound says how to make one.
[[nodiscard]] absl::StatusOr<Owner> FindOwner(const std::string& user);
// Nothing without an owner. Does not follow a symbolic link.
[[nodiscard]] absl::Status Give(const std::string& path, const std::optional<Owner>& owner);
// Others may pass through the directory to what is theirs in it, but not list it (0711).
[[nodiscard]] absl::Status LetPass(const std::string& directory);

inline constexpr size_t kMostFileBytes = 64 << 20;
// "-" is standard input. At most kMostFileBytes.
[[nodiscard]] absl::StatusOr<std::string> ReadFile(const std::string& path);
// A regular file of at most `most` bytes whose real place is in one of `directories` (links may
// lead from one to another): looked at where it was opened, not by its name. NotFound: there is
// none.
[[nodiscard]] absl::StatusOr<std::string> ReadFileWithin(
    const std::string& path, const std::vector<std::string>& directories, size_t most);
// PermissionDenied: the real place of the directory is in none of `directories`.
[[nodiscard]] absl::Status CheckDirectoryWithin(const std::string& path,
                                                const std::vector<std::string>& directories);
// Mode 0600; fails when it exists unless `replace`: then a new file takes its place, whole.
[[nodiscard]] absl::Status WriteFile(const std::string& path, absl::string_view content,
                                     bool replace = false);
[[nodiscard]] absl::Status MakeDirectory(
    const std::string& path);  // with parents, mode 0700; fine when there
[[nodiscard]] bool Exists(const std::string& path);
[[nodiscard]] bool IsDirectory(const std::string& path);
// Regular files of a directory with one of these endings, by name; not below it.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> FilesIn(
    const std::string& directory, const std::vector<std::string>& endings);
// The same path, absolute.
[[nodiscard]] std::string Absolute(const std::string& path);

}  // namespace sallyport::authsvc::ctl
