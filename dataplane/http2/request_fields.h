// The fields of a request as HTTP/2 carries them, checked by RFC 9113 8.2 and 8.3 and by what
// HTTP/1.1's heads are held to, and made into the same RequestHead: cookie crumbs joined,
// :authority for Host. Whatever could be read otherwise once it is HTTP/1.1 is malformed. Not
// thread-safe; used again and again.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/http/head.h"
#include "dataplane/http/head_parser.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

struct HeadVerdict {
  enum class Kind : uint8_t {
    kFine,
    kRefused,    // well-formed, but not taken: to be answered with `reason`
    kMalformed,  // RFC 9113 8.1.1: the stream is reset
  };
  Kind kind = Kind::kFine;
  base::Reason reason = base::Reason::kBadRequest;
  absl::string_view detail;  // a constant, for the log
};

class RequestFields {
 public:
  enum class Section : uint8_t { kHead, kTrailers };

  // Text is kept in `*bytes`, which is emptied; it is the head's own for a head.
  void Start(Section section, std::string* bytes);
  // In the order in which they came.
  void Add(absl::string_view name, absl::string_view value, const HeadLimits& limits);
  // The header list's size so far, as RFC 9113 6.5.2 counts it, kept or not.
  [[nodiscard]] size_t list_bytes() const { return list_bytes_; }

  // There is a Content-Length.
  [[nodiscard]] bool said_length() const { return lengths_ > 0; }

  // After a head: `head->bytes` is what Start was given. `end_stream`: no body follows. What could
  // be read of the head is in it also when it is not fine.
  [[nodiscard]] HeadVerdict Finish(bool end_stream, const HeadLimits& limits, RequestHead* head);
  // After trailers: those that may pass; the views show what Start was given.
  [[nodiscard]] HeadVerdict FinishTrailers(HeaderFields* fields);

 private:
  struct Span {
    size_t at = 0;
    size_t size = 0;
    bool there = false;
  };
  struct Field {
    Span name;
    Span value;
  };
  enum Pseudo : size_t { kMethod, kScheme, kAuthority, kPath, kPseudos };

  Span Keep(absl::string_view text);
  [[nodiscard]] absl::string_view View(const Span& span) const {
    return {bytes_->data() + span.at, span.size};
  }
  void AddPseudo(absl::string_view name, absl::string_view value);
  void AddRegular(absl::string_view name, absl::string_view value);
  // Null: fine.
  [[nodiscard]] const char* CheckSpecial(absl::string_view name, absl::string_view value);
  [[nodiscard]] const char* CheckPseudo(bool* connect) const;
  [[nodiscard]] const char* CheckLength(bool end_stream, RequestHead* head) const;
  void JoinCookies();
  void Malformed(const char* detail) {
    if (malformed_ == nullptr) malformed_ = detail;
  }

  Section section_ = Section::kHead;
  std::string* bytes_ = nullptr;
  Span pseudo_[kPseudos];
  std::vector<Field> fields_;
  size_t list_bytes_ = 0;
  size_t cookies_ = 0;
  size_t hosts_ = 0;
  size_t lengths_ = 0;
  bool too_large_ = false;
  const char* malformed_ = nullptr;
};

}  // namespace sallyport::dataplane
