#include "shared/jwt/claims.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sallyport::jwt {
namespace {

constexpr int64_t kMostExactInteger = int64_t{1} << 53;
constexpr double kLastSecond = 253402300799;  // of the year 9999

bool IsControl(absl::string_view text, size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7F) return true;
  // U+0080 to U+009F in UTF-8, which the reader has checked.
  return byte == 0xC2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0;
}

bool IsIdentityText(absl::string_view text) {
  if (text.empty() || text.size() > kMostIdentityBytes) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsControl(text, i)) return false;
  }
  return true;
}

// One text or a list of them; false for anything else.
bool AppendTexts(const Json& json, std::vector<absl::string_view>* texts) {
  if (json.IsString()) {
    texts->push_back(json.text);
    return true;
  }
  if (!json.IsArray()) return false;
  for (const Json& item : json.items) {
    if (!item.IsString()) return false;
    texts->push_back(item.text);
  }
  return true;
}

}  // namespace

std::optional<std::string> IdentityClaim(const Claims& claims, absl::string_view name) {
  const Json* claim = claims.body.Find(name);
  if (claim == nullptr) return std::nullopt;
  if (claim->type == Json::Type::kInteger && claim->integer >= -kMostExactInteger &&
      claim->integer <= kMostExactInteger) {
    return absl::StrCat(claim->integer);
  }
  if (!claim->IsString() || !IsIdentityText(claim->text)) return std::nullopt;
  return claim->text;
}

bool ReadTimeClaim(const Claims& claims, absl::string_view name, std::optional<absl::Time>* time) {
  time->reset();
  const Json* claim = claims.body.Find(name);
  if (claim == nullptr) return true;
  const bool is_number = claim->type == Json::Type::kInteger || claim->type == Json::Type::kDouble;
  // Written so that anything that compares with nothing is refused too.
  if (!is_number || !(claim->number >= 0 && claim->number <= kLastSecond)) return false;
  *time = absl::UnixEpoch() + absl::Seconds(claim->number);
  return true;
}

bool ReadTextsClaim(const Claims& claims, absl::string_view name,
                    std::vector<absl::string_view>* texts) {
  texts->clear();
  const Json* claim = claims.body.Find(name);
  return claim == nullptr || AppendTexts(*claim, texts);
}

bool ReadScopes(const Claims& claims, const std::vector<std::string>& names,
                std::vector<absl::string_view>* scopes) {
  scopes->clear();
  for (const std::string& name : names) {
    const Json* claim = claims.body.Find(name);
    if (claim == nullptr) continue;
    if (claim->IsString()) {
      for (const absl::string_view scope : absl::StrSplit(claim->text, ' ', absl::SkipEmpty())) {
        scopes->push_back(scope);
      }
    } else if (!AppendTexts(*claim, scopes)) {
      return false;
    }
  }
  return true;
}

}  // namespace sallyport::jwt
