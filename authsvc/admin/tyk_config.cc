#include "authsvc/admin/tyk_config.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/admin/apply.h"
#include "authsvc/admin/certificate_file.h"
#include "authsvc/change/settings_check.h"
#include "authsvc/dialects/apply.h"
#include "authsvc/dialects/tyk_environment.h"
#include "sallyport/v1/admin.pb.h"
#include "shared/base/log.h"

namespace sallyport::authsvc::admin {
namespace {

sallyport::v1::ApplyRequest RequestOf(const std::string& name, std::string text) {
  sallyport::v1::ApplyRequest request;
  auto* document = request.add_documents();
  document->set_name(name);
  document->set_content(std::move(text));
  request.set_as("tyk-gateway");
  request.set_set("tyk-config");
  return request;
}

// Those of a document begin with its name already.
absl::Status Refused(const std::string& name, const std::vector<std::string>& refusals) {
  const std::string prefix = absl::StrCat(name, ":");
  return absl::InvalidArgumentError(
      absl::StrJoin(refusals, "; ", [&prefix](std::string* out, const std::string& text) {
        absl::StrAppend(out, absl::StartsWith(text, prefix) ? "" : absl::StrCat(prefix, " "), text);
      }));
}

}  // namespace

absl::Status TakeTykConfig(Writer& writer, const base::Clock& clock,
                           absl::string_view default_org_id, TykConfig config) {
  const sallyport::v1::ApplyRequest request = RequestOf(config.name, std::move(config.text));
  auto answer = Apply(writer, clock, "tyk_config", default_org_id, request,
                      {dialects::TykVariables(config.environment), true});
  if (!answer.ok()) return answer.status();
  std::vector<std::string> refusals;
  for (const auto& result : answer->results()) {
    base::Log(
        base::Level::kInfo, "tyk_config",
        {{"kind", result.kind()}, {"outcome", result.outcome()}, {"message", result.message()}});
    for (const std::string& warning : result.warnings()) {
      base::Log(base::Level::kWarning, "tyk_config",
                {{"kind", result.kind()}, {"warning", warning}});
    }
    if (!answer->applied() && !result.message().empty()) refusals.push_back(result.message());
  }
  return answer->applied() ? absl::OkStatus() : Refused(config.name, refusals);
}

absl::StatusOr<std::vector<std::string>> CheckTykConfig(absl::Time now,
                                                        absl::string_view default_org_id,
                                                        TykConfig config) {
  dialects::ConvertOptions options;
  options.org_id = std::string(default_org_id);
  options.now_unix = absl::ToUnixSeconds(now);
  options.tyk_environment = dialects::TykVariables(config.environment);
  options.read_file = ReadCertificateFile;
  const dialects::ApplyPlan plan =
      dialects::PlanApply(RequestOf(config.name, std::move(config.text)), options);
  std::vector<std::string> refusals;
  std::vector<std::string> warnings;
  for (const auto& result : plan.results) {
    if (!result.message().empty()) refusals.push_back(result.message());
    warnings.insert(warnings.end(), result.warnings().begin(), result.warnings().end());
  }
  for (const dialects::PlannedPut& put : plan.puts) {
    if (!put.put.resource.has_settings()) continue;
    const absl::Status status = CheckSettingsAlone(put.put.resource.settings(), now);
    if (!status.ok()) refusals.emplace_back(status.message());
  }
  if (!refusals.empty() || plan.refused) return Refused(config.name, refusals);
  return warnings;
}

absl::Status RefuseTykEnvironment(absl::Span<const std::string> environment) {
  const std::vector<std::string> names = dialects::TykVariablesInUse(environment);
  if (names.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(absl::StrJoin(names, ", "), names.size() == 1 ? " is" : " are",
                   " set, but there is no tyk.conf to lay over: give --tyk-config FILE (a file "
                   "with {} will do), or unset ",
                   names.size() == 1 ? "it" : "them"));
}

}  // namespace sallyport::authsvc::admin
