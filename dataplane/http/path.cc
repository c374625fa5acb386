#include "dataplane/http/path.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace sallyport::dataplane {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Of the pchars of RFC 3986 all but ";=&+", which may separate.
bool IsPlainCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("-._~!$'()*,:@", c);
}

// Appends one escape in its normal form; false when broken or NUL.
bool AppendEscape(absl::string_view escape, std::string* out) {
  if (escape.size() < 3) return false;
  const int high = HexValue(escape[1]);
  const int low = HexValue(escape[2]);
  if (high < 0 || low < 0) return false;
  const char decoded = static_cast<char>(high * 16 + low);
  if (decoded == '\0') return false;
  if (IsPlainCharacter(decoded)) {
    out->push_back(decoded);
    return true;
  }
  constexpr char kDigits[] = "0123456789ABCDEF";
  out->push_back('%');
  out->push_back(kDigits[high]);
  out->push_back(kDigits[low]);
  return true;
}

// "." and ".." as other servers may see them: what stands before an encoded slash, an encoded
// backslash, or a path parameter.
bool HidesDots(absl::string_view segment) {
  size_t start = 0;
  bool split = false;
  for (size_t i = 0; i <= segment.size(); ++i) {
    const absl::string_view rest = segment.substr(i);
    const bool escaped =
        absl::string_view(rest.substr(0, 3)) == "%2F" || rest.substr(0, 3) == "%5C";
    const bool parameter = !rest.empty() && rest[0] == ';';
    if (!rest.empty() && !escaped && !parameter) continue;
    split |= !rest.empty();
    const absl::string_view part = segment.substr(start, i - start);
    if (split && (part == "." || part == "..")) return true;
    start = i + (escaped ? 3 : 1);
    if (escaped) i += 2;
  }
  return false;
}

// Closes the segment that begins behind `out[slash]`; `ended` says that a slash follows.
bool CloseSegment(size_t slash, bool ended, std::string* out) {
  const absl::string_view segment = absl::string_view(*out).substr(slash + 1);
  if (segment == "..") {
    // To the slash before the parent; the root has none.
    const size_t parent = slash == 0 ? 0 : out->rfind('/', slash - 1);
    out->resize(parent + 1);
    return true;
  }
  if (segment == ".") {
    out->resize(slash + 1);
    return true;
  }
  if (HidesDots(segment)) return false;
  if (ended && !segment.empty()) out->push_back('/');
  return true;
}

// Nothing in it needs normalising: the common case.
bool IsPlain(absl::string_view raw) {
  char previous = 0;
  for (const char c : raw) {
    if (c == '%' || c == '\\' || c == ';' || (previous == '/' && (c == '/' || c == '.'))) {
      return false;
    }
    previous = c;
  }
  return true;
}

}  // namespace

bool NormalizePath(absl::string_view raw, std::string* out) {
  out->clear();
  if (raw == "*") {
    out->push_back('*');
    return true;
  }
  if (raw.empty() || raw[0] != '/') return false;
  if (IsPlain(raw)) {
    out->assign(raw.data(), raw.size());
    return true;
  }
  out->push_back('/');
  for (size_t i = 1; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '\\') return false;
    if (c == '/') {
      if (!CloseSegment(out->rfind('/'), true, out)) return false;
    } else if (c == '%') {
      if (!AppendEscape(raw.substr(i), out)) return false;
      i += 2;
    } else {
      out->push_back(c);
    }
  }
  return CloseSegment(out->rfind('/'), false, out);
}

}  // namespace sallyport::dataplane
