#include "dataplane/http2/request_fields.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "dataplane/http/framing.h"
#include "dataplane/http2/field_rules.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using Kind = HeadVerdict::Kind;

constexpr absl::string_view kCookie = "cookie";
constexpr absl::string_view kHost = "host";
constexpr absl::string_view kContentLength = "content-length";

HeadVerdict Refused(Reason reason, absl::string_view detail) {
  return {Kind::kRefused, reason, detail};
}
HeadVerdict MalformedBy(absl::string_view detail) {
  return {Kind::kMalformed, Reason::kBadRequest, detail};
}

}  // namespace

void RequestFields::Start(Section section, std::string* bytes) {
  section_ = section;
  bytes_ = bytes;
  bytes->clear();
  for (Span& span : pseudo_) span = {};
  fields_.clear();
  list_bytes_ = cookies_ = hosts_ = lengths_ = 0;
  too_large_ = false;
  malformed_ = nullptr;
}

RequestFields::Span RequestFields::Keep(absl::string_view text) {
  const Span span{bytes_->size(), text.size(), true};
  bytes_->append(text.data(), text.size());
  return span;
}

void RequestFields::Add(absl::string_view name, absl::string_view value, const HeadLimits& limits) {
  list_bytes_ += name.size() + value.size() + kFieldOverhead;
  if (list_bytes_ > limits.max_head_bytes || fields_.size() >= limits.max_fields) too_large_ = true;
  if (too_large_ || malformed_ != nullptr) return;
  if (!name.empty() && name.front() == ':') {
    AddPseudo(name, value);
  } else {
    AddRegular(name, value);
  }
}

void RequestFields::AddPseudo(absl::string_view name, absl::string_view value) {
  if (section_ == Section::kTrailers) return Malformed("pseudo-header field in trailers");
  if (!fields_.empty()) return Malformed("pseudo-header field behind a field");
  Pseudo which = kPseudos;
  if (name == ":method") which = kMethod;
  if (name == ":scheme") which = kScheme;
  if (name == ":authority") which = kAuthority;
  if (name == ":path") which = kPath;
  if (which == kPseudos) return Malformed("unknown pseudo-header field");
  if (pseudo_[which].there) return Malformed("pseudo-header field twice");
  if (const char* bad = CheckFieldValue(value)) return Malformed(bad);
  pseudo_[which] = Keep(value);
}

// By length first: nearly every field is none of these.
const char* RequestFields::CheckSpecial(absl::string_view name, absl::string_view value) {
  if (IsConnectionSpecific(name)) return "connection-specific field";
  switch (name.size()) {
    case 2:
      if (name == "te" && !absl::EqualsIgnoreCase(value, "trailers"))
        return "TE other than trailers";
      break;
    case 4:
      if (name == kHost && ++hosts_ > 1) return "several Host fields";
      break;
    case 6:
      if (name == kCookie) ++cookies_;
      break;
    case 14:
      if (name == kContentLength && ++lengths_ > 1) return "several Content-Length fields";
      break;
    default: break;
  }
  return nullptr;
}

void RequestFields::AddRegular(absl::string_view name, absl::string_view value) {
  if (!IsFieldName(name)) return Malformed("malformed field name");
  if (const char* bad = CheckFieldValue(value)) return Malformed(bad);
  if (const char* bad = CheckSpecial(name, value)) return Malformed(bad);
  Field field;
  field.name = Keep(name);
  field.value = Keep(value);
  fields_.push_back(field);
}

const char* RequestFields::CheckPseudo(bool* connect) const {
  if (!pseudo_[kMethod].there) return "no :method";
  const absl::string_view method = View(pseudo_[kMethod]);
  if (!IsToken(method)) return "malformed :method";
  *connect = method == "CONNECT";
  if (*connect) {
    const bool tunnel =
        pseudo_[kAuthority].there && !pseudo_[kScheme].there && !pseudo_[kPath].there;
    return tunnel ? nullptr : "CONNECT with other pseudo-header fields";
  }
  if (!pseudo_[kScheme].there) return "no :scheme";
  if (!pseudo_[kPath].there) return "no :path";
  const absl::string_view path = View(pseudo_[kPath]);
  if (path.empty() || (path.front() != '/' && path != "*")) return "malformed :path";
  return nullptr;
}

// RFC 9113 8.1.1. One that is there is a number, and says what END_STREAM says.
const char* RequestFields::CheckLength(bool end_stream, RequestHead* head) const {
  FramingFields framing;
  if (const char* bad = CollectFraming(head->fields, 1, &framing)) return bad;
  if (framing.content_length != nullptr && end_stream && framing.length > 0) {
    return "Content-Length without a body";
  }
  // "Content-Length: 0" as well: that nothing comes is known at the end of the stream, not before.
  const bool open_ended = !end_stream && framing.length == 0;
  head->framing = open_ended ? Framing::kChunked : Framing::kNone;
  return nullptr;
}

// RFC 9113 8.2.3: one field, for whoever reads HTTP/1.1.
void RequestFields::JoinCookies() {
  if (cookies_ < 2) return;
  Span joined{bytes_->size(), 0, true};
  size_t kept = 0;
  size_t place = fields_.size();
  for (const Field& field : fields_) {
    if (View(field.name) != kCookie) {
      fields_[kept++] = field;
      continue;
    }
    if (place == fields_.size()) {
      place = kept++;
      fields_[place] = field;
    } else {
      bytes_->append("; ");
    }
    bytes_->append(*bytes_, field.value.at, field.value.size);
  }
  joined.size = bytes_->size() - joined.at;
  fields_[place].value = joined;
  fields_.resize(kept);
}

HeadVerdict RequestFields::Finish(bool end_stream, const HeadLimits& limits, RequestHead* head) {
  std::string bytes = std::move(head->bytes);
  head->Clear();
  head->bytes = std::move(bytes);
  bool connect = false;
  const char* bad = malformed_;
  if (bad == nullptr && !too_large_) {
    JoinCookies();
    bad = CheckPseudo(&connect);
  }
  head->method = View(pseudo_[kMethod]);
  head->target = View(pseudo_[kPath]);
  if (bad != nullptr) return MalformedBy(bad);
  if (too_large_) return Refused(Reason::kHeadTooLarge, "header list too large");
  for (const Field& field : fields_) head->fields.push_back({View(field.name), View(field.value)});
  if (const char* wrong = CheckLength(end_stream, head)) return MalformedBy(wrong);
  if (connect) return Refused(Reason::kMethodNotSupported, "method not supported");

  const absl::string_view scheme = View(pseudo_[kScheme]);
  if (!absl::EqualsIgnoreCase(scheme, "https") && !absl::EqualsIgnoreCase(scheme, "http")) {
    return Refused(Reason::kBadRequest, ":scheme is neither https nor http");
  }
  const absl::string_view authority = View(pseudo_[kAuthority]);
  if (pseudo_[kAuthority].there && authority.empty()) return MalformedBy("empty :authority");
  const HeaderField* const host = hosts_ == 0 ? nullptr : FindField(head->fields, kHost);
  if (host != nullptr && !authority.empty() && !absl::EqualsIgnoreCase(host->value, authority)) {
    return MalformedBy(":authority and Host differ");
  }
  const ParseOutcome checked = CheckRequestHead(limits, authority, head);
  if (checked.kind == ParseOutcome::Kind::kBad) return Refused(checked.reason, checked.detail);
  return {};
}

HeadVerdict RequestFields::FinishTrailers(HeaderFields* fields) {
  fields->clear();
  if (malformed_ != nullptr) return MalformedBy(malformed_);
  if (too_large_) return MalformedBy("trailers too large");
  for (const Field& field : fields_) fields->push_back({View(field.name), View(field.value)});
  DropForbiddenTrailers(fields);
  return {};
}

}  // namespace sallyport::dataplane
