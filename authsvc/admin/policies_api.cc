// /tyk/policies (reference tyk.md §2.3). Live at once, no reload needed.
#include "authsvc/admin/documents.h"
#include "authsvc/admin/handlers.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/tyk_documents.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr size_t kPage = 1000;

Response Store(const Call& call, bool update) {
  const auto document = dialects::ReadJson(call.request.body);
  if (!document.ok() || !document->IsObject()) return ErrorAnswer(400, "Request malformed");
  dialects::Conversion conversion = dialects::ConvertTykPolicy(*document, OptionsFor(call));
  if (!conversion.ok()) return ErrorAnswer(400, conversion.status().message());
  v1::Resource& resource = conversion.resources.back().resource;
  if (update && resource.id() != call.rest) {
    return ErrorAnswer(
        400, "Request ID does not match that in policy! For Update operations these must match.");
  }
  if (resource.id().empty()) return ErrorAnswer(400, "Unable to create policy without id.");
  const std::string id = resource.id();
  Write write;
  write.mutations.emplace_back().resource = std::move(resource);
  const auto result = call.writer.Run(std::move(write));
  if (!result.ok()) {
    AuditRefused(call, "policy.put", id, result.status());
    return WriteFailure(result.status(), 400, result.status().message());
  }
  Audit(call, "policy.put", id, result->revision);
  Response response = KeyAnswer(id, update ? "modified" : "added");
  AddWarnings(WarningTexts(conversion), &response);
  AddWarnings(result->AllWarnings(), &response);
  return response;
}

Response Show(const Call& call) {
  const auto resource = call.writer.ReadResource(Kind::kPolicy, call.rest);
  if (absl::IsNotFound(resource.status())) return ErrorAnswer(404, "Policy not found");
  if (!resource.ok()) return WriteFailure(resource.status(), 500, resource.status().message());
  return TextAnswer(dialects::TykPolicyJson(*resource));
}

Response List(const Call& call) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  std::vector<std::string> ids;
  std::string token;
  do {
    const auto page = snapshot->ListPolicies(nullptr, token, kPage);
    for (const PolicyEntry* entry : page.entries) ids.push_back(entry->policy.id());
    token = page.next;
  } while (!token.empty());
  return DocumentList(call, Kind::kPolicy, ids, [](const v1::Resource& resource) {
    return dialects::TykPolicyJson(resource);
  });
}

Response Remove(const Call& call) {
  Write write;
  Mutation& mutation = write.mutations.emplace_back();
  mutation.op = Mutation::Op::kDelete;
  mutation.kind = Kind::kPolicy;
  mutation.id = call.rest;
  mutation.force = call.Flag("force");
  const auto result = call.writer.Run(std::move(write));
  if (!result.ok()) {
    AuditRefused(call, "policy.delete", call.rest, result.status());
    if (absl::IsNotFound(result.status())) return ErrorAnswer(500, "Delete failed");
    return WriteFailure(result.status(), absl::IsFailedPrecondition(result.status()) ? 409 : 400,
                        result.status().message());
  }
  Audit(call, "policy.delete", call.rest, result->revision);
  Response response = KeyAnswer(call.rest, "deleted");
  AddWarnings(result->AllWarnings(), &response);
  return response;
}

}  // namespace

Response HandlePolicies(const Call& call) {
  if (call.rest.empty()) {
    if (call.Is("POST")) return Store(call, false);
    return call.Is("GET") ? List(call) : MethodNotSupported();
  }
  if (call.Is("GET")) return Show(call);
  if (call.Is("PUT")) return Store(call, true);
  if (call.Is("POST")) return Store(call, true);
  return call.Is("DELETE") ? Remove(call) : MethodNotSupported();
}

}  // namespace sallyport::authsvc::admin
