#include "authsvc/admin/multipart.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr size_t kMostParts = 16;
constexpr size_t kLongestBoundary = 70;  // RFC 2046 §5.1.1

// The value of `name` among "; name=value; name="value""; empty: it is not there.
std::string Parameter(absl::string_view header, absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(header, ';');
  for (size_t i = 1; i < parts.size(); ++i) {
    const absl::string_view part = absl::StripAsciiWhitespace(parts[i]);
    const size_t equals = part.find('=');
    if (equals == part.npos || !absl::EqualsIgnoreCase(part.substr(0, equals), name)) continue;
    absl::string_view value = part.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return "";
}

// Behind the boundary: CRLF, header fields, an empty line, content.
absl::StatusOr<FormPart> ReadPart(absl::string_view text) {
  const size_t end = text.find("\r\n\r\n");
  if (end == text.npos || end < 2 || !absl::ConsumePrefix(&text, "\r\n"))
    return absl::InvalidArgumentError("a part has no end of its header");
  FormPart part;
  const size_t head = end - 2;
  if (text.size() < head + 4) return absl::InvalidArgumentError("a part is cut off");
  for (const absl::string_view line : absl::StrSplit(text.substr(0, head), "\r\n")) {
    const size_t colon = line.find(':');
    if (colon == line.npos) return absl::InvalidArgumentError("a part has a broken header");
    if (!absl::EqualsIgnoreCase(line.substr(0, colon), "content-disposition")) continue;
    part.name = Parameter(line, "name");
  }
  if (part.name.empty()) return absl::InvalidArgumentError("a part has no name");
  part.content = std::string(text.substr(head + 4));
  return part;
}

}  // namespace

absl::StatusOr<std::vector<FormPart>> ParseMultipart(absl::string_view content_type,
                                                     absl::string_view body) {
  const absl::string_view type =
      absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';')));
  if (!absl::EqualsIgnoreCase(type, "multipart/form-data"))
    return absl::InvalidArgumentError("must be multipart/form-data");
  const std::string boundary = Parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > kLongestBoundary)
    return absl::InvalidArgumentError("multipart/form-data without a boundary");
  const std::string mark = absl::StrCat("\r\n--", boundary);
  const std::string whole = absl::StrCat("\r\n", body);
  absl::string_view rest = whole;
  if (!absl::ConsumePrefix(&rest, mark))
    return absl::InvalidArgumentError("does not begin with its boundary");
  std::vector<FormPart> parts;
  while (!absl::StartsWith(rest, "--")) {
    const size_t end = rest.find(mark);
    if (end == rest.npos) return absl::InvalidArgumentError("does not end with its boundary");
    if (parts.size() == kMostParts) return absl::InvalidArgumentError("has too many parts");
    auto part = ReadPart(rest.substr(0, end));
    if (!part.ok()) return part.status();
    parts.push_back(*std::move(part));
    rest = rest.substr(end + mark.size());
  }
  return parts;
}

}  // namespace sallyport::authsvc::admin
