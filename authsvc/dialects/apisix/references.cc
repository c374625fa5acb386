#include "authsvc/dialects/apisix/references.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apisix/objects.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

constexpr absl::string_view kEnv = "$env://";
constexpr absl::string_view kSecretManager = "$secret://";
constexpr size_t kMostNameBytes = 128;

bool GoodName(absl::string_view name) {
  for (const char c : name) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!letter && !(c >= '0' && c <= '9') && c != '_') return false;
  }
  return !name.empty() && name.size() <= kMostNameBytes;
}

absl::Status TakeMember(absl::string_view name, absl::string_view member, std::string* value) {
  Json json = Json::parse(*value, nullptr, false);
  base::Cleanse(value);
  const Json* const found = Get(json, member);
  if (found == nullptr || !found->is_string())
    return Wrong(absl::StrCat(kEnv, name, ": its value is no JSON object with this member"));
  *value = found->get<std::string>();
  return absl::OkStatus();
}

}  // namespace

bool IsReference(absl::string_view text) {
  return absl::StartsWithIgnoreCase(text, kSecretManager) || absl::StartsWithIgnoreCase(text, kEnv);
}

absl::Status Resolve(const Environment& environment, std::string* text) {
  if (absl::StartsWithIgnoreCase(*text, kSecretManager))
    return Wrong("$secret:// is refused: secret managers do not exist here");
  if (!absl::StartsWithIgnoreCase(*text, kEnv)) return absl::OkStatus();
  const std::string place = text->substr(kEnv.size());
  const size_t slash = place.find('/');
  const std::string name = place.substr(0, slash);
  // What is no name is not said again: a secret may have got there.
  if (!GoodName(name)) return Wrong("$env:// needs the name of a variable behind it");
  const auto found = environment.find(name);
  if (found == environment.end())
    return Wrong(absl::StrCat(kEnv, name, " is refused: it is not among this service's ",
                              "admin.apisix_environment"));
  if (found->second.empty()) return Wrong(absl::StrCat(kEnv, name, " is not set"));
  *text = found->second;
  if (slash == std::string::npos) return absl::OkStatus();
  return TakeMember(name, absl::string_view(place).substr(slash + 1), text);
}

}  // namespace sallyport::authsvc::dialects::apisix
