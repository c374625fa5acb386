// The fields of an answer as nghttp2 takes them: lower-case names, with text that stays where it is until the
// frame is written. Not thread-safe; used again and again.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/forward/message.h"
#include "dataplane/http/head.h"

namespace sallyport::dataplane {

class AnswerFields {
 public:
  // Copies what the views show.
  void Head(const AnswerHead& head);
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
  std::string text_;
  std::vector<nghttp2_nv> fields_;
};

}  // namespace sallyport::dataplane
