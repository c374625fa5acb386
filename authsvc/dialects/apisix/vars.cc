#include "authsvc/dialects/apisix/vars.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "re2/re2.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

constexpr absl::string_view kMethods[] = {"GET",  "POST",    "PUT",     "DELETE", "PATCH",
                                          "HEAD", "OPTIONS", "CONNECT", "TRACE",  "PURGE"};

absl::Status Variable(const std::string& name, v1::MatchCondition* condition) {
  if (name == "uri") {
    condition->set_variable("path");
  } else if (name == "remote_addr") {
    condition->set_variable("client_address");
  } else if (absl::StartsWith(name, "arg_")) {
    condition->set_variable("query");
    condition->set_name(std::string(absl::StripPrefix(name, "arg_")));
  } else if (absl::StartsWith(name, "http_")) {
    condition->set_variable("header");
    std::string header(absl::StripPrefix(name, "http_"));
    std::replace(header.begin(), header.end(), '_', '-');
    condition->set_name(header);
  } else if (absl::StartsWith(name, "cookie_")) {
    condition->set_variable("cookie");
    condition->set_name(std::string(absl::StripPrefix(name, "cookie_")));
  } else {
    return Wrong(absl::StrCat("vars: ", name,
                              " is refused: arg_*, http_*, cookie_*, uri, "
                              "request_method and remote_addr exist"));
  }
  return absl::OkStatus();
}

absl::Status Values(const Json& value, v1::MatchCondition* condition) {
  if (value.is_array()) {
    for (const Json& item : value) {
      if (auto status = Values(item, condition); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  if (value.is_string())
    condition->add_values(value.get<std::string>());
  else if (value.is_number_integer())
    condition->add_values(absl::StrCat(value.get<int64_t>()));
  else
    return Wrong("vars: values are strings or integers");
  return absl::OkStatus();
}

absl::Status Operator(const std::string& op, const Json& value, v1::MatchCondition* condition) {
  const bool list = op == "in" || op == "ipmatch";
  if (list != value.is_array())
    return Wrong(absl::StrCat("vars: ", op, " takes ", list ? "a list" : "one value"));
  if (auto status = Values(value, condition); !status.ok()) return status;
  if (condition->values().empty()) return Wrong("vars: an empty list");
  condition->set_operator_("in");
  if (op == "==" || op == "in") return absl::OkStatus();
  if (op == "~=") {
    condition->set_negate(!condition->negate());
  } else if (op == "~~" || op == "~*") {
    condition->set_operator_("matches");
    condition->set_ignore_case(op == "~*");
    const RE2 regex(condition->values(0), RE2::Quiet);
    if (!regex.ok())
      return Wrong(absl::StrCat("vars: ", condition->values(0),
                                " is not an RE2 expression: ", regex.error()));
  } else if (op == "ipmatch") {
    condition->set_operator_("address_in");
  } else {
    return Wrong(absl::StrCat("vars: operator ", op,
                              " is refused: ==, ~=, ~~, ~*, in, ipmatch and ! exist"));
  }
  return absl::OkStatus();
}

absl::Status Var(const Json& item, v1::RouteMatching* out) {
  const bool negated = item.is_array() && item.size() == 4 && item[1] == "!";
  if (!item.is_array() || item.size() != (negated ? 4U : 3U) || !item[0].is_string() ||
      !item[item.size() - 2].is_string()) {
    return Wrong(
        "vars: each is [name, operator, value] or [name, \"!\", operator, value]; AND, OR "
        "and others are refused");
  }
  v1::MatchCondition condition;
  condition.set_negate(negated);
  const std::string name = item[0].get<std::string>();
  if (name != "request_method") {
    if (auto status = Variable(name, &condition); !status.ok()) return status;
  }
  auto status =
      Operator(item[item.size() - 2].get<std::string>(), item[item.size() - 1], &condition);
  if (!status.ok()) return status;
  if (condition.operator_() == "address_in" && condition.variable() != "client_address")
    return Wrong("vars: ipmatch is for remote_addr");
  if (name == "request_method") {
    if (condition.operator_() != "in" || condition.negate() || !out->methods().empty())
      return Wrong("vars: request_method is refused here: use methods");
    *out->mutable_methods() = condition.values();
    return absl::OkStatus();
  }
  *out->add_conditions() = std::move(condition);
  return absl::OkStatus();
}

absl::Status Addresses(const Json& route, v1::RouteMatching* out) {
  std::vector<std::string> addresses;
  if (auto status = Texts(route, "remote_addrs", &addresses); !status.ok()) return status;
  if (Get(route, "remote_addr") != nullptr) {
    if (!addresses.empty()) return Wrong("only one of remote_addr or remote_addrs is allowed");
    addresses.push_back(Text(route, "remote_addr"));
  }
  if (addresses.empty()) return absl::OkStatus();
  v1::MatchCondition* const condition = out->add_conditions();
  condition->set_variable("client_address");
  condition->set_operator_("address_in");
  for (std::string& one : addresses) condition->add_values(std::move(one));
  return absl::OkStatus();
}

}  // namespace

absl::Status ConvertConditions(const Json& route, v1::RouteMatching* out) {
  std::vector<std::string> methods;
  if (auto status = Texts(route, "methods", &methods); !status.ok()) return status;
  for (const std::string& method : methods) {
    if (std::find(std::begin(kMethods), std::end(kMethods), method) == std::end(kMethods))
      return Wrong(absl::StrCat("property \"methods\" validation failed: ", method,
                                " matches none of the enum values"));
    out->add_methods(method);
  }
  const int64_t priority = Integer(route, "priority", 0);
  if (priority < INT32_MIN || priority > INT32_MAX) return Wrong("priority is out of range");
  out->set_priority(static_cast<int32_t>(priority));
  if (const Json* const vars = Get(route, "vars"); vars != nullptr) {
    for (const Json& item : *vars) {
      if (auto status = Var(item, out); !status.ok()) return status;
    }
  }
  return Addresses(route, out);
}

}  // namespace sallyport::authsvc::dialects::apisix
