// Heads as nearly all are: read in one pass. What is unusual in any way is left to Boost.Beast,
// which stays the one that decides: whatever is read here, it reads the same (head_parser.h). Pure.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"
#include "dataplane/http/head.h"

namespace sallyport::dataplane {

// `head`: with its blank line, ended as FindHeadEnd (head_end.h) demands: every line by CR LF, none
// of them folded. False: nothing is known of it, and what of `out` was filled means nothing. True:
// the first line and `fields` are those of `head`, whose bytes they show.
[[nodiscard]] bool ReadPlainRequest(absl::string_view head, size_t max_fields, RequestHead* out);
[[nodiscard]] bool ReadPlainResponse(absl::string_view head, size_t max_fields, ResponseHead* out);

}  // namespace sallyport::dataplane
