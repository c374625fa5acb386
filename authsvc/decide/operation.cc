#include "authsvc/decide/operation.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/decide/regex_cache.h"
#include "re2/re2.h"
#include "shared/domain/operations.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

enum class Match : uint8_t { kNo, kYes, kBroken };

std::shared_ptr<const re2::RE2> Regex(const v1::PathRule& rule, RegexCache* regexes) {
  const std::string text = rule.ignore_case() ? absl::StrCat("(?i)", rule.path()) : rule.path();
  return regexes != nullptr ? regexes->Get(text) : CompileRegex(text);
}

Match MatchRule(const v1::PathRule& rule, const v1::AuthorizeRequest& request,
                RegexCache* regexes) {
  const auto& methods = rule.methods();
  if (!methods.empty() &&
      std::find(methods.begin(), methods.end(), request.method()) == methods.end()) {
    return Match::kNo;
  }
  const auto regex = Regex(rule, regexes);
  if (regex == nullptr) return Match::kBroken;
  return RE2::PartialMatch(request.path(), *regex) ? Match::kYes : Match::kNo;
}

// A broken expression counts as `if_broken`: it must never open something.
template <typename Rules>
bool AnyMatches(const Rules& rules, const v1::AuthorizeRequest& request, RegexCache* regexes,
                bool if_broken) {
  for (const v1::PathRule& rule : rules) {
    const Match match = MatchRule(rule, request, regexes);
    if (match == Match::kYes || (match == Match::kBroken && if_broken)) return true;
  }
  return false;
}

// What routing in a data plane would have refused or rewritten.
bool IsNormalPath(absl::string_view path) {
  if (!absl::StartsWith(path, "/") ||
      path.find_first_of(absl::string_view("?#\\\0", 4)) != path.npos)
    return false;
  for (absl::string_view segment : absl::StrSplit(path, '/')) {
    if (segment == "." || segment == "..") return false;
  }
  const std::string lower = absl::AsciiStrToLower(path);
  return !absl::StrContains(lower, "%2e") && !absl::StrContains(lower, "%2f") &&
         !absl::StrContains(lower, "%00") && !absl::StrContains(path, "//");
}

const v1::ApiVersion* Named(const v1::Api& api, absl::string_view name) {
  for (const v1::ApiVersion& version : api.versions()) {
    if (version.name() == name) return &version;
  }
  return nullptr;
}

std::optional<Refusal> FindVersion(const v1::Api& api, absl::string_view asked, Operation* out) {
  const v1::Versioning& versioning = api.versioning();
  if (!versioning.enabled()) {
    if (!api.versions().empty()) out->version = &api.versions(0);
    return std::nullopt;
  }
  const absl::string_view name =
      asked.empty() ? absl::string_view(versioning.default_version()) : asked;
  if (name.empty())
    return Refusal{Reason::kVersionRequired, "no version named and no default", nullptr};
  out->version = Named(api, name);
  if (out->version == nullptr && versioning.fallback_to_default()) {
    out->version = Named(api, versioning.default_version());
  }
  if (out->version == nullptr) {
    return Refusal{Reason::kVersionUnknown, absl::StrCat("no version ", name), nullptr};
  }
  out->versioned = !versioning.rights_of_api();
  out->version_name = out->version->name();
  return std::nullopt;
}

std::optional<Refusal> CheckRules(const v1::ApiVersion& version,
                                  const v1::AuthorizeRequest& request, RegexCache* regexes,
                                  Operation* out) {
  if (AnyMatches(version.blocked(), request, regexes, true)) {
    return Refusal{Reason::kEndpointForbidden, "the path is blocked", nullptr};
  }
  out->ignored = AnyMatches(version.ignored(), request, regexes, false);
  if (!out->ignored && !version.allowed().empty() &&
      !AnyMatches(version.allowed(), request, regexes, false)) {
    return Refusal{Reason::kEndpointForbidden, "the path is not among those allowed", nullptr};
  }
  return std::nullopt;
}

std::optional<Refusal> FindListed(const v1::ApiVersion& version,
                                  const v1::AuthorizeRequest& request, Operation* out) {
  domain::Operations list;
  for (const v1::Operation& operation : version.operations()) {
    auto path = domain::PathTemplate::Parse(operation.path());
    if (!path.ok()) return Refusal{Reason::kApiUnusable, "an operation cannot be read", nullptr};
    list.Add(*std::move(path), {operation.methods().begin(), operation.methods().end()});
  }
  const auto found = list.Find(request.method(), request.path());
  if (!found.index.has_value()) {
    return Refusal{found.allowed.empty() ? Reason::kOperationUnknown : Reason::kMethodNotAllowed,
                   "not among the operations", nullptr};
  }
  const v1::Operation& operation = version.operations(static_cast<int>(*found.index));
  out->open = operation.open();
  out->scopes.assign(operation.scopes().begin(), operation.scopes().end());
  return std::nullopt;
}

std::optional<Refusal> NeedsPath(const v1::AuthorizeRequest& request) {
  if (!request.method().empty() && IsNormalPath(request.path())) return std::nullopt;
  return Refusal{Reason::kBadRequest,
                 "method and normalised path are needed: the answer depends on them", nullptr};
}

bool Holds(const v1::MatchCondition& condition, const v1::AuthorizeRequest& request,
           RegexCache* regexes) {
  const auto& values = condition.values();
  if (condition.operator_() != "matches")
    return std::find(values.begin(), values.end(), request.path()) != values.end();
  v1::PathRule rule;
  rule.set_path(values.empty() ? "" : values[0]);
  rule.set_ignore_case(condition.ignore_case());
  return AnyMatches(std::vector<v1::PathRule>{rule}, request, regexes, condition.negate());
}

// An API may be one of several at a place, with other demands on callers than the next one: who
// names it must mean a request that is its own, as far as the question tells.
std::optional<Refusal> CheckMatching(const v1::Api& api, const v1::AuthorizeRequest& request,
                                     RegexCache* regexes) {
  const auto& methods = api.matching().methods();
  const Refusal refusal{Reason::kNoRoute, "the API does not take such a request", nullptr};
  if (!methods.empty()) {
    if (auto needed = NeedsPath(request)) return needed;
    if (std::find(methods.begin(), methods.end(), request.method()) == methods.end())
      return refusal;
  }
  // The path of the question has no version in front, which it says by itself; one that others may
  // have is not guessed at.
  const v1::Versioning& versioning = api.versioning();
  const bool by_version =
      versioning.enabled() && versioning.rights_of_api() && versioning.location() == "url";
  for (const v1::MatchCondition& condition : api.matching().conditions()) {
    if (condition.variable() != "path") continue;
    if (by_version) {
      if (request.version().empty() || Named(api, request.version()) != nullptr) continue;
      return Refusal{Reason::kVersionUnknown, absl::StrCat("no version ", request.version()),
                     nullptr};
    }
    if (auto needed = NeedsPath(request)) return needed;
    if (Holds(condition, request, regexes) == condition.negate()) return refusal;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> FindOperation(const v1::Api& api, const v1::AuthorizeRequest& request,
                                     absl::Time now, RegexCache* regexes, Operation* out) {
  if (auto refusal = CheckMatching(api, request, regexes)) return refusal;
  if (auto refusal = FindVersion(api, request.version(), out)) return refusal;
  if (out->version == nullptr) return std::nullopt;
  const v1::ApiVersion& version = *out->version;
  if (version.expires_unix() != 0 && now >= absl::FromUnixSeconds(version.expires_unix())) {
    return Refusal{Reason::kVersionExpired,
                   absl::StrCat("version ", version.name(), " has expired"), nullptr};
  }
  if (version.blocked().empty() && version.allowed().empty() && version.ignored().empty() &&
      version.operations().empty())
    return std::nullopt;
  if (auto refusal = NeedsPath(request)) return refusal;
  if (auto refusal = CheckRules(version, request, regexes, out)) return refusal;
  return version.operations().empty() ? std::nullopt : FindListed(version, request, out);
}

std::optional<Refusal> CheckOperationScopes(const Operation& operation,
                                            const std::vector<std::string>& granted) {
  const auto& wanted = operation.scopes;
  if (wanted.empty()) return std::nullopt;
  for (const std::string& scope : granted) {
    if (std::find(wanted.begin(), wanted.end(), scope) != wanted.end()) return std::nullopt;
  }
  return Refusal{Reason::kScopeMissing, "none of the operation's scopes is granted", nullptr};
}

std::optional<Refusal> CheckOperation(const KeyRights& rights, const Operation& operation,
                                      const v1::AuthorizeRequest& request, RegexCache* regexes) {
  if (operation.versioned && !rights.GrantsVersion(operation.version_name)) {
    return Refusal{Reason::kVersionNotGranted,
                   absl::StrCat("version \"", operation.version_name, "\" is not granted"),
                   nullptr};
  }
  bool restricted = false;
  for (const v1::AccessRight* right : rights.rights)
    restricted = restricted || !right->allowed_urls().empty();
  if (!restricted) return std::nullopt;
  if (auto refusal = NeedsPath(request)) return refusal;
  for (const v1::AccessRight* right : rights.rights) {
    if (AnyMatches(right->allowed_urls(), request, regexes, false)) return std::nullopt;
  }
  return Refusal{Reason::kOperationNotGranted, "no granted URL matches path and method", nullptr};
}

}  // namespace sallyport::authsvc
