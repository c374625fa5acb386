#include "authsvc/change/endpoint_checks.h"

#include <re2/re2.h>

#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/identity_checks.h"
#include "authsvc/change/invalid.h"
#include "authsvc/change/script_checks.h"
#include "authsvc/change/upstream_checks.h"
#include "shared/header/names.h"
#include "shared/header/rewrite_template.h"

namespace sallyport::authsvc {
namespace {

using header::RewriteTemplate;

// Fields that belong to the connection or to the gateway: a definition cannot set or remove them.
bool IsGatewaysOwn(absl::string_view name, const v1::Api& api) {
  if (IsConnectionsOwn(name)) return true;
  for (const auto& [own, unused] : api.identity_forwarding().headers()) {
    if (header::SameName(name, own)) return true;
  }
  return header::IsIdentityHeader(name, api.identity_header());
}

// Of answers, beside the connection's.
bool IsOfAnswersOwn(absl::string_view name) {
  return IsConnectionsOwn(name) || header::SameName(name, "x-request-id");
}

absl::Status CheckHeaderChange(absl::string_view what, const v1::HeaderChange& change,
                               absl::FunctionRef<bool(absl::string_view)> is_own) {
  std::vector<std::string> names(change.remove().begin(), change.remove().end());
  for (const auto& [name, value] : change.set()) {
    names.push_back(name);
    if (!header::IsFieldValue(value)) {
      return Invalid(what, ": the value of header `", name,
                     "` has control characters or blanks at its ends");
    }
  }
  for (const std::string& name : names) {
    if (!header::IsFieldName(name))
      return Invalid(what, ": `", name, "` is not a valid header name");
    if (is_own(name)) {
      return Invalid(what, ": header `", name,
                     "` is the gateway's own: it cannot be set or removed");
    }
  }
  return absl::OkStatus();
}

// Capturing groups of an expression.
absl::StatusOr<int> GroupsOf(absl::string_view what, const std::string& pattern) {
  if (pattern.empty()) return Invalid(what, ": pattern is missing");
  if (auto status = CheckRegex(what, pattern); !status.ok()) return status;
  return RE2(pattern, RE2::Quiet).NumberOfCapturingGroups();
}

// By the name that templates call it: how many groups it has.
using TriggerGroups = std::map<std::string, int>;

absl::Status CheckTarget(absl::string_view what, const v1::Api& api, const std::string& target,
                         int groups, const TriggerGroups& triggers) {
  const auto text = RewriteTemplate::Parse(target);
  if (!text.ok()) return Invalid(what, ": ", text.status().message());
  if (text->most_capture() > groups) {
    return Invalid(what, ": `", target, "` uses $", text->most_capture(),
                   ", and the pattern captures ", groups);
  }
  for (const RewriteTemplate::Part& part : text->parts()) {
    if (part.source != RewriteTemplate::Source::kTrigger) continue;
    const auto known = triggers.find(part.text);
    if (known == triggers.end())
      return Invalid(what, ": `", target, "`: no condition of this trigger is called ", part.text);
    if (part.group > known->second) {
      return Invalid(what, ": `", target, "`: the condition on ", part.text, " captures ",
                     known->second, " groups");
    }
  }
  if (text->server().empty()) return absl::OkStatus();
  if (auto status = CheckTargetUrl(text->server()); !status.ok()) return status;
  return CheckUpstreamProtocol(api.upstream().protocol(), text->server());
}

absl::Status CheckRewriteCondition(absl::string_view what, const v1::RewriteCondition& condition,
                                   TriggerGroups* triggers) {
  const std::string& source = condition.source();
  if (source != "header" && source != "query" && source != "path_part" && source != "metadata") {
    return Invalid(what, ": condition on `", source,
                   "`: must be header, query, path_part or metadata");
  }
  if (condition.name().empty()) return Invalid(what, ": a condition without name");
  if (source == "header" && !header::IsFieldName(condition.name()))
    return Invalid(what, ": `", condition.name(), "` is not a valid header name");
  const auto groups = GroupsOf(what, condition.pattern());
  if (!groups.ok()) return groups.status();
  if (!condition.reverse()) (*triggers)[condition.name()] = *groups;
  return absl::OkStatus();
}

absl::Status CheckRewrite(const std::string& what, const v1::Api& api, const v1::Rewrite& rewrite) {
  const auto groups = GroupsOf(what, rewrite.pattern());
  if (!groups.ok()) return groups.status();
  for (const v1::RewriteTrigger& trigger : rewrite.triggers()) {
    if (trigger.conditions().empty()) return Invalid(what, ": a trigger without conditions");
    TriggerGroups triggers;
    for (const v1::RewriteCondition& condition : trigger.conditions()) {
      if (auto status = CheckRewriteCondition(what, condition, &triggers); !status.ok())
        return status;
    }
    if (auto status = CheckTarget(what, api, trigger.target(), *groups, triggers); !status.ok())
      return status;
  }
  if (rewrite.target().empty()) {
    return rewrite.triggers().empty() ? Invalid(what, ": a rewrite needs a target or triggers")
                                      : absl::OkStatus();
  }
  return CheckTarget(what, api, rewrite.target(), *groups, {});
}

absl::Status CheckMethod(absl::string_view what, const std::string& method) {
  if (method.empty()) return absl::OkStatus();
  if (auto status = CheckHeaderName(what, method); !status.ok()) return status;
  // Their answers have another form, or the method another meaning, than the caller's.
  for (const absl::string_view other : {"CONNECT", "HEAD", "TRACE"}) {
    if (method == other) return Invalid(what, ": requests cannot be sent as ", method);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRequestHeaders(absl::string_view what, const v1::Api& api,
                                 const v1::HeaderChange& change) {
  return CheckHeaderChange(what, change,
                           [&api](absl::string_view name) { return IsGatewaysOwn(name, api); });
}

absl::Status CheckResponseHeaders(absl::string_view what, const v1::HeaderChange& change) {
  return CheckHeaderChange(what, change, IsOfAnswersOwn);
}

absl::Status CheckEndpoint(absl::string_view what, const v1::Api& api,
                           const v1::Endpoint& endpoint) {
  const std::string place = absl::StrCat(what, ", endpoint ", endpoint.rule().path());
  List<v1::PathRule> rule;
  *rule.Add() = endpoint.rule();
  absl::Status status = CheckPathRules(place, rule);
  if (endpoint.rule().path().empty()) status = Invalid(place, ": the path is missing");
  if (status.ok()) status = CheckRequestHeaders(place, api, endpoint.request_headers());
  if (status.ok()) status = CheckResponseHeaders(place, endpoint.response_headers());
  if (status.ok()) status = CheckMethod(place, endpoint.method());
  if (status.ok() && endpoint.max_body_bytes() < 0)
    status = Invalid(place, ": max_body_bytes is negative");
  if (status.ok() && endpoint.has_rewrite()) status = CheckRewrite(place, api, endpoint.rewrite());
  if (status.ok() && endpoint.has_virtual_endpoint())
    status = CheckVirtualEndpoint(place, endpoint.virtual_endpoint());
  return status;
}

}  // namespace sallyport::authsvc
