// What a request must have to be a route's, as a value.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "dataplane/sync/grpc/convert_parts.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::dataplane {
namespace {

// False: one that this build does not know, or that cannot be read.
bool ConditionFrom(const v1::MatchCondition& wire, MatchCondition* condition) {
  static constexpr std::pair<absl::string_view, MatchCondition::Variable> kVariables[] = {
      {"header", MatchCondition::Variable::kHeader},
      {"query", MatchCondition::Variable::kQuery},
      {"cookie", MatchCondition::Variable::kCookie},
      {"path", MatchCondition::Variable::kPath},
      {"client_address", MatchCondition::Variable::kClientAddress}};
  const auto* const variable =
      std::find_if(std::begin(kVariables), std::end(kVariables),
                   [&](const auto& one) { return one.first == wire.variable(); });
  if (variable == std::end(kVariables) || wire.values().empty()) return false;
  condition->variable = variable->second;
  condition->name = wire.name();
  if (condition->variable == MatchCondition::Variable::kHeader)
    absl::AsciiStrToLower(&condition->name);
  condition->values = List(wire.values());
  condition->negate = wire.negate();
  if (wire.operator_() == "in") return true;
  if (wire.operator_() == "matches") {
    condition->op = MatchCondition::Operator::kMatches;
    condition->regex = CompilePathRule(wire.values(0), {}, wire.ignore_case()).regex;
    return condition->regex != nullptr && wire.values_size() == 1;
  }
  if (wire.operator_() != "address_in") return false;
  condition->op = MatchCondition::Operator::kAddressIn;
  auto ranges = std::make_shared<std::vector<AddressRange>>();
  for (const std::string& text : wire.values()) {
    const auto range = ParseAddressRange(text);
    if (!range.has_value()) return false;
    ranges->push_back(*range);
  }
  condition->ranges = std::move(ranges);
  return true;
}

}  // namespace

bool MatchingFrom(const v1::RouteMatching& wire, MatchRules* rules) {
  rules->methods = List(wire.methods());
  for (std::string& method : rules->methods) absl::AsciiStrToUpper(&method);
  rules->priority = wire.priority();
  rules->host_tier = static_cast<uint8_t>(std::min<uint32_t>(wire.host_tier(), 2));
  bool known = wire.host_tier() <= 2;
  for (const v1::MatchCondition& from : wire.conditions()) {
    MatchCondition condition;
    // What cannot be read must not let requests pass to another route: it is left out, and the
    // route, which then takes more, serves none of them.
    if (ConditionFrom(from, &condition))
      rules->conditions.push_back(std::move(condition));
    else
      known = false;
  }
  if (wire.path_match() == "exact")
    rules->path = MatchRules::Path::kExact;
  else if (wire.path_match() == "prefix")
    rules->path = MatchRules::Path::kPrefix;
  else if (!wire.path_match().empty())
    known = false;
  return known;
}

}  // namespace sallyport::dataplane
