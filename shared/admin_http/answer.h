// The bytes of an answer.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "shared/admin_http/message.h"

namespace sallyport::admin_http {

// RFC 9112 §4: head and body, or the head alone (`head_only`: to a HEAD). `version` is 10 or 11. A
// header whose name or value would end its line is left out.
[[nodiscard]] std::string RenderAnswer(const Response& answer, absl::string_view request_id,
                                       unsigned version, bool keep_alive, bool head_only);

}  // namespace sallyport::admin_http
