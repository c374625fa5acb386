// The fields of a request or an answer as nghttp2 takes them: lower-case names, with text that
// stays where it is until the next use. Not thread-safe; used again and again.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/http/head.h"
#include "dataplane/http/message.h"

namespace sallyport::dataplane {

// What goes to an upstream. Of `fields` cleaned ones, in any case.
struct OutgoingHead {
  absl::string_view method;
  absl::string_view scheme;
  absl::string_view authority;
  absl::string_view path;  // with query
  HeaderFields fields;
  bool has_body = false;
  std::optional<uint64_t> length;  // of the body, where it is known
  bool accepts_trailers = false;   // TE: trailers
  bool expect_continue = false;
};

class FieldBlock {
 public:
  // Copies what the views show.
  void Answer(const AnswerHead& head);
  // Blanks around values go, control characters in them become '?': what cannot be sent is not
  // sent. Only fields that say nothing about a caller go into the compression table, which the
  // callers of an upstream share (RFC 7541 7.1).
  void Request(const OutgoingHead& head);
  void Trailers(const HeaderFields& trailers);
  // Valid until the next call of either.
  [[nodiscard]] const nghttp2_nv* data() const { return fields_.data(); }
  [[nodiscard]] size_t size() const { return fields_.size(); }
  [[nodiscard]] bool empty() const { return fields_.empty(); }
  void Clear();

 private:
  void Reserve(size_t text_bytes, size_t fields);
  void Add(absl::string_view name, absl::string_view value, uint8_t more_flags = 0);
  void AddAll(const HeaderFields& fields);
  void AddLength(uint64_t length);
  void AddCallers(absl::string_view name, absl::string_view value);
  std::string text_;
  std::vector<nghttp2_nv> fields_;
};

}  // namespace sallyport::dataplane
