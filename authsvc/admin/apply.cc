#include "authsvc/admin/apply.h"

#include "absl/strings/str_cat.h"
#include "authsvc/change/writer.h"
#include "authsvc/dialects/apply.h"
#include "shared/base/log.h"

namespace sallyport::authsvc::admin {
namespace {

namespace v1 = sallyport::v1;

constexpr int kTries = 3;

// A document that says nothing of tokens does not take them away.
void KeepTokens(const Snapshot& snapshot, v1::Resource* resource) {
  if (!resource->has_key() || resource->key().token_sha256_size() != 0) return;
  const KeyEntry* stored = snapshot.FindKey(resource->id());
  if (stored == nullptr) return;
  v1::Key* key = resource->mutable_key();
  *key->mutable_token_sha256() = stored->key.token_sha256();
  key->set_quota_reset_unix(stored->key.quota_reset_unix());
}

// Times of creation are not part of a document: the stored one stays, so that the same document is no change.
void KeepCreation(const Snapshot& snapshot, v1::Resource* resource) {
  if (resource->has_key()) {
    const KeyEntry* stored = snapshot.FindKey(resource->id());
    if (stored != nullptr) resource->mutable_key()->set_created_unix(stored->key.created_unix());
  } else if (resource->has_certificate()) {
    const CertificateEntry* stored = snapshot.FindCertificateById(resource->id());
    if (stored == nullptr) return;
    v1::Certificate* certificate = resource->mutable_certificate();
    certificate->set_created_unix(stored->created_unix);
    if (certificate->name().empty()) certificate->set_name(stored->name);
  }
}

Write MakeWrite(const Snapshot& snapshot, const v1::ApplyRequest& request,
                std::vector<dialects::PlannedPut> puts) {
  Write write;
  write.dry_run = request.dry_run();
  write.strict = request.strict();
  if (request.prune()) write.prune_set = request.set();
  for (dialects::PlannedPut& put : puts) {
    KeepTokens(snapshot, &put.put.resource);
    KeepCreation(snapshot, &put.put.resource);
    Mutation& mutation = write.mutations.emplace_back();
    mutation.kind = ParseKind(dialects::KindOf(put.put.resource)).value_or(Kind::kApi);
    mutation.id = put.put.resource.id();
    mutation.resource = std::move(put.put.resource);
    mutation.private_key = std::move(put.put.private_key);
  }
  return write;
}

void FillResults(const WriteResult& written, const std::vector<size_t>& places, v1::ApplyResponse* out) {
  for (size_t i = 0; i < written.results.size(); ++i) {
    const MutationResult& one = written.results[i];
    v1::ApplyResult* result = i < places.size() ? out->mutable_results(static_cast<int>(places[i]))
                                                : out->add_results();
    result->set_kind(std::string(KindName(one.kind)));
    result->set_id(one.id);
    result->set_outcome(std::string(OutcomeName(one.outcome)));
    for (const std::string& warning : one.warnings) result->add_warnings(warning);
  }
  out->set_revision(written.revision);
}

// A refusal by the writer becomes the result of the object that it is about.
bool FillRefusal(const absl::Status& status, const std::vector<size_t>& places, v1::ApplyResponse* out) {
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

void Audit(absl::string_view who, const v1::ApplyRequest& request, const v1::ApplyResponse& response) {
  if (request.dry_run()) return;
  base::Log(base::Level::kInfo, "audit",
            {{"who", who}, {"what", "apply"}, {"objects", response.results_size()},
             {"outcome", response.applied() ? "done" : "refused"}, {"revision", response.revision()}});
}

}  // namespace

absl::StatusOr<v1::ApplyResponse> Apply(Writer& writer, const base::Clock& clock, absl::string_view who,
                                        absl::string_view default_org_id,
                                        const v1::ApplyRequest& request) {
  dialects::ConvertOptions options;
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
