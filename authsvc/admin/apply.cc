#include "authsvc/admin/apply.h"

#include "absl/strings/str_cat.h"
#include "authsvc/change/writer.h"
#include "authsvc/dialects/apply.h"
#include "authsvc/dialects/tyk_documents.h"
#include "shared/base/log.h"

namespace sallyport::authsvc::admin {
namespace {

namespace v1 = sallyport::v1;

constexpr int kTries = 3;

// Kept from the stored resource where the document cannot say it. Answers the revision that was
// read, so that a write in between is noticed; 0: nothing was kept. (Tokens and times are kept by
// the writer itself.)
uint64_t KeepStored(const Snapshot& snapshot, v1::Resource* resource) {
  if (resource->has_certificate() && resource->certificate().name().empty()) {
    const CertificateEntry* stored = snapshot.FindCertificateById(resource->id());
    if (stored == nullptr) return 0;
    resource->mutable_certificate()->set_name(stored->name);
    return stored->revision;
  }
  if (resource->has_settings() && resource->dialect() == dialects::kTykGateway) {
    const SettingsEntry& stored = snapshot.settings();
    dialects::KeepWhatTykGatewayLacks(stored.settings, resource->mutable_settings());
    return stored.revision;
  }
  return 0;
}

Write MakeWrite(const Snapshot& snapshot, const v1::ApplyRequest& request,
                std::vector<dialects::PlannedPut> puts) {
  Write write;
  write.dry_run = request.dry_run();
  write.strict = request.strict();
  if (request.prune()) write.prune_set = request.set();
  for (dialects::PlannedPut& put : puts) {
    Mutation& mutation = write.mutations.emplace_back();
    mutation.expected_revision = KeepStored(snapshot, &put.put.resource);
    mutation.kind = ParseKind(dialects::KindOf(put.put.resource)).value_or(Kind::kApi);
    mutation.id = put.put.resource.id();
    mutation.resource = std::move(put.put.resource);
    mutation.private_key = std::move(put.put.private_key);
    mutation.proxy_password = std::move(put.put.proxy_password);
  }
  return write;
}

void FillResults(const WriteResult& written, const std::vector<size_t>& places,
                 v1::ApplyResponse* out) {
  for (size_t i = 0; i < written.results.size(); ++i) {
    const MutationResult& one = written.results[i];
    v1::ApplyResult* result =
        i < places.size() ? out->mutable_results(static_cast<int>(places[i])) : out->add_results();
    result->set_kind(std::string(KindName(one.kind)));
    result->set_id(one.id);
    result->set_outcome(std::string(OutcomeName(one.outcome)));
    for (const std::string& warning : one.warnings) result->add_warnings(warning);
  }
  out->set_revision(written.revision);
}

// A refusal by the writer becomes the result of the object that it is about.
bool FillRefusal(const absl::Status& status, const std::vector<size_t>& places,
                 v1::ApplyResponse* out) {
  const bool about_input = absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status) ||
                           absl::IsFailedPrecondition(status) || absl::IsNotFound(status);
  if (!about_input) return false;
  const std::optional<size_t> failed = FailedMutation(status);
  v1::ApplyResult* result = failed.has_value() && *failed < places.size()
                                ? out->mutable_results(static_cast<int>(places[*failed]))
                                : out->add_results();
  result->set_outcome("refused");
  result->set_message(std::string(status.message()));
  return true;
}

void Audit(absl::string_view who, const v1::ApplyRequest& request,
           const v1::ApplyResponse& response) {
  if (request.dry_run()) return;
  base::Audit(base::Level::kInfo, {{"who", who},
                                   {"what", "apply"},
                                   {"objects", response.results_size()},
                                   {"outcome", response.applied() ? "done" : "refused"},
                                   {"revision", response.revision()}});
}

}  // namespace

absl::StatusOr<v1::ApplyResponse> Apply(Writer& writer, const base::Clock& clock,
                                        absl::string_view who, absl::string_view default_org_id,
                                        const v1::ApplyRequest& request,
                                        std::vector<std::string> tyk_environment) {
  dialects::ConvertOptions options;
  options.tyk_environment = std::move(tyk_environment);
  options.org_id = std::string(default_org_id);
  for (int attempt = 0;; ++attempt) {
    options.now_unix = absl::ToUnixSeconds(clock.Now());
    dialects::ApplyPlan plan = dialects::PlanApply(request, options);
    v1::ApplyResponse response;
    for (v1::ApplyResult& result : plan.results) *response.add_results() = std::move(result);
    response.set_revision(writer.snapshot()->revision());
    if (!plan.refused) {
      std::vector<size_t> places;
      for (const dialects::PlannedPut& put : plan.puts) places.push_back(put.result);
      const auto written = writer.Run(MakeWrite(*writer.snapshot(), request, std::move(plan.puts)));
      if (absl::IsAborted(written.status()) && attempt + 1 < kTries) continue;
      if (written.ok()) {
        FillResults(*written, places, &response);
        response.set_applied(!request.dry_run());
      } else if (!FillRefusal(written.status(), places, &response)) {
        return written.status();
      }
    }
    Audit(who, request, response);
    return response;
  }
}

}  // namespace sallyport::authsvc::admin
