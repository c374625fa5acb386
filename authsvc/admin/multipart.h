// multipart/form-data (RFC 7578) of a request. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::authsvc::admin {

struct FormPart {
  std::string name;
  std::string content;
};

// INVALID_ARGUMENT: another content type, no boundary, a part without name or end, more than 16
// parts. Names in quotes or without, no escapes in them.
[[nodiscard]] absl::StatusOr<std::vector<FormPart>> ParseMultipart(absl::string_view content_type,
                                                                   absl::string_view body);

}  // namespace sallyport::authsvc::admin
