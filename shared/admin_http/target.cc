#include "shared/admin_http/target.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"

namespace sallyport::admin_http {
namespace {

bool Decode(absl::string_view text, bool plus_is_blank, std::string* out) {
  out->clear();
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) ||
          !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
        return false;
      }
      c = absl::HexStringToBytes(text.substr(i + 1, 2))[0];
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) return false;
    out->push_back(c);
  }
  return true;
}

bool DecodeQuery(absl::string_view text, NameValues* query) {
  for (absl::string_view part : absl::StrSplit(text, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    std::string name;
    std::string value;
    if (!Decode(pair.first, true, &name) || !Decode(pair.second, true, &value)) return false;
    query->emplace_back(std::move(name), std::move(value));
  }
  return true;
}

}  // namespace

bool ParseTarget(absl::string_view text, Target* target) {
  if (text.empty() || text[0] != '/' || text.find('#') != absl::string_view::npos) return false;
  const size_t mark = text.find('?');
  if (!Decode(text.substr(0, mark), false, &target->path)) return false;
  while (target->path.size() > 1 && target->path.back() == '/') target->path.pop_back();
  if (mark == absl::string_view::npos) return true;
  return DecodeQuery(text.substr(mark + 1), &target->query);
}

}  // namespace sallyport::admin_http
