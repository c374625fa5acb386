// The head of an HTTP/1.1 message as views into bytes that the head itself owns, and how its body
// is framed. Filled by HeadParser; reused from message to message, so a warm connection allocates
// nothing. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

struct HeaderField {
  absl::string_view name;   // as received
  absl::string_view value;  // without surrounding blanks
};
using HeaderFields = std::vector<HeaderField>;

enum class Framing : uint8_t {
  kNone,        // no body
  kLength,      // content_length bytes
  kChunked,     // chunked, perhaps with trailers
  kUntilClose,  // responses only: ends with the connection
};

// ASCII case-insensitive. The first field of that name, or nullptr.
[[nodiscard]] const HeaderField* FindField(const HeaderFields& fields, absl::string_view name);
[[nodiscard]] inline bool NameIs(absl::string_view name, absl::string_view other) {
  // Nearly all names differ in their size or where they begin.
  if (name.size() != other.size()) return false;
  if (!name.empty() && ((name.front() ^ other.front()) & ~0x20) != 0) return false;
  return absl::EqualsIgnoreCase(name, other);
}
// True when a comma-separated list has the token, case-insensitively, without parameters.
[[nodiscard]] bool ListHasToken(absl::string_view list, absl::string_view token);

struct RequestHead {
  RequestHead() = default;
  RequestHead(const RequestHead&) = delete;  // the views show `bytes`
  RequestHead& operator=(const RequestHead&) = delete;

  std::string bytes;
  absl::string_view method;
  absl::string_view target;  // as received
  int minor_version = 1;     // HTTP/1.x
  HeaderFields fields;       // in order, Host and framing fields too

  Framing framing = Framing::kNone;
  uint64_t content_length = 0;
  bool keep_alive = true;
  bool expect_continue = false;
  absl::string_view upgrade;  // the protocol that is asked for (upgrade.h); empty: none

  // From Host, or from an absolute-form target (RFC 9112 3.2.2), which must name the same.
  absl::string_view host;  // without port and brackets, as received; lower-case it before comparing
  absl::string_view port;  // digits, may be empty
  absl::string_view authority;
  // Of the target: path as received ("/" when empty, "*" for OPTIONS *), query without '?'.
  absl::string_view raw_path;
  absl::string_view query;
  bool has_query = false;

  void Clear();
};

struct ResponseHead {
  ResponseHead() = default;
  ResponseHead(const ResponseHead&) = delete;
  ResponseHead& operator=(const ResponseHead&) = delete;

  std::string bytes;
  int status = 0;
  absl::string_view reason_phrase;
  int minor_version = 1;
  HeaderFields fields;

  Framing framing = Framing::kNone;
  uint64_t content_length = 0;  // also of a HEAD answer, where framing is kNone
  bool has_content_length = false;
  bool keep_alive = true;  // the connection can carry another message after this one

  [[nodiscard]] bool informational() const { return status >= 100 && status < 200; }
  void Clear();
};

}  // namespace sallyport::dataplane
