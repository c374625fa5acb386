// v1::ApiVersion and what of it holds for some paths.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dataplane/sync/grpc/convert_parts.h"
#include "re2/re2.h"
#include "sallyport/v1/distribution.pb.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/domain/path_template.h"

namespace sallyport::dataplane {
namespace {

template <typename Rules>
std::vector<CompiledPathRule> PathRulesFrom(const Rules& wire) {
  std::vector<CompiledPathRule> rules;
  for (const v1::PathRule& rule : wire) {
    rules.push_back(CompilePathRule(rule.path(), List(rule.methods()), rule.ignore_case()));
  }
  return rules;
}

HeaderChanges HeaderChangesFrom(const v1::HeaderChange& wire) {
  HeaderChanges changes;
  for (const auto& [name, value] : wire.set()) changes.set.emplace_back(name, value);
  changes.remove = List(wire.remove());
  return changes;
}

// False: an expression that does not compile.
bool PatternFrom(const std::string& wire, std::shared_ptr<const re2::RE2>* pattern) {
  *pattern = CompilePathRule(wire, {}, false).regex;
  return *pattern != nullptr;
}

bool RewriteConditionFrom(const v1::RewriteCondition& wire, RewriteCondition* condition) {
  using Source = RewriteCondition::Source;
  condition->name = wire.name();
  condition->reverse = wire.reverse();
  if (wire.source() == "header") {
    condition->source = Source::kHeader;
  } else if (wire.source() == "query") {
    condition->source = Source::kQuery;
  } else if (wire.source() == "path_part") {
    condition->source = Source::kPathPart;
  } else if (wire.source() == "metadata") {
    condition->source = Source::kMetadata;
  } else {
    return false;
  }
  return PatternFrom(wire.pattern(), &condition->pattern);
}

bool RewriteTargetFrom(const std::string& wire, RewriteTarget* target) {
  auto text = header::RewriteTemplate::Parse(wire);
  if (!text.ok()) return false;
  target->text = *std::move(text);
  if (target->text.server().empty()) return true;
  target->server = ParseTarget(target->text.server());
  return target->server.has_value() && target->server->scheme[0] == 'h';
}

bool TriggerFrom(const v1::RewriteTrigger& wire, RewriteTrigger* trigger) {
  trigger->any = wire.any();
  for (const v1::RewriteCondition& from : wire.conditions()) {
    if (!RewriteConditionFrom(from, &trigger->conditions.emplace_back())) return false;
  }
  return !trigger->conditions.empty() && RewriteTargetFrom(wire.target(), &trigger->target);
}

bool RewriteFrom(const v1::Rewrite& wire, RewriteRule* rule) {
  for (const v1::RewriteTrigger& from : wire.triggers()) {
    if (!TriggerFrom(from, &rule->triggers.emplace_back())) return false;
  }
  if (!wire.target().empty() && !RewriteTargetFrom(wire.target(), &rule->target.emplace()))
    return false;
  return PatternFrom(wire.pattern(), &rule->pattern);
}

constexpr uint32_t kScriptMillis = 5'000;
constexpr uint32_t kScriptKib = 16'384;

VirtualEndpoint VirtualEndpointFrom(const v1::VirtualEndpoint& wire) {
  VirtualEndpoint endpoint;
  endpoint.function = wire.function();
  endpoint.source = wire.source();
  endpoint.use_session = wire.use_session();
  endpoint.proxy_on_error = wire.proxy_on_error();
  endpoint.timeout = absl::Milliseconds(wire.timeout_ms() == 0 ? kScriptMillis : wire.timeout_ms());
  endpoint.memory_kib = wire.memory_kib() == 0 ? kScriptKib : wire.memory_kib();
  return endpoint;
}

// False: something that cannot be followed.
bool EndpointFrom(const v1::Endpoint& wire, Endpoint* endpoint) {
  const v1::PathRule& rule = wire.rule();
  endpoint->rule = CompilePathRule(rule.path(), List(rule.methods()), rule.ignore_case());
  endpoint->request_headers = HeaderChangesFrom(wire.request_headers());
  endpoint->answer_headers = HeaderChangesFrom(wire.response_headers());
  endpoint->method = wire.method();
  endpoint->max_body_bytes = wire.max_body_bytes();
  endpoint->timeout = absl::Milliseconds(wire.timeout_ms());
  if (wire.has_virtual_endpoint())
    endpoint->virtual_endpoint = VirtualEndpointFrom(wire.virtual_endpoint());
  if (endpoint->rule.regex == nullptr) return false;
  return !wire.has_rewrite() || RewriteFrom(wire.rewrite(), &endpoint->rewrite.emplace());
}

bool OperationsFrom(const v1::ApiVersion& wire, RouteVersion* version) {
  for (const v1::Operation& from : wire.operations()) {
    auto path = domain::PathTemplate::Parse(from.path());
    if (!path.ok()) return false;
    RouteOperation& operation = version->operation_rules.emplace_back();
    operation.open = from.open();
    operation.scopes = List(from.scopes());
    operation.rate = {from.rate().rate(), absl::Seconds(from.rate().per_seconds())};
    operation.bucket =
        absl::StrCat(version->name, " ", path->Shape(), " ", absl::StrJoin(from.methods(), ","));
    version->operations.Add(*std::move(path), List(from.methods()));
  }
  return true;
}

bool VersionFrom(const v1::ApiVersion& wire, RouteVersion* version) {
  version->name = wire.name();
  if (wire.expires_unix() != 0) version->expires = absl::FromUnixSeconds(wire.expires_unix());
  if (!wire.override_target().empty()) {
    version->override_target = ParseTarget(wire.override_target());
    version->override_broken = !version->override_target.has_value();
  }
  version->ignored = PathRulesFrom(wire.ignored());
  version->allowed = PathRulesFrom(wire.allowed());
  version->blocked = PathRulesFrom(wire.blocked());
  version->request_headers = HeaderChangesFrom(wire.request_headers());
  version->answer_headers = HeaderChangesFrom(wire.response_headers());
  version->max_body_bytes = wire.max_body_bytes();
  for (const v1::Endpoint& from : wire.endpoints()) {
    if (!EndpointFrom(from, &version->endpoints.emplace_back())) return false;
  }
  return OperationsFrom(wire, version);
}

// False: a place that this build does not know.
bool VersionRulesFrom(const v1::Versioning& wire, VersionRules* rules) {
  rules->enabled = wire.enabled();
  rules->strip = wire.strip();
  rules->default_version = wire.default_version();
  rules->fallback_to_default = wire.fallback_to_default();
  rules->key = wire.key();
  if (wire.location() == "header" || wire.location().empty()) {
    rules->location = VersionRules::Location::kHeader;
    rules->key = absl::AsciiStrToLower(wire.key().empty() ? "x-api-version" : wire.key());
  } else if (wire.location() == "url") {
    rules->location = VersionRules::Location::kUrl;
  } else if (wire.location() == "url-param") {
    rules->location = VersionRules::Location::kUrlParam;
  } else {
    return !wire.enabled();
  }
  return true;
}

}  // namespace

bool VersionsFrom(const v1::Route& wire, Route* route) {
  bool followed = VersionRulesFrom(wire.versioning(), &route->versioning);
  for (const v1::ApiVersion& version : wire.versions())
    followed = VersionFrom(version, &route->versions.emplace_back()) && followed;
  return followed;
}

}  // namespace sallyport::dataplane
