// The TYK_GW_* variables over a tyk.conf (DESIGN 10): named as envconfig names them, TYK_GW_ and
// the upper-case names of the struct fields, joined by "_". Only what is read from the file is
// taken. Pure, thread-safe. No value of a variable is ever part of a message: many of them are
// secrets of other systems.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects {

inline constexpr absl::string_view kTykVariablePrefix = "TYK_GW_";

// Those of `environment` (NAME=value) that carry Tyk's prefix.
[[nodiscard]] std::vector<std::string> TykVariables(absl::Span<const std::string> environment);

// Sets members of `configuration`, whole: a list or map of a variable replaces the file's. Refused:
// a value that does not parse or is empty, an unknown variable about security, a misspelt one.
// Warned about: what replaces the file's, what it drops of it, and (in one warning) what has no
// effect here.
void LayTykEnvironment(absl::Span<const std::string> environment, Node* configuration,
                       Conversion* out);

// The names of the variables that LayTykEnvironment would take or refuse.
[[nodiscard]] std::vector<std::string> TykVariablesInUse(absl::Span<const std::string> environment);

}  // namespace sallyport::authsvc::dialects
