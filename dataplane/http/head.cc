#include "dataplane/http/head.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace sallyport::dataplane {

const HeaderField* FindField(const HeaderFields& fields, absl::string_view name) {
  for (const HeaderField& field : fields) {
    if (NameIs(field.name, name)) return &field;
  }
  return nullptr;
}

bool ListHasToken(absl::string_view list, absl::string_view token) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    absl::string_view item = list.substr(0, comma);
    list = comma == absl::string_view::npos ? absl::string_view() : list.substr(comma + 1);
    item = absl::StripAsciiWhitespace(item.substr(0, item.find(';')));
    if (NameIs(item, token)) return true;
  }
  return false;
}

void RequestHead::Clear() {
  bytes.clear();
  method = target = host = port = authority = raw_path = query = upgrade = {};
  minor_version = 1;
  fields.clear();
  framing = Framing::kNone;
  content_length = 0;
  keep_alive = true;
  expect_continue = has_query = false;
}

void ResponseHead::Clear() {
  bytes.clear();
  status = 0;
  reason_phrase = {};
  minor_version = 1;
  fields.clear();
  framing = Framing::kNone;
  content_length = 0;
  has_content_length = false;
  keep_alive = true;
}

}  // namespace sallyport::dataplane
