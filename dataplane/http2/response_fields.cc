#include "dataplane/http2/response_fields.h"

#include "dataplane/http/framing.h"
#include "dataplane/http2/field_rules.h"

namespace sallyport::dataplane {
namespace {

bool AnswersWithoutBody(int status, bool to_head) {
  return to_head || status < 200 || status == 204 || status == 304;
}

// RFC 9113 8.1.1: what the length says, and what END_STREAM says.
const char* SetAnswerFraming(const FramingFields& framing, bool end_stream, bool to_head,
                             ResponseHead* head) {
  head->has_content_length = framing.content_length != nullptr;
  head->content_length = framing.length;
  head->framing = Framing::kNone;
  if (AnswersWithoutBody(head->status, to_head)) return nullptr;
  if (end_stream) return framing.length > 0 ? "Content-Length without a body" : nullptr;
  head->framing = head->has_content_length ? Framing::kLength : Framing::kChunked;
  return nullptr;
}

}  // namespace

void ResponseFields::Start(Section section, std::string* bytes) {
  section_ = section;
  bytes_ = bytes;
  bytes->clear();
  fields_.clear();
  list_bytes_ = 0;
  status_ = 0;
  malformed_ = nullptr;
}

ResponseFields::Text ResponseFields::Keep(absl::string_view text) {
  const Text kept{bytes_->size(), text.size()};
  bytes_->append(text.data(), text.size());
  return kept;
}

void ResponseFields::Add(absl::string_view name, absl::string_view value,
                         const HeadLimits& limits) {
  list_bytes_ += name.size() + value.size() + kFieldOverhead;
  if (list_bytes_ > limits.max_head_bytes || fields_.size() >= limits.max_fields)
    Malformed("header list too large");
  if (malformed_ != nullptr) return;
  if (!name.empty() && name.front() == ':') {
    AddStatus(name, value);
  } else {
    AddRegular(name, value);
  }
}

void ResponseFields::AddStatus(absl::string_view name, absl::string_view value) {
  if (section_ == Section::kTrailers) return Malformed("pseudo-header field in trailers");
  if (!fields_.empty()) return Malformed("pseudo-header field behind a field");
  if (name != ":status") return Malformed("unknown pseudo-header field");
  if (status_ != 0) return Malformed("pseudo-header field twice");
  int status = 0;
  if (value.size() != 3) return Malformed("malformed :status");
  for (const char c : value) {
    if (c < '0' || c > '9') return Malformed("malformed :status");
    status = status * 10 + (c - '0');
  }
  if (status < 100 || status > 599) return Malformed("status out of range");
  if (status == 101) return Malformed("status 101");  // RFC 9113 8.6
  status_ = status;
}

void ResponseFields::AddRegular(absl::string_view name, absl::string_view value) {
  if (!IsFieldName(name)) return Malformed("malformed field name");
  if (const char* bad = CheckFieldValue(value)) return Malformed(bad);
  if (IsConnectionSpecific(name)) return Malformed("connection-specific field");
  const Text kept_name = Keep(name);
  fields_.emplace_back(kept_name, Keep(value));
}

void ResponseFields::Show(HeaderFields* fields) const {
  fields->clear();
  fields->reserve(fields_.size());
  for (const auto& [name, value] : fields_) fields->push_back({View(name), View(value)});
}

const char* ResponseFields::Finish(bool end_stream, bool to_head, ResponseHead* head) {
  std::string bytes = std::move(head->bytes);
  head->Clear();
  head->bytes = std::move(bytes);
  if (malformed_ == nullptr && status_ == 0) Malformed("no :status");
  if (malformed_ == nullptr && end_stream && status_ < 200)
    Malformed("an interim answer that ends the stream");
  if (malformed_ != nullptr) return malformed_;
  head->status = status_;
  Show(&head->fields);
  FramingFields framing;
  if (const char* bad = CollectFraming(head->fields, 1, &framing)) return bad;
  return SetAnswerFraming(framing, end_stream, to_head, head);
}

const char* ResponseFields::FinishTrailers(HeaderFields* fields) {
  fields->clear();
  if (malformed_ != nullptr) return malformed_;
  Show(fields);
  DropForbiddenTrailers(fields);
  return nullptr;
}

}  // namespace sallyport::dataplane
