// How each dialect words a refusal: status and message by reason. Pure.
#pragma once

#include <string>

#include "dataplane/http/error_answer.h"

namespace sallyport::dataplane {

// What a style says; the body format is the renderer's business.
struct StyledText {
  int status = 500;
  std::string message;
};

[[nodiscard]] StyledText TykText(const ErrorAnswer& answer);  // reference tyk.md 3.1, 4.3, 5.4

// WSO2's code and texts (reference apk.md B10.4).
struct ApkText {
  int status = 500;
  const char* code = "900900";
  const char* message = "";
  const char* description = "";
};
[[nodiscard]] ApkText ApkTextOf(base::Reason reason);

[[nodiscard]] absl::string_view ReasonPhrase(int status);

}  // namespace sallyport::dataplane
