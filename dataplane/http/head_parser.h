// Parses one head of an HTTP/1.x message: Boost.Beast's basic_parser reads the text into a sink of
// views, the framing rules of DESIGN 2.3 (RFC 9112 6.3, stricter) are enforced above it. A head is
// parsed only when it is there as a whole; until then the parser only looks for its end. Not
// thread-safe; one per connection, reused.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/http/head.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

struct HeadLimits {
  size_t max_head_bytes = 16 * 1024;   // over it: kHeadTooLarge
  size_t max_target_bytes = 8 * 1024;  // over it: kTargetTooLong
  size_t max_fields = 100;             // over it: kHeadTooLarge
};

struct ParseOutcome {
  enum class Kind : uint8_t { kIncomplete, kDone, kBad };
  Kind kind = Kind::kIncomplete;
  size_t consumed = 0;                              // kDone: bytes of the head, with the blank line
  base::Reason reason = base::Reason::kBadRequest;  // kBad; of a response always kUpstreamProtocol
  absl::string_view detail;                         // kBad: a constant, for the log
};

class RequestParser {
 public:
  explicit RequestParser(HeadLimits limits = {}) : limits_(limits) {}
  // `bytes` is all that is unread of the connection, from the first byte of the message. On kDone
  // `head` owns a copy of its bytes: the caller consumes `consumed` bytes.
  [[nodiscard]] ParseOutcome Parse(absl::string_view bytes, RequestHead* head);

 private:
  HeadLimits limits_;
  size_t searched_ = 0;
};

class ResponseParser {
 public:
  explicit ResponseParser(HeadLimits limits = {}) : limits_(limits) {}
  // `to_head`: the request was HEAD, so there is no body whatever the fields say.
  [[nodiscard]] ParseOutcome Parse(absl::string_view bytes, bool to_head, ResponseHead* head);

 private:
  HeadLimits limits_;
  size_t searched_ = 0;
};

// What holds for every request head, whatever text it came as: target, host, framing and
// expectation are read from `method`, `target` and `fields`, which are there. `authority`: what
// HTTP/2's :authority says, empty where there is none. kDone, or kBad.
[[nodiscard]] ParseOutcome CheckRequestHead(const HeadLimits& limits, absl::string_view authority,
                                            RequestHead* head);

// Parses a trailer section: field lines and the closing blank line. Framing, routing,
// authentication and connection fields (RFC 9110 6.5.1) are dropped, never merged into the head.
[[nodiscard]] bool ParseTrailers(absl::string_view block, std::string* owned, HeaderFields* fields);
// Drops those, from a section that came otherwise.
void DropForbiddenTrailers(HeaderFields* fields);

}  // namespace sallyport::dataplane
