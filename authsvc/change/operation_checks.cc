#include "authsvc/change/operation_checks.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "authsvc/change/invalid.h"
#include "authsvc/change/jwt_checks.h"
#include "shared/domain/path_template.h"

namespace sallyport::authsvc {
namespace {

constexpr int kMostOperations = 2000;

bool IsMethod(absl::string_view method) {
  return !method.empty() && method.size() <= 32 &&
         std::all_of(method.begin(), method.end(), [](char c) {
           return absl::ascii_isupper(static_cast<unsigned char>(c)) || c == '-';
         });
}

absl::Status CheckOneOperation(absl::string_view what, const v1::Api& api,
                               const v1::Operation& operation) {
  for (const std::string& method : operation.methods()) {
    if (!IsMethod(method))
      return Invalid(what, ": method `", method, "` must be in capitals, as GET");
  }
  for (const std::string& scope : operation.scopes()) {
    if (scope.empty() || scope.find(' ') != scope.npos)
      return Invalid(what, ": scope `", scope, "` is empty or has a blank");
  }
  if (!operation.scopes().empty() && operation.open())
    return Invalid(what, ": an open operation asks for no token and can ask for no scope");
  if (!operation.scopes().empty() && !TakesJwts(api))
    return Invalid(what, ": scopes can only be asked of a token: turn one of jwts on");
  const auto& rate = operation.rate();
  if (!std::isfinite(rate.rate()) || !std::isfinite(rate.per_seconds()) || rate.rate() < 0 ||
      rate.per_seconds() < 0)
    return Invalid(what, ": a rate and its period must be finite and not negative");
  if (rate.rate() > 0 && rate.per_seconds() == 0)
    return Invalid(what, ": a rate needs a period: set per_seconds");
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckOperations(absl::string_view what, const v1::Api& api,
                             const v1::ApiVersion& version) {
  if (version.operations_size() > kMostOperations)
    return Invalid(what, ": more than ", kMostOperations, " operations");
  std::set<std::string> seen;  // path and method
  for (const v1::Operation& operation : version.operations()) {
    const std::string place = absl::StrCat(what, ": operation ", operation.path());
    const auto path = domain::PathTemplate::Parse(operation.path());
    if (!path.ok()) return Invalid(what, ": operations: ", path.status().message());
    if (auto status = CheckOneOperation(place, api, operation); !status.ok()) return status;
    std::vector<std::string> methods(operation.methods().begin(), operation.methods().end());
    if (methods.empty()) methods.push_back("*");
    for (const std::string& method : methods) {
      if (!seen.insert(absl::StrCat(path->Shape(), " ", method)).second)
        return Invalid(place, ": method ", method, " of this path is listed twice");
    }
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
