// Parameters of a raw query string ("a=1&b=2"). Names and values are percent-decoded once ('+' is a
// blank); what is kept of a query is kept byte by byte. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// Decoded; a broken escape stays as it is.
[[nodiscard]] std::string DecodeQueryText(absl::string_view text);
// The first parameter of that (decoded) name; "" when it has no value.
[[nodiscard]] std::optional<std::string> QueryParameter(absl::string_view query,
                                                        absl::string_view name);
// Calls `see` with the (decoded) value of each parameter of that name, until it returns true.
void EachQueryParameter(absl::string_view query, absl::string_view name,
                        absl::FunctionRef<bool(absl::string_view)> see);
// Every parameter but those of that name, however it is encoded.
[[nodiscard]] std::string WithoutQueryParameter(absl::string_view query, absl::string_view name);

}  // namespace sallyport::dataplane
