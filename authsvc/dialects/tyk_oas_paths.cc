#include "authsvc/dialects/tyk_oas_paths.h"

#include <re2/re2.h>

#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr char kOneSegment[] = "([^/]+)";

// Where the parameter ends that begins at `i`, behind its '}'; npos: none begins there.
size_t ParameterEnd(absl::string_view path, size_t i) {
  const size_t end = path[i] == '{' ? path.find('}', i) : absl::string_view::npos;
  return end == absl::string_view::npos || end == i + 1 ? absl::string_view::npos : end + 1;
}

std::vector<std::string> PathSegments(absl::string_view path) {
  std::vector<std::string> segments(1);
  for (size_t i = 0; i < path.size();) {
    const size_t parameter = ParameterEnd(path, i);
    const size_t end = parameter != absl::string_view::npos ? parameter : i + 1;
    if (path[i] == '/')
      segments.emplace_back();
    else
      absl::StrAppend(&segments.back(), path.substr(i, end - i));
    i = end;
  }
  return segments;
}

}  // namespace

std::string OasPathRegex(absl::string_view path) {
  std::string out;
  for (size_t i = 0; i < path.size();) {
    const size_t end = ParameterEnd(path, i);
    if (end != absl::string_view::npos) {
      out.append(kOneSegment);
      i = end;
    } else if (path[i++] == '/') {
      out.push_back('/');
    } else {
      out.append(RE2::QuoteMeta(re2::StringPiece(&path[i - 1], 1)));
    }
  }
  return out;
}

OasPathOrder::OasPathOrder(absl::string_view path) {
  enum : uint8_t { kText, kMixed, kParameter, kEnd };
  size_t all = 0;
  for (const std::string& segment : PathSegments(path)) {
    size_t text = 0;
    size_t parameters = 0;
    for (size_t i = 0; i < segment.size();) {
      const size_t end = ParameterEnd(segment, i);
      const bool is_text = end == absl::string_view::npos;
      ++(is_text ? text : parameters);
      i = is_text ? i + 1 : end;
    }
    kinds.push_back(parameters == 0 ? kText : text > 0 ? kMixed : kParameter);
    all += text;
  }
  kinds.push_back(kEnd);
  without_text = std::numeric_limits<size_t>::max() - all;
}

bool OasPathsMeet(absl::string_view a, absl::string_view b, bool any_case) {
  const std::vector<std::string> left = PathSegments(a);
  const std::vector<std::string> right = PathSegments(b);
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    const std::string one = OasPathRegex(left[i]);
    const std::string other = OasPathRegex(right[i]);
    const bool one_is_text = !absl::StrContains(one, kOneSegment);
    const bool other_is_text = !absl::StrContains(other, kOneSegment);
    if (!one_is_text && !other_is_text) continue;
    const RE2 regex(absl::StrCat(any_case ? "(?i)" : "", one_is_text ? other : one), RE2::Quiet);
    if (!RE2::FullMatch(one_is_text ? left[i] : right[i], regex)) return false;
  }
  return true;
}

}  // namespace sallyport::authsvc::dialects
