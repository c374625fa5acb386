#include "dataplane/route/match.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dataplane/route/host_index.h"
#include "dataplane/route/query.h"
#include "dataplane/route/route_table.h"
#include "re2/re2.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

bool AnyMatches(const std::vector<CompiledPathRule>& rules, absl::string_view method,
                absl::string_view path, Broken broken) {
  return std::any_of(rules.begin(), rules.end(), [&](const CompiledPathRule& rule) {
    return Matches(rule, method, path, broken);
  });
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// With every escape decoded and runs of slashes made one. `path` is normalised.
std::string Decoded(absl::string_view path) {
  std::string out;
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%' && i + 2 < path.size() && HexValue(path[i + 1]) >= 0 &&
        HexValue(path[i + 2]) >= 0) {
      c = static_cast<char>(HexValue(path[i + 1]) * 16 + HexValue(path[i + 2]));
      i += 2;
    }
    if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
  }
  return out;
}

// Without what stands behind a ';' in each segment.
std::string WithoutParameters(absl::string_view path) {
  std::string out;
  bool inside = false;
  for (const char c : path) {
    if (c == '/' || c == ';') inside = c == ';';
    if (!inside) out.push_back(c);
  }
  return out;
}

// Servers decode escapes (an encoded slash too) and drop path parameters, in either order. Whether
// `test` holds for what one of them would make of `path`, where that is not what it is.
bool AnyOtherForm(absl::string_view path, absl::FunctionRef<bool(absl::string_view)> test) {
  if (path.find_first_of("%;") == absl::string_view::npos) return false;
  const std::string decoded = Decoded(path);
  return test(decoded) || test(WithoutParameters(decoded)) ||
         test(Decoded(WithoutParameters(path)));
}

// A blocked path must not come through in such a form.
bool Blocked(const RouteVersion& version, absl::string_view method, absl::string_view path) {
  if (version.blocked.empty()) return false;
  const auto matches = [&](absl::string_view form) {
    return AnyMatches(version.blocked, method, form, Broken::kMatchesEverything);
  };
  return matches(path) || AnyOtherForm(path, matches);
}

// How much of `path` the listen path takes.
size_t ListenLength(const Route& route, absl::string_view path) {
  return std::min(path.size(), TrimmedListenLength(route.listen_path));
}

const RouteVersion* FindVersion(const Route& route, absl::string_view name) {
  for (const RouteVersion& version : route.versions) {
    if (version.name == name) return &version;
  }
  return nullptr;
}

struct VersionChoice {
  const RouteVersion* version = nullptr;
  std::string name;
  Reason reason = Reason::kAllowed;
  bool from_url = false;  // the first segment after the listen path named it
};

VersionChoice DefaultVersion(const Route& route, Reason otherwise) {
  VersionChoice choice;
  choice.name = route.versioning.default_version;
  choice.version = choice.name.empty() ? nullptr : FindVersion(route, choice.name);
  if (choice.version == nullptr) choice.reason = otherwise;
  return choice;
}

VersionChoice ChooseVersion(const Route& route, const RouteQuestion& question,
                            absl::string_view rest, HeaderLookup header) {
  VersionChoice choice;
  const VersionRules& rules = route.versioning;
  if (!rules.enabled) {
    if (!route.versions.empty()) choice.version = &route.versions.front();
    return choice;
  }
  std::string asked;
  switch (rules.location) {
    case VersionRules::Location::kHeader:
      asked = std::string(header(rules.key).value_or(""));
      break;
    case VersionRules::Location::kUrlParam:
      asked = QueryParameter(question.query, rules.key).value_or("");
      break;
    case VersionRules::Location::kUrl:
      rest.remove_prefix(absl::StartsWith(rest, "/") ? 1 : 0);
      asked = std::string(rest.substr(0, rest.find('/')));
      choice.from_url = true;
      break;
  }
  if (asked.empty()) return DefaultVersion(route, Reason::kVersionRequired);
  choice.version = FindVersion(route, asked);
  choice.name = asked;
  if (choice.version != nullptr) return choice;
  if (rules.fallback_to_default) return DefaultVersion(route, Reason::kVersionUnknown);
  choice.reason = Reason::kVersionUnknown;
  return choice;
}

// Without its first segment.
absl::string_view WithoutSegment(absl::string_view rest) {
  const size_t slash = rest.find('/', absl::StartsWith(rest, "/") ? 1 : 0);
  return slash == absl::string_view::npos ? "/" : rest.substr(slash);
}

bool ValueMatches(const MatchCondition& condition, absl::string_view value) {
  switch (condition.op) {
    case MatchCondition::Operator::kIn:
      return std::find(condition.values.begin(), condition.values.end(), value) !=
             condition.values.end();
    case MatchCondition::Operator::kMatches:
      return RE2::PartialMatch(re2::StringPiece(value.data(), value.size()), *condition.regex);
    case MatchCondition::Operator::kAddressIn: break;
  }
  const auto address = ParseAddressRange(value);
  return address.has_value() &&
         std::any_of(condition.ranges->begin(), condition.ranges->end(),
                     [&](const AddressRange& range) { return Contains(range, *address); });
}

// The first cookie of that name.
std::optional<std::string> CookieOf(absl::string_view cookies, absl::string_view name) {
  while (!cookies.empty()) {
    const size_t end = std::min(cookies.find(';'), cookies.size());
    const absl::string_view one = absl::StripAsciiWhitespace(cookies.substr(0, end));
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    const size_t equals = one.find('=');
    if (equals != absl::string_view::npos && one.substr(0, equals) == name)
      return std::string(one.substr(equals + 1));
  }
  return std::nullopt;
}

// A variable that the request does not have is never equal to anything.
bool Holds(const MatchCondition& condition, const RouteQuestion& question, HeaderLookup header) {
  std::optional<std::string> storage;
  std::optional<absl::string_view> value;
  switch (condition.variable) {
    case MatchCondition::Variable::kHeader: value = header(condition.name); break;
    case MatchCondition::Variable::kPath: value = question.path; break;
    case MatchCondition::Variable::kClientAddress: value = question.client_address; break;
    case MatchCondition::Variable::kQuery:
      storage = QueryParameter(question.query, condition.name);
      break;
    case MatchCondition::Variable::kCookie:
      storage = CookieOf(header("cookie").value_or(""), condition.name);
      break;
  }
  if (storage.has_value()) value = *storage;
  const bool matches = value.has_value() && ValueMatches(condition, *value);
  return matches != condition.negate;
}

bool Fits(const MatchRules& rules, const RouteQuestion& question, HeaderLookup header) {
  if (!rules.methods.empty() && std::find(rules.methods.begin(), rules.methods.end(),
                                          question.method) == rules.methods.end()) {
    return false;
  }
  return std::all_of(
      rules.conditions.begin(), rules.conditions.end(),
      [&](const MatchCondition& condition) { return Holds(condition, question, header); });
}

const RoutePtr* FindRoute(const RouteTable& table, const RouteQuestion& question, HostMemo* memo,
                          HeaderLookup header) {
  return table.Find(question.listen_port, question.host, question.path, memo,
                    [&](const Route& route) { return Fits(route.matching, question, header); });
}

// The operation that the request is, whose demands hold for it whatever a server makes of the path.
std::optional<RouteRefusal> FindOperation(const RouteVersion& version, absl::string_view method,
                                          absl::string_view path, RouteMatch* match) {
  domain::Operations::Found found = version.operations.Find(method, path);
  if (!found.index.has_value()) {
    const Reason reason =
        found.allowed.empty() ? Reason::kOperationUnknown : Reason::kMethodNotAllowed;
    return RouteRefusal{reason, match->route, "not among the operations",
                        absl::StrJoin(found.allowed, ", ")};
  }
  const bool ambiguous = AnyOtherForm(path, [&](absl::string_view form) {
    return version.operations.Find(method, form).index != found.index;
  });
  if (ambiguous) {
    return RouteRefusal{Reason::kBadRequest, match->route,
                        "decoded, or without parameters, the path is another operation's", ""};
  }
  match->operation = &version.operation_rules[*found.index];
  if (match->operation->open && match->profile.empty()) match->profile = "open";
  return std::nullopt;
}

struct Refuse {
  const RoutePtr& route;
  RouteRefusal operator()(Reason reason, absl::string_view detail = "") const {
    return RouteRefusal{reason, route, std::string(detail), ""};
  }
};

}  // namespace

bool AddressAllowed(const IpRuleSet& rules, absl::string_view text) {
  if (rules.broken) return false;
  if (!rules.allow_only && rules.deny.empty()) return true;
  const auto address = ParseAddressRange(text);
  if (!address.has_value()) return false;
  const auto in = [&](const std::vector<AddressRange>& ranges) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const AddressRange& range) { return Contains(range, *address); });
  };
  return !in(rules.deny) && (!rules.allow_only || in(rules.allow));
}

std::variant<RouteMatch, RouteRefusal> MatchRoute(const RouteTable& table,
                                                  const RouteQuestion& question,
                                                  HeaderLookup header) {
  HostMemo once;
  HostMemo* const memo = question.memo != nullptr ? question.memo : &once;
  const RoutePtr* const found = FindRoute(table, question, memo, header);
  if (found == nullptr) return RouteRefusal{};
  // What an upstream would read as a path of another API must not come by this one.
  const bool ambiguous = AnyOtherForm(question.path, [&](absl::string_view form) {
    RouteQuestion other = question;
    other.path = form;
    return FindRoute(table, other, memo, header) != found;
  });
  if (ambiguous) {
    return RouteRefusal{Reason::kBadRequest, *found,
                        "decoded, or without parameters, the path is another API's", ""};
  }
  RouteMatch match;
  match.route = *found;
  const Route& route = *match.route;
  const Refuse refuse{match.route};
  if (route.broken) return refuse(Reason::kApiUnusable, "the definition cannot be served");
  if (!AddressAllowed(route.ip, question.client_address)) return refuse(Reason::kIpDenied);

  const absl::string_view listen = question.path.substr(0, ListenLength(route, question.path));
  absl::string_view rest = question.path.substr(listen.size());
  std::string storage;  // where what is looked at is no part of the path as it came
  if (rest.empty()) {
    rest = "/";
  } else if (rest[0] != '/') {  // a loose listen path ends inside a segment
    storage = absl::StrCat("/", rest);
    rest = storage;
  }
  const VersionChoice choice = ChooseVersion(route, question, rest, header);
  if (choice.reason != Reason::kAllowed) return refuse(choice.reason, choice.name);
  match.version = choice.version;
  match.version_name = choice.name;
  if (choice.version != nullptr) {
    if (choice.version->expires <= question.now)
      return refuse(Reason::kVersionExpired, choice.name);
    if (choice.version->override_broken) return refuse(Reason::kApiUnusable, "override target");
  }

  // `seen`: what rules look at; the version segment is never part of it.
  const absl::string_view tail = choice.from_url ? WithoutSegment(rest) : rest;
  const absl::string_view forwarded = choice.from_url && route.versioning.strip ? tail : rest;
  std::string whole;
  absl::string_view seen = tail;
  if (!route.strip_listen_path) {
    // Behind a loose listen path no slash is put in: what is routed is what is looked at and
    // forwarded.
    const bool loose = !storage.empty() && !choice.from_url;
    whole = loose ? std::string(question.path) : absl::StrCat(listen, tail);
    seen = whole;
  }
  if (route.strip_listen_path) {
    match.path = std::string(forwarded);
  } else if (choice.from_url && route.versioning.strip) {
    match.path = absl::StrCat(listen, forwarded);
  } else {
    match.path = std::string(question.path);
  }
  match.query = std::string(question.query);
  if (route.versioning.enabled && route.versioning.strip) {
    if (route.versioning.location == VersionRules::Location::kHeader) {
      match.strip_header = route.versioning.key;
    } else if (route.versioning.location == VersionRules::Location::kUrlParam) {
      match.query = WithoutQueryParameter(question.query, route.versioning.key);
    }
  }
  if (choice.version == nullptr) return match;

  const RouteVersion& version = *choice.version;
  if (Blocked(version, question.method, seen) || Blocked(version, question.method, match.path)) {
    return refuse(Reason::kEndpointForbidden, "blocked");
  }
  if (AnyMatches(version.ignored, question.method, seen, Broken::kMatchesNothing)) {
    match.profile = "ignored";
  } else if (!version.allowed.empty() &&
             !AnyMatches(version.allowed, question.method, seen, Broken::kMatchesNothing)) {
    return refuse(Reason::kEndpointForbidden, "not in the allow list");
  }
  if (!version.operations.empty()) {
    if (auto refusal = FindOperation(version, question.method, seen, &match))
      return *std::move(refusal);
  }
  if (!version.endpoints.empty())
    match.changes = ChangesFor(version.endpoints, question.method, seen);
  return match;
}

}  // namespace sallyport::dataplane
