// What commands print: tables for people, JSON and YAML for scripts.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sallyport::authsvc::ctl {

// Columns as wide as their widest cell; control characters become '?', so that a name from
// elsewhere cannot move the cursor.
void PrintTable(std::ostream& out, const std::vector<std::string>& head,
                const std::vector<std::vector<std::string>>& rows);
[[nodiscard]] std::string Printable(absl::string_view text);

// `json`: one JSON document. Printed indented, or as YAML.
void PrintJson(std::ostream& out, absl::string_view json);
void PrintYaml(std::ostream& out, absl::string_view json);

// "2027-01-31" and "expired", for tables.
[[nodiscard]] std::string Date(int64_t unix_seconds);

// Exit codes.
inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;
inline constexpr int kUsage = 2;
inline constexpr int kUnreachable = 3;
inline constexpr int kMissing = 4;
[[nodiscard]] int ExitCodeOf(const absl::Status& status);

}  // namespace sallyport::authsvc::ctl
