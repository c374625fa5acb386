#include "shared/domain/path_template.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sallyport::domain {
namespace {

absl::Status WrongTemplate(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("path `", text.substr(0, 256), "` ", why));
}

bool HasForeignCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte >= 0x7f ||
           absl::string_view("?#\\\"<>^`|").find(c) != absl::string_view::npos;
  });
}

}  // namespace

absl::StatusOr<PathTemplate> PathTemplate::Parse(absl::string_view text) {
  if (text.size() > kMostTemplateBytes)
    return WrongTemplate(text, absl::StrCat("has more than ", kMostTemplateBytes, " bytes"));
  if (text.empty() || text[0] != '/') return WrongTemplate(text, "must begin with /");
  if (HasForeignCharacter(text))
    return WrongTemplate(text, "has a blank, a non-ASCII character or one of ? # \\ \" < > ^ ` |");
  PathTemplate result;
  std::set<absl::string_view> names;
  const std::vector<absl::string_view> parts = absl::StrSplit(text.substr(1), '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    const absl::string_view part = parts[i];
    const bool last = i + 1 == parts.size();
    if (part == "*") {
      if (!last) return WrongTemplate(text, "has a * before its last segment");
      result.segments_.push_back({Kind::kRest, ""});
      continue;
    }
    if (part.size() >= 2 && part.front() == '{' && part.back() == '}') {
      const absl::string_view name = part.substr(1, part.size() - 2);
      if (name.empty() || name.find_first_of("{}*") != name.npos)
        return WrongTemplate(text, "has a parameter without a name of its own: write {name}");
      if (!names.insert(name).second)
        return WrongTemplate(text, absl::StrCat("has the parameter {", name, "} twice"));
      result.segments_.push_back({Kind::kParameter, ""});
      continue;
    }
    if (part.find_first_of("{}*") != part.npos)
      return WrongTemplate(text, "has { } or * inside a segment: a parameter is a whole segment");
    if (part == "." || part == ".." || (part.empty() && !last))
      return WrongTemplate(text, "has an empty or a dot segment, which no request keeps");
    result.segments_.push_back({Kind::kLiteral, std::string(part)});
  }
  return result;
}

bool PathTemplate::Matches(absl::string_view path) const {
  if (path.empty() || path[0] != '/') return false;
  absl::string_view left = path.substr(1);
  for (size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    if (segment.kind == Kind::kRest) return true;
    const bool last = i + 1 == segments_.size();
    const size_t slash = left.find('/');
    if (last != (slash == left.npos)) return false;
    const absl::string_view part = left.substr(0, slash);
    if (segment.kind == Kind::kLiteral ? part != segment.text : part.empty()) return false;
    if (!last) left.remove_prefix(slash + 1);
  }
  return true;
}

bool PathTemplate::ComesBefore(const PathTemplate& other) const {
  const size_t both = std::min(segments_.size(), other.segments_.size());
  for (size_t i = 0; i < both; ++i) {
    if (segments_[i].kind != other.segments_[i].kind)
      return segments_[i].kind < other.segments_[i].kind;
  }
  return segments_.size() > other.segments_.size();
}

std::string PathTemplate::Shape() const {
  std::string shape;
  for (const Segment& segment : segments_) {
    absl::StrAppend(&shape, "/",
                    segment.kind == Kind::kLiteral     ? absl::string_view(segment.text)
                    : segment.kind == Kind::kParameter ? "{}"
                                                       : "*");
  }
  return shape;
}

}  // namespace sallyport::domain
