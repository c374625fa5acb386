#include "authsvc/admin/tyk_config.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/admin/apply.h"
#include "authsvc/dialects/tyk_environment.h"
#include "sallyport/v1/admin.pb.h"
#include "shared/base/log.h"

namespace sallyport::authsvc::admin {

absl::Status TakeTykConfig(Writer& writer, const base::Clock& clock, absl::string_view default_org_id,
                           TykConfig config) {
  sallyport::v1::ApplyRequest request;
  auto* document = request.add_documents();
  document->set_name(config.name);
  document->set_content(std::move(config.text));
  request.set_as("tyk-gateway");
  request.set_set("tyk-config");
  auto answer = Apply(writer, clock, "tyk_config", default_org_id, request,
                      dialects::TykVariables(config.environment));
  if (!answer.ok()) return answer.status();
  std::vector<std::string> refusals;
  for (const auto& result : answer->results()) {
    base::Log(base::Level::kInfo, "tyk_config",
              {{"kind", result.kind()}, {"outcome", result.outcome()}, {"message", result.message()}});
    for (const std::string& warning : result.warnings()) {
      base::Log(base::Level::kWarning, "tyk_config", {{"kind", result.kind()}, {"warning", warning}});
    }
    if (!answer->applied() && !result.message().empty()) refusals.push_back(result.message());
  }
  if (answer->applied()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(config.name, ": ", absl::StrJoin(refusals, "; ")));
}

absl::Status RefuseTykEnvironment(absl::Span<const std::string> environment) {
  const std::vector<std::string> names = dialects::TykVariablesInUse(environment);
  if (names.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(absl::StrJoin(names, ", "), names.size() == 1 ? " is" : " are",
                   " set, but there is no tyk.conf to lay over: give --tyk-config FILE (a file with {} will do), or unset ",
                   names.size() == 1 ? "it" : "them"));
}

}  // namespace sallyport::authsvc::admin
