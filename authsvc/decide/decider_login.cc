// User name and password (RFC 7617) as a mechanism: whose they are. Whether the password is right
// is found out beside the decision.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/decide/decider.h"
#include "authsvc/decide/logins.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

// A login that could not be checked in time is asked for again soon.
constexpr absl::Duration kBusyFor = absl::Milliseconds(250);

const v1::Credential* ChooseLogin(const v1::AuthorizeRequest& request) {
  for (const v1::Credential& credential : request.credentials()) {
    if (credential.mechanism() == "basic" && credential.place() == "header") return &credential;
  }
  return nullptr;
}

}  // namespace

std::optional<Refusal> Decider::TryLogin() {
  const bool optional = api().basic().requirement() == v1::REQUIREMENT_OPTIONAL;
  const v1::Credential* const credential = ChooseLogin(request_);
  if (credential == nullptr) {
    Refusal missing = No(Reason::kTokenRequired, "no user name and password in Authorization");
    if (!optional) return missing;
    if (!missing_.has_value()) missing_ = std::move(missing);
    return std::nullopt;
  }
  const KeyEntry* const before = key_;
  auto refusal = FindByLogin(credential->login());
  token_passed_ = token_passed_ || !refusal.has_value();
  if (!refusal.has_value() || !optional || !MayPassOver()) return refusal;
  key_ = before;
  Pass("identify",
       [&] { return absl::StrCat("the optional login is passed over: ", refusal->detail); });
  return std::nullopt;
}

std::optional<Refusal> Decider::FindByLogin(const std::string& login) {
  const size_t colon = login.find(':');
  if (colon == std::string::npos || login.find('\0') != std::string::npos)
    return No(Reason::kLoginInvalid, "Authorization holds no user name and password");
  const LoginName name{api().org_id(), login.substr(0, colon)};
  const absl::string_view password = absl::string_view(login).substr(colon + 1);
  AddTag("login:", absl::StrCat(name.org_id, ":", name.username));
  const KeyEntry* const found = snapshot_.FindKeyByLogin(name.org_id, name.username);
  const v1::Key* const key = found != nullptr ? &found->key : nullptr;
  const LoginVerdict verdict = question_.logins == nullptr
                                   ? LoginVerdict::kUnknown
                                   : question_.logins->Find(key, name, password);
  if (key != nullptr) AddTag("key:", key->id());
  if (verdict == LoginVerdict::kUnknown) {
    if (question_.needs != nullptr) {
      question_.needs->logins.push_back(
          {key != nullptr ? key->id() : std::string(), name, base::Secret::CopyOf(password)});
    }
    not_yet_ = std::min(not_yet_, now_ + kBusyFor);
    return No(Reason::kOverloaded, "the password could not be checked in time");
  }
  if (key == nullptr) return No(Reason::kLoginInvalid, "no key has this user name");
  if (verdict == LoginVerdict::kWrong)
    return No(Reason::kLoginInvalid, absl::StrCat("the password is not that of key ", key->id()));
  if (key_ != nullptr && key_ != found) {
    return No(Reason::kCertBindingMismatch,
              absl::StrCat("the login is of key ", found->key.id(), ", another credential of key ",
                           key_->key.id()));
  }
  key_ = found;
  Pass("identify", [&] { return absl::StrCat("the login is that of key ", found->key.id()); });
  return CheckBindings();
}

}  // namespace sallyport::authsvc
