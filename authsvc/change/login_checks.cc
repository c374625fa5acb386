#include "authsvc/change/login_checks.h"

#include "absl/strings/str_cat.h"
#include "authsvc/change/invalid.h"
#include "authsvc/snapshot/snapshot_index.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMostRealmBytes = 128;
constexpr size_t kMostUsernameBytes = 255;

}  // namespace

bool TakesLogins(const v1::Api& api) { return api.basic().requirement() != v1::REQUIREMENT_OFF; }

absl::Status CheckBasic(const v1::Api& api, Warnings* warnings) {
  if (!TakesLogins(api)) return absl::OkStatus();
  if (!api.protocol().empty() && api.protocol() != "http")
    return Invalid("basic: protocol ", api.protocol(), " has no place for a login");
  if (api.basic().realm().size() > kMostRealmBytes)
    return Invalid("basic: realm is longer than ", kMostRealmBytes, " bytes");
  for (const char c : api.basic().realm()) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) return Invalid("basic: realm must be printable ASCII");
  }
  if (api.allow_plain_http())
    warnings->push_back("allow_plain_http: passwords can be read by whoever is on the way");
  return absl::OkStatus();
}

// RFC 7617 section 2: no colon and no control character.
absl::Status CheckLogin(const CheckContext& context, const v1::Key& key) {
  if (!key.has_basic_login()) return absl::OkStatus();
  const std::string& name = key.basic_login().username();
  if (name.empty() || name.size() > kMostUsernameBytes)
    return Invalid("basic_login: a user name has 1 to ", kMostUsernameBytes, " bytes");
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ':' || byte < 0x20 || byte == 0x7f)
      return Invalid("basic_login: a user name has no colon and no control character");
  }
  const KeyEntry* const other = context.after.index().keys_by_login.Find(
      HashOfPair(key.org_id(), name), [&](const KeyEntry& entry) {
        return entry.key.id() != key.id() && entry.key.org_id() == key.org_id() &&
               entry.key.basic_login().username() == name;
      });
  if (other == nullptr) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat("the user name ", name, " is already that of key ", other->key.id()));
}

}  // namespace sallyport::authsvc
