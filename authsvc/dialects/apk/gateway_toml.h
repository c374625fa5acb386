// WSO2 APK's own config.toml, which comes in a ConfigMap of its Helm chart (reference apk.md
// B10.1): nothing of it is configuration of this gateway. What it says of client certificates is
// told by name, with what says the same here. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sallyport::authsvc::dialects::apk {

// A line for each such setting of a TOML text, however it is written: in tables, dotted or quoted
// names, inline tables of one line; names with escapes are not read. A text that is none has none.
// No values are in it.
[[nodiscard]] std::vector<std::string> UnreadSettings(absl::string_view text);

}  // namespace sallyport::authsvc::dialects::apk
