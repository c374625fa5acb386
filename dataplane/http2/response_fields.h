// The fields of an upstream's answer as HTTP/2 carries them, checked by RFC 9113 8.2 and 8.3 and by
// what HTTP/1.1's heads are held to, and made into the same ResponseHead. Whatever could be read
// otherwise once it is HTTP/1.1 is malformed. Not thread-safe; used again and again.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/http/head.h"
#include "dataplane/http/head_parser.h"

namespace sallyport::dataplane {

class ResponseFields {
 public:
  enum class Section : uint8_t { kHead, kTrailers };

  // Text is kept in `*bytes`, which is emptied; it is the head's own for a head.
  void Start(Section section, std::string* bytes);
  // In the order in which they came.
  void Add(absl::string_view name, absl::string_view value, const HeadLimits& limits);

  // After a head: `head->bytes` is what Start was given. `end_stream`: no body follows; `to_head`:
  // the request was HEAD. Null, or what is malformed: a constant.
  [[nodiscard]] const char* Finish(bool end_stream, bool to_head, ResponseHead* head);
  // After trailers: those that may pass; the views show what Start was given.
  [[nodiscard]] const char* FinishTrailers(HeaderFields* fields);

 private:
  struct Text {
    size_t at = 0;
    size_t size = 0;
  };
  [[nodiscard]] Text Keep(absl::string_view text);
  [[nodiscard]] absl::string_view View(const Text& text) const {
    return {bytes_->data() + text.at, text.size};
  }
  void AddStatus(absl::string_view name, absl::string_view value);
  void AddRegular(absl::string_view name, absl::string_view value);
  void Show(HeaderFields* fields) const;
  void Malformed(const char* detail) {
    if (malformed_ == nullptr) malformed_ = detail;
  }

  Section section_ = Section::kHead;
  std::string* bytes_ = nullptr;
  std::vector<std::pair<Text, Text>> fields_;
  size_t list_bytes_ = 0;
  int status_ = 0;  // 0: none was there
  const char* malformed_ = nullptr;
};

}  // namespace sallyport::dataplane
