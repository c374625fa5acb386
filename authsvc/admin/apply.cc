#include "authsvc/admin/apply.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/admin/apk_stored.h"
#include "authsvc/admin/apply_diff.h"
#include "authsvc/admin/certificate_file.h"
#include "authsvc/admin/oas_versions.h"
#include "authsvc/change/writer.h"
#include "authsvc/dialects/apk/objects.h"
#include "authsvc/dialects/apply.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_operator.h"
#include "shared/base/log.h"

namespace sallyport::authsvc::admin {
namespace {

namespace v1 = sallyport::v1;

constexpr int kApplyTries = 10;

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

// The text of a stored ConfigMap.
absl::StatusOr<std::string> StoredText(const Writer& writer, const std::string& id,
                                       const std::string& key) {
  const SnapshotPtr snapshot = writer.snapshot();
  const ConfigMapEntry* entry = snapshot->FindConfigMap(id);
  if (entry == nullptr) return absl::NotFoundError(absl::StrCat("ConfigMap ", id, " is not there"));
  const auto text = entry->config_map.data().find(key);
  if (text != entry->config_map.data().end()) return text->second;
  return absl::NotFoundError(absl::StrCat("ConfigMap ", id, " has no \"", key, "\""));
}

// APIs whose definition stands in this ConfigMap.
std::vector<v1::Resource> MadeOf(Writer& writer, const dialects::ConvertOptions& options,
                                 const std::string& id) {
  std::vector<v1::Resource> made;
  const SnapshotPtr snapshot = writer.snapshot();
  snapshot->ForEachApi([&](const ApiEntry& entry) {
    if (entry.origin->dialect != dialects::kTykOperator) return true;
    auto resource = writer.ReadResource(Kind::kApi, entry.api.id());
    if (!resource.ok()) return true;
    const auto document = dialects::ReadJson(resource->document());
    // Stored documents say their namespace, or have the default one: `-n` is not theirs.
    if (document.ok() && dialects::ConfigMapOf(*document, options) == id)
      made.push_back(*std::move(resource));
    return true;
  });
  return made;
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
    mutation.private_key_of = std::move(put.put.private_key_of);
    mutation.proxy_password = std::move(put.put.proxy_password);
    mutation.shared_secrets = std::move(put.put.shared_secrets);
    mutation.secret_data = std::move(put.put.secret_data);
  }
  return write;
}

void AddGone(const std::vector<std::string>& apis, Write* write) {
  for (const std::string& id : apis) {
    Mutation& gone = write->mutations.emplace_back();
    gone.op = Mutation::Op::kDelete;
    gone.kind = Kind::kApi;
    gone.id = id;
    gone.missing_ok = gone.force = true;
  }
}

// `options` must stay where it is.
void SetOptions(Writer& writer, const base::Clock& clock, absl::string_view org_id,
                dialects::ConvertOptions* options) {
  options->org_id = std::string(org_id);
  options->now_unix = absl::ToUnixSeconds(clock.Now());
  options->config_map = [&writer](const std::string& id, const std::string& key) {
    return StoredText(writer, id, key);
  };
  options->made_of_config_map = [&writer, options](const std::string& id) {
    return MadeOf(writer, *options, id);
  };
  ReadApkFrom(&writer, options);
}

// Whether the stored API is made of that object of WSO2 APK still, whatever the object says.
bool IsMadeOf(Writer& writer, const v1::DialectObject& object, const std::string& api) {
  const auto stored = writer.ReadResource(Kind::kApi, api);
  if (!stored.ok() || stored->dialect() != dialects::kApk) return false;
  if (stored->api().org_id() != object.org_id()) return false;
  const auto document = dialects::ReadJson(stored->document());
  const dialects::Node* const metadata = document.ok() ? document->Find("metadata") : nullptr;
  if (metadata == nullptr) return false;
  const dialects::KubeName name{std::string(metadata->Text("namespace")),
                                std::string(metadata->Text("name"))};
  return dialects::apk::ObjectId(document->Text("kind"), name) == object.id();
}

// Each once, and none that comes anew.
std::vector<std::string> GoneWith(Writer& writer, const v1::DialectObject& object,
                                  const dialects::ApplyPlan& plan) {
  std::set<std::string> gone(plan.gone_apis.begin(), plan.gone_apis.end());
  for (absl::string_view made : object.resources()) {
    if (!absl::ConsumePrefix(&made, "Api ")) continue;
    std::string api(made);
    if (IsMadeOf(writer, object, api)) gone.insert(std::move(api));
  }
  for (const dialects::PlannedPut& put : plan.puts) {
    if (put.put.resource.has_api()) gone.erase(put.put.resource.id());
  }
  return {gone.begin(), gone.end()};
}

void AuditGone(absl::string_view object, const std::vector<std::string>& apis) {
  for (const std::string& api : apis) {
    base::Audit(base::Level::kInfo, {{"what", "delete"},
                                     {"kind", "Api"},
                                     {"id", api},
                                     {"with", absl::StrCat("DialectObject ", object)}});
  }
}

absl::Status WithoutIt(const std::string& id, const dialects::ApplyPlan& plan) {
  for (const v1::ApplyResult& result : plan.results) {
    if (result.outcome() != "refused") continue;
    return absl::FailedPreconditionError(
        absl::StrCat("without ", id, " what it has a part in could not be made: ", result.message(),
                     "; delete or apply that first, or --force"));
  }
  return absl::FailedPreconditionError(absl::StrCat("without ", id, " nothing can be made"));
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

// Of a dry run: what would differ, in the message of each result that is an update.
void FillDiffs(const Snapshot& before, const std::vector<size_t>& places,
               const std::vector<v1::Resource>& wanted, v1::ApplyResponse* out) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    v1::ApplyResult* result = out->mutable_results(static_cast<int>(places[i]));
    if (result->outcome() != "updated") continue;
    v1::Resource stored;
    const auto kind = ParseKind(result->kind());
    if (kind && before.ToResource(*kind, result->id(), &stored))
      result->set_message(DiffText(stored, wanted[i]));
  }
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

absl::StatusOr<WriteResult> DeleteObject(Writer& writer, const base::Clock& clock,
                                         absl::string_view default_org_id,
                                         const v1::DeleteRequest& request,
                                         const std::vector<std::string>& apk_sandbox_hosts) {
  dialects::ConvertOptions options;
  options.apk_sandbox_hosts = apk_sandbox_hosts;
  const v1::ApplyRequest nothing;
  for (int attempt = 0;; ++attempt) {
    const SnapshotPtr before = writer.snapshot();
    const DialectObjectEntry* const stored = before->FindDialectObject(request.id());
    if (stored == nullptr)
      return absl::NotFoundError(absl::StrCat("DialectObject ", request.id(), " not found"));
    SetOptions(writer, clock,
               stored->object.org_id().empty() ? default_org_id : stored->object.org_id(),
               &options);
    options.gone_object = request.id();
    dialects::ApplyPlan plan = dialects::PlanApply(nothing, options);
    if (plan.refused) return WithoutIt(request.id(), plan);
    const std::vector<std::string> gone = GoneWith(writer, stored->object, plan);
    Write write = MakeWrite(*before, nothing, std::move(plan.puts));
    write.expected_snapshot = before->revision();
    AddGone(gone, &write);
    Mutation& mutation = write.mutations.emplace_back();
    mutation.op = Mutation::Op::kDelete;
    mutation.kind = Kind::kDialectObject;
    mutation.id = request.id();
    mutation.expected_revision = request.expected_revision();
    auto written = writer.Run(std::move(write));
    if (written.ok()) AuditGone(request.id(), gone);
    if (!absl::IsAborted(written.status()) || attempt + 1 >= kApplyTries) return written;
  }
}

absl::StatusOr<v1::ApplyResponse> Apply(Writer& writer, const base::Clock& clock,
                                        absl::string_view who, absl::string_view default_org_id,
                                        const v1::ApplyRequest& request, const OwnFile& own,
                                        const Preview& preview,
                                        const std::vector<std::string>& apk_sandbox_hosts) {
  dialects::ConvertOptions options;
  options.tyk_environment = own.tyk_environment;
  if (own.read_files) options.read_file = ReadCertificateFile;
  options.apk_sandbox_hosts = apk_sandbox_hosts;
  SetOptions(writer, clock, default_org_id, &options);
  absl::Status read;
  options.stored_oas_bases = [&writer, &read] {
    auto bases = StoredOasBases(writer);
    read = bases.status();
    return bases.ok() ? *std::move(bases) : std::vector<dialects::Node>();
  };
  for (int attempt = 0;; ++attempt) {
    const SnapshotPtr before = writer.snapshot();
    options.now_unix = absl::ToUnixSeconds(clock.Now());
    dialects::ApplyPlan plan = dialects::PlanApply(request, options);
    if (!read.ok()) return read;
    v1::ApplyResponse response;
    for (v1::ApplyResult& result : plan.results) *response.add_results() = std::move(result);
    response.set_revision(writer.snapshot()->revision());
    if (!plan.refused) {
      const uint64_t expected = plan.of_what_is_stored ? before->revision() : 0;
      std::vector<size_t> places;
      for (const dialects::PlannedPut& put : plan.puts) places.push_back(put.result);
      Write write = MakeWrite(*before, request, std::move(plan.puts));
      write.expected_snapshot = expected;
      AddGone(plan.gone_apis, &write);
      std::vector<v1::Resource> wanted;
      if (request.dry_run()) {
        for (size_t i = 0; i < places.size(); ++i) wanted.push_back(write.mutations[i].resource);
      }
      const auto written = writer.Run(std::move(write));
      if (absl::IsAborted(written.status()) && attempt + 1 < kApplyTries) continue;
      if (written.ok()) {
        FillResults(*written, places, &response);
        FillDiffs(*before, places, wanted, &response);
        if (preview && written->would_be != nullptr)
          preview(*before, *written->would_be, &response);
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
