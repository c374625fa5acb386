#include "dataplane/http/cors.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::string_view kAnswerNames[] = {
    "access-control-allow-origin",         "access-control-allow-credentials",
    "access-control-allow-methods",        "access-control-allow-headers",
    "access-control-expose-headers",       "access-control-max-age",
    "access-control-allow-private-network"};

// Where an API names none (as Tyk).
constexpr absl::string_view kUsualMethods[] = {"GET", "HEAD", "POST"};
constexpr absl::string_view kUsualHeaders[] = {"accept", "content-type", "origin",
                                               "x-requested-with"};
constexpr size_t kMostAskedHeaders = 64;

absl::string_view ValueOf(const HeaderFields& fields, absl::string_view name) {
  const HeaderField* const field = FindField(fields, name);
  return field == nullptr ? absl::string_view() : field->value;
}

bool AnyOrigin(const CorsRules& rules) {
  return rules.allowed_origins.empty() || absl::c_linear_search(rules.allowed_origins, "*");
}

// What a "*" within an entry may stand for: part of a host name or a port, never another scheme,
// user or path.
bool IsHostPart(absl::string_view text) {
  return absl::c_all_of(text, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.';
  });
}

bool OriginMatches(absl::string_view entry, absl::string_view origin) {
  const size_t star = entry.find('*');
  if (star == absl::string_view::npos) return absl::EqualsIgnoreCase(entry, origin);
  const absl::string_view before = entry.substr(0, star);
  const absl::string_view after = entry.substr(star + 1);
  if (origin.size() <= before.size() + after.size()) return false;
  return absl::StartsWithIgnoreCase(origin, before) && absl::EndsWithIgnoreCase(origin, after) &&
         IsHostPart(origin.substr(before.size(), origin.size() - before.size() - after.size()));
}

// The value of Access-Control-Allow-Origin; empty: not allowed.
absl::string_view AllowedOrigin(const CorsRules& rules, absl::string_view origin) {
  if (origin.empty()) return {};
  if (AnyOrigin(rules)) return "*";
  const auto matches = [origin](const std::string& entry) { return OriginMatches(entry, origin); };
  return absl::c_any_of(rules.allowed_origins, matches) ? origin : absl::string_view();
}

bool MethodAllowed(const CorsRules& rules, absl::string_view method) {
  if (rules.allowed_methods.empty()) return absl::c_linear_search(kUsualMethods, method);
  return absl::c_any_of(rules.allowed_methods, [method](const std::string& entry) {
    return entry == "*" || absl::EqualsIgnoreCase(entry, method);
  });
}

bool HeaderAllowed(const CorsRules& rules, absl::string_view name) {
  if (rules.allowed_headers.empty()) return absl::c_linear_search(kUsualHeaders, name);
  return name == "origin" ||
         absl::c_any_of(rules.allowed_headers, [name](const std::string& entry) {
           return entry == "*" || absl::EqualsIgnoreCase(entry, name);
         });
}

// The headers asked for, lower case; false: one of them is not allowed.
bool AskedHeaders(const CorsRules& rules, absl::string_view list, std::vector<std::string>* asked) {
  for (absl::string_view name : absl::StrSplit(list, ',')) {
    name = absl::StripAsciiWhitespace(name);
    if (name.empty()) continue;
    std::string lower = absl::AsciiStrToLower(name);
    if (asked->size() == kMostAskedHeaders || !HeaderAllowed(rules, lower)) return false;
    asked->push_back(std::move(lower));
  }
  return true;
}

void AddOrigin(const CorsRules& rules, absl::string_view allowed, OwnFields* out) {
  out->emplace_back("Access-Control-Allow-Origin", allowed);
  // Never for everybody: any site could then act with the caller's credential.
  if (rules.allow_credentials && allowed != "*")
    out->emplace_back("Access-Control-Allow-Credentials", "true");
}

}  // namespace

bool IsPreflight(absl::string_view method, const HeaderFields& fields) {
  return method == "OPTIONS" && !ValueOf(fields, "origin").empty() &&
         !ValueOf(fields, "access-control-request-method").empty();
}

OwnFields PreflightFields(const CorsRules& rules, const HeaderFields& fields) {
  OwnFields out;
  out.emplace_back("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  const absl::string_view allowed = AllowedOrigin(rules, ValueOf(fields, "origin"));
  const absl::string_view method = ValueOf(fields, "access-control-request-method");
  std::vector<std::string> asked;
  if (allowed.empty() || !MethodAllowed(rules, method) ||
      !AskedHeaders(rules, ValueOf(fields, "access-control-request-headers"), &asked)) {
    return out;
  }
  AddOrigin(rules, allowed, &out);
  out.emplace_back("Access-Control-Allow-Methods", method);
  if (!asked.empty()) out.emplace_back("Access-Control-Allow-Headers", absl::StrJoin(asked, ", "));
  if (rules.max_age_seconds > 0) {
    out.emplace_back("Access-Control-Max-Age", absl::StrCat(rules.max_age_seconds));
  }
  return out;
}

OwnFields CorsFields(const CorsRules& rules, const HeaderFields& fields) {
  OwnFields out;
  if (!AnyOrigin(rules)) out.emplace_back("Vary", "Origin");
  const absl::string_view allowed = AllowedOrigin(rules, ValueOf(fields, "origin"));
  if (allowed.empty()) return out;
  AddOrigin(rules, allowed, &out);
  if (!rules.exposed_headers.empty()) {
    out.emplace_back("Access-Control-Expose-Headers", absl::StrJoin(rules.exposed_headers, ", "));
  }
  return out;
}

absl::Span<const absl::string_view> CorsAnswerNames() { return kAnswerNames; }

}  // namespace sallyport::dataplane
