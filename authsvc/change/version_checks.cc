#include "authsvc/change/version_checks.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "authsvc/change/endpoint_checks.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/invalid.h"
#include "authsvc/change/operation_checks.h"
#include "authsvc/change/upstream_checks.h"

namespace sallyport::authsvc {

absl::Status CheckVersions(const v1::Api& api) {
  std::set<std::string> names;
  for (const auto& version : api.versions()) {
    if (!names.insert(version.name()).second) return Invalid("version ", version.name(), " twice");
    if (api.versioning().enabled() && version.name().empty())
      return Invalid("a version without name");
    const std::string what = absl::StrCat("version ", version.name());
    for (const auto* rules : {&version.ignored(), &version.allowed(), &version.blocked()}) {
      if (auto status = CheckPathRules(what, *rules); !status.ok()) return status;
    }
    if (!version.override_target().empty()) {
      if (auto status = CheckTargetUrl(version.override_target()); !status.ok()) return status;
      if (auto status = CheckUpstreamProtocol(api.upstream().protocol(), version.override_target());
          !status.ok()) {
        return status;
      }
    }
    if (auto status = CheckRequestHeaders(what, api, version.request_headers()); !status.ok())
      return status;
    if (auto status = CheckResponseHeaders(what, version.response_headers()); !status.ok())
      return status;
    for (const v1::Endpoint& endpoint : version.endpoints()) {
      if (auto status = CheckEndpoint(what, api, endpoint); !status.ok()) return status;
    }
    if (auto status = CheckOperations(what, api, version); !status.ok()) return status;
    if (version.max_body_bytes() < 0) return Invalid(what, ": max_body_bytes is negative");
  }
  if (!api.versioning().enabled()) {
    return api.versions_size() <= 1 ? absl::OkStatus()
                                    : Invalid("several versions and versioning is off");
  }
  if (api.versions().empty()) return Invalid("versioning is on and there is no version");
  const std::string& location = api.versioning().location();
  if (location != "header" && location != "url" && location != "url-param") {
    return Invalid("versioning location `", location, "`: must be header, url or url-param");
  }
  const std::string& fallback = api.versioning().default_version();
  if (!fallback.empty() && names.count(fallback) == 0) {
    return Invalid("default version ", fallback, " is not among the versions");
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
