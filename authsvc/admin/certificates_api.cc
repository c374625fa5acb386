// /tyk/certs (reference tyk.md §2.1; not its defects Q7, Q20, Q22, Q23).
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/admin/certificate_json.h"
#include "authsvc/admin/handlers.h"
#include "authsvc/change/credentials.h"
#include "authsvc/change/writer.h"
#include "authsvc/snapshot/references.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr char kNotFound[] = "Certificate with given SHA256 fingerprint not found";
constexpr size_t kPage = 1000;
constexpr size_t kMostIds = 500;

Response Add(const Call& call) {
  if (!absl::StrContains(call.request.body, "-----BEGIN ")) {
    return ErrorAnswer(403, "Failed to decode certificate. It should be PEM encoded.");
  }
  AddCertificateOptions options;
  options.org_id = call.Org();
  if (const auto name = call.request.Query("name")) options.name = std::string(*name);
  const auto added = AddCertificate(call.writer, call.request.body, options);
  if (!added.ok()) {
    AuditRefused(call, "certificate.add", "", added.status());
    return WriteFailure(added.status(), 403, added.status().message());
  }
  Audit(call, "certificate.add", added->id, added->revision);
  Response response =
      JsonAnswer({{"id", added->id}, {"status", "ok"}, {"message", "Certificate added"}});
  AddWarnings(added->warnings, &response);
  return response;
}

Response List(const Call& call) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  const auto mode = call.request.Query("mode");
  const bool detailed = mode.has_value() && *mode == "detailed";
  const bool one_org = call.request.Query("org_id").has_value();
  const std::string org = call.Org();
  Json certificates = Json::array();
  std::string token;
  do {
    const auto page = snapshot->ListCertificates(one_org ? &org : nullptr, token, kPage);
    for (const CertificateEntry* entry : page.entries) {
      certificates.push_back(detailed ? CertificateBasics(*entry) : Json(entry->id));
    }
    token = page.next;
  } while (!token.empty());
  if (certificates.empty()) certificates = nullptr;
  return JsonAnswer({{"certs", std::move(certificates)}});
}

const CertificateEntry* Find(const Snapshot& snapshot, const Call& call, absl::string_view id) {
  return absl::StartsWith(id, "name:") ? snapshot.FindCertificate(call.Org(), id)
                                       : snapshot.FindCertificateById(id);
}

Response Show(const Call& call) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  const std::vector<std::string> ids = absl::StrSplit(call.rest, ',');
  if (ids.size() == 1) {
    const CertificateEntry* entry = Find(*snapshot, call, ids[0]);
    return entry == nullptr ? ErrorAnswer(404, kNotFound) : JsonAnswer(CertificateMeta(*entry));
  }
  if (ids.size() > kMostIds)
    return ErrorAnswer(400, absl::StrCat("at most ", kMostIds, " ids at once"));
  Json several = Json::array();
  for (const std::string& id : ids) {
    const CertificateEntry* entry = Find(*snapshot, call, id);
    several.push_back(entry == nullptr ? Json(nullptr) : CertificateMeta(*entry));
  }
  return JsonAnswer(several);
}

// Those that stand in the way of a delete: not the keys, which it simply cuts off.
Json Users(const Snapshot& snapshot, const CertificateEntry& entry) {
  Json users = Json::array();
  for (const CertificateUse& use : snapshot.WhoUses(entry.org_id(), entry.id)) {
    if (!IsSystemUse(use.how)) continue;
    users.push_back({{"kind", std::string(KindName(use.kind))}, {"id", use.id}, {"how", use.how}});
  }
  return users;
}

Response Remove(const Call& call) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  const CertificateEntry* entry = Find(*snapshot, call, call.rest);
  if (entry == nullptr) return ErrorAnswer(404, kNotFound);
  Write write;
  Mutation& mutation = write.mutations.emplace_back();
  mutation.op = Mutation::Op::kDelete;
  mutation.kind = Kind::kCertificate;
  mutation.id = entry->id;
  mutation.force = call.Flag("force");
  const auto result = call.writer.Run(std::move(write));
  if (!result.ok()) {
    AuditRefused(call, "certificate.delete", entry->id, result.status());
    if (absl::IsNotFound(result.status())) return ErrorAnswer(404, kNotFound);
    if (!absl::IsFailedPrecondition(result.status())) {
      return WriteFailure(result.status(), 400, result.status().message());
    }
    return JsonAnswer({{"status", "error"},
                       {"message", std::string(result.status().message())},
                       {"users", Users(*call.writer.snapshot(), *entry)}},
                      409);
  }
  Audit(call, "certificate.delete", entry->id, result->revision);
  Json body = {{"status", "ok"}, {"message", "removed"}};
  if (!result->cut_off.empty()) body["cut_off"] = result->cut_off;
  return JsonAnswer(body);
}

}  // namespace

Response HandleCertificates(const Call& call) {
  if (call.rest.empty()) {
    if (call.Is("POST")) return Add(call);
    return call.Is("GET") ? List(call) : MethodNotSupported();
  }
  if (call.Is("GET")) return Show(call);
  return call.Is("DELETE") ? Remove(call) : MethodNotSupported();
}

}  // namespace sallyport::authsvc::admin
