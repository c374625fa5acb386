#include "dataplane/route/query.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"

namespace sallyport::dataplane {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

absl::string_view NameOf(absl::string_view pair) { return pair.substr(0, pair.find('=')); }

}  // namespace

std::string DecodeQueryText(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out.push_back(' ');
    } else if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
               HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

void EachQueryParameter(absl::string_view query, absl::string_view name,
                        absl::FunctionRef<bool(absl::string_view)> see) {
  if (query.empty()) return;
  for (absl::string_view pair : absl::StrSplit(query, '&')) {
    const absl::string_view raw = NameOf(pair);
    if (raw != name && DecodeQueryText(raw) != name) continue;
    if (see(raw.size() == pair.size() ? "" : DecodeQueryText(pair.substr(raw.size() + 1)))) return;
  }
}

std::optional<std::string> QueryParameter(absl::string_view query, absl::string_view name) {
  std::optional<std::string> first;
  EachQueryParameter(query, name, [&](absl::string_view value) {
    first.emplace(value);
    return true;
  });
  return first;
}

std::string WithoutQueryParameter(absl::string_view query, absl::string_view name) {
  std::string kept;
  if (query.empty()) return kept;
  bool any = false;
  for (absl::string_view pair : absl::StrSplit(query, '&')) {
    if (DecodeQueryText(NameOf(pair)) == name) continue;
    if (any) kept.push_back('&');
    kept.append(pair.data(), pair.size());
    any = true;
  }
  return kept;
}

}  // namespace sallyport::dataplane
