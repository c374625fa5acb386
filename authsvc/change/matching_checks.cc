#include "authsvc/change/matching_checks.h"

#include <vector>

#include "absl/strings/match.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/invalid.h"
#include "shared/domain/host.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::authsvc {
namespace {

constexpr int kMostConditions = 64;

absl::Status CheckCondition(const v1::MatchCondition& condition) {
  const std::string& variable = condition.variable();
  const bool named = variable == "header" || variable == "query" || variable == "cookie";
  if (!named && variable != "path" && variable != "client_address") {
    return Invalid("matching: variable `", variable,
                   "`: must be header, query, cookie, path or client_address");
  }
  if (named == condition.name().empty()) {
    return Invalid("matching: ", variable, named ? " needs a name" : " has no name");
  }
  if (variable == "header" || variable == "cookie") {
    auto status = CheckHeaderName(absl::StrCat("matching: ", variable), condition.name());
    if (!status.ok()) return status;
  }
  if (condition.values().empty()) return Invalid("matching: a condition without values");
  if (condition.operator_() == "in") return absl::OkStatus();
  if (condition.operator_() == "address_in")
    return CheckAddressBlocks("matching", condition.values());
  if (condition.operator_() != "matches") {
    return Invalid("matching: operator `", condition.operator_(),
                   "`: must be in, matches or address_in");
  }
  if (condition.values_size() != 1) return Invalid("matching: matches takes one expression");
  google::protobuf::RepeatedPtrField<v1::PathRule> rules;
  rules.Add()->set_path(condition.values(0));
  return CheckPathRules("matching", rules);
}

constexpr absl::string_view kTieredOrg = "apisix";

absl::Status CheckTier(const v1::Api& api) {
  const uint32_t tier = api.matching().host_tier();
  if (tier == 0) return absl::OkStatus();
  if (tier > 2) return Invalid("matching: host_tier is at most 2");
  // It decides who asks callers for certificates at a name: not for just anybody's API.
  if (api.org_id() != kTieredOrg)
    return Invalid("matching: host_tier is only for APIs of the organisation ", kTieredOrg);
  if (api.hosts().empty()) return Invalid("matching: host_tier needs hosts");
  for (const std::string& host : api.hosts()) {
    const auto pattern = domain::HostPattern::Parse(host);
    if (pattern.ok() && pattern->kind() == domain::HostPattern::Kind::kRegex)
      return Invalid("matching: host_tier cannot be with a regular expression as host");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckMatching(const v1::Api& api) {
  if (!api.has_matching()) return absl::OkStatus();
  const v1::RouteMatching& matching = api.matching();
  if (!api.protocol().empty() && api.protocol() != "http")
    return Invalid("matching is for HTTP alone");
  const std::string& path = matching.path_match();
  if (!path.empty() && path != "exact" && path != "prefix")
    return Invalid("matching: path_match `", path, "`: must be exact or prefix");
  if (!path.empty() && (api.loose_prefix() || api.strip_listen_path()))
    return Invalid("matching: path_match cannot be with loose_prefix or strip_listen_path");
  if (matching.conditions_size() > kMostConditions)
    return Invalid("matching: more than ", kMostConditions, " conditions");
  for (const std::string& method : matching.methods()) {
    if (method.empty()) return Invalid("matching: an empty method");
    if (auto status = CheckHeaderName("matching", method); !status.ok()) return status;
  }
  for (const v1::MatchCondition& condition : matching.conditions()) {
    if (auto status = CheckCondition(condition); !status.ok()) return status;
  }
  return CheckTier(api);
}

absl::Status CheckHostHeader(const v1::Upstream& upstream) {
  if (upstream.host_header().empty()) return absl::OkStatus();
  if (upstream.preserve_host_header())
    return Invalid("host_header cannot be with preserve_host_header");
  if (const auto host = domain::ParseHostPort(upstream.host_header()); !host.ok())
    return Invalid("host_header: ", host.status().message());
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
