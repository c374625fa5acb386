// Files that sallyctl reads and writes.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::authsvc::ctl {

// "-" is standard input. At most 64 MB.
[[nodiscard]] absl::StatusOr<std::string> ReadFile(const std::string& path);
// Mode 0600; fails when it exists unless `replace`.
[[nodiscard]] absl::Status WriteFile(const std::string& path, absl::string_view content, bool replace = false);
[[nodiscard]] absl::Status MakeDirectory(const std::string& path);  // with parents, mode 0700; fine when there
[[nodiscard]] bool Exists(const std::string& path);
[[nodiscard]] bool IsDirectory(const std::string& path);
// Regular files of a directory with one of these endings, by name; not below it.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> FilesIn(const std::string& directory,
                                                               const std::vector<std::string>& endings);
// The same path, absolute.
[[nodiscard]] std::string Absolute(const std::string& path);

}  // namespace sallyport::authsvc::ctl
