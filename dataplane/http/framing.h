// How a message is framed, decided from its fields alone (RFC 9112 6, stricter where parsers
// differ). Pure. Every refusal is a constant text for the log, nullptr is "fine".
#pragma once

#include <cstdint>

#include "dataplane/http/head.h"

namespace sallyport::dataplane {

struct FramingFields {
  const HeaderField* transfer_encoding = nullptr;
  const HeaderField* content_length = nullptr;
  const HeaderField* host = nullptr;
  const HeaderField* expect = nullptr;
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;  // Connection lists it
  uint64_t length = 0;
};

// Collects and checks: one Transfer-Encoding that is exactly "chunked", on HTTP/1.1, without
// Content-Length; one Content-Length of digits only; one Host; one Expect.
[[nodiscard]] const char* CollectFraming(const HeaderFields& fields, int minor_version,
                                         FramingFields* framing);

// "host", "host:port", "[v6]:port" of a Host field or an authority: no user, no empty host.
struct Authority {
  absl::string_view host;  // without brackets
  absl::string_view port;
};
[[nodiscard]] bool ParseAuthority(absl::string_view text, Authority* authority);

}  // namespace sallyport::dataplane
