#include "authsvc/rpc/admin_writes.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/admin/apply.h"
#include "authsvc/dialects/conversion.h"
#include "authsvc/rpc/admin_reads.h"
#include "authsvc/snapshot/snapshot.h"
#include "shared/base/clock.h"

namespace sallyport::authsvc {

namespace wire = ::sallyport::v1;

namespace {

constexpr int kTries = 4;  // a write that came in between

absl::Status CheckBody(const wire::Resource& resource) {
  if (resource.body_case() == wire::Resource::BODY_NOT_SET) {
    return absl::InvalidArgumentError("the resource has no body");
  }
  if (resource.has_certificate() && resource.certificate().has_private_key()) {
    return absl::InvalidArgumentError(
        "private keys are added by AddCertificate, together with their certificate");
  }
  if (resource.api().upstream().forward_proxy().has_sealed_password()) {
    return absl::InvalidArgumentError(
        "sealed_password is made by the store: the password is given by Apply, in the document");
  }
  if (resource.key().basic_login().has_sealed_hash() ||
      resource.api().upstream().credential().has_sealed_value()) {
    return absl::InvalidArgumentError(
        "sealed values are made by the store: what they seal is given by Apply, in the document");
  }
  for (const wire::EventHandler& handler : resource.api().event_handlers()) {
    if (!handler.sealed_headers().empty())
      return absl::InvalidArgumentError(
          "sealed_headers are made by the store: their values are given as headers");
  }
  if (!resource.token_issuer().shared_secrets().empty()) {
    return absl::InvalidArgumentError(
        "shared_secrets are sealed by the store: they are given by Apply, in the document");
  }
  if (!resource.secret().sealed_data().empty()) {
    return absl::InvalidArgumentError(
        "sealed_data is made by the store: a Secret is given by Apply, as a document");
  }
  return absl::OkStatus();
}

// The hash of a token is never shown, so whoever changes a key cannot send it back.
bool KeepTokens(const Snapshot& snapshot, Mutation* mutation) {
  if (!mutation->resource.has_key() || mutation->resource.key().token_sha256_size() > 0)
    return false;
  const KeyEntry* stored = snapshot.FindKey(mutation->resource.key().id());
  if (stored == nullptr) return false;
  *mutation->resource.mutable_key()->mutable_token_sha256() = stored->key.token_sha256();
  if (mutation->expected_revision == 0) mutation->expected_revision = stored->revision;
  return true;
}

absl::StatusOr<WriteResult> PutOnce(const ServiceParts& parts, const wire::PutRequest& request,
                                    bool* merged) {
  Mutation mutation;
  mutation.resource = request.resource();
  if (mutation.resource.dialect().empty()) mutation.resource.set_dialect("native");
  mutation.must_create = request.must_create();
  mutation.expected_revision = request.expected_revision();
  *merged = KeepTokens(*parts.writer->snapshot(), &mutation) && request.expected_revision() == 0;
  Write write;
  write.strict = request.strict();
  write.mutations.push_back(std::move(mutation));
  return parts.writer->Run(std::move(write));
}

// Objects of APISIX mean something together: its Admin API knows what goes with one, and what it is
// still needed for.
absl::Status MayGoByHand(absl::string_view id) {
  if (!absl::ConsumePrefix(&id, "apisix/")) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "an object of APISIX goes by its Admin API, with what was made of it: DELETE /apisix/admin/",
      id, " (--force takes out the object alone: its API stays)"));
}

bool IsTykOas(const Snapshot& snapshot, const std::string& api_id) {
  const ApiEntry* const api = snapshot.FindApi(api_id);
  return api != nullptr && api->origin->dialect == dialects::kTykOas;
}

absl::Status FillDeleted(absl::StatusOr<WriteResult> result, wire::DeleteResponse* response) {
  if (!result.ok()) return result.status();
  response->set_revision(result->revision);
  for (std::string& who : result->cut_off) response->add_cut_off(std::move(who));
  return absl::OkStatus();
}

}  // namespace

absl::Status PutResource(const ServiceParts& parts, const wire::PutRequest& request,
                         wire::PutResponse* response) {
  absl::Status status = CheckBody(request.resource());
  if (!status.ok()) return status;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    bool merged = false;
    auto result = PutOnce(parts, request, &merged);
    status = result.status();
    if (merged && absl::IsAborted(status)) continue;
    if (!result.ok()) return status;
    response->set_revision(result->revision);
    for (std::string& warning : result->AllWarnings()) response->add_warnings(std::move(warning));
    return absl::OkStatus();
  }
  return status;
}

absl::Status DeleteResource(const ServiceParts& parts, const wire::DeleteRequest& request,
                            wire::DeleteResponse* response) {
  const auto kind = ParseKind(request.kind());
  if (!kind.has_value())
    return absl::InvalidArgumentError(absl::StrCat("no kind '", request.kind(), "'"));
  if (*kind == Kind::kDialectObject && !request.force()) {
    if (auto status = MayGoByHand(request.id()); !status.ok()) return status;
    return FillDeleted(admin::DeleteObject(*parts.writer, *parts.clock, parts.default_org_id,
                                           request, parts.apk_sandbox_hosts),
                       response);
  }
  if (*kind == Kind::kApi && IsTykOas(*parts.writer->snapshot(), request.id())) {
    return FillDeleted(
        admin::DeleteOasApi(*parts.writer, *parts.clock, parts.default_org_id, request), response);
  }
  Mutation mutation;
  mutation.op = Mutation::Op::kDelete;
  mutation.kind = *kind;
  mutation.id = request.id();
  mutation.expected_revision = request.expected_revision();
  mutation.force = request.force();
  Write write;
  write.mutations.push_back(std::move(mutation));
  return FillDeleted(parts.writer->Run(std::move(write)), response);
}

absl::Status AddCertificateTo(const ServiceParts& parts, const wire::AddCertificateRequest& request,
                              wire::AddCertificateResponse* response) {
  AddCertificateOptions options;
  options.org_id = request.org_id().empty() ? parts.default_org_id : request.org_id();
  options.name = request.name();
  options.if_exists_ok = true;
  auto added = AddCertificate(*parts.writer, request.content(), options);
  if (!added.ok()) return added.status();
  response->set_id(added->id);
  response->set_existed(added->existed);
  response->set_revision(added->revision);
  for (std::string& warning : added->warnings) response->add_warnings(std::move(warning));
  return absl::OkStatus();
}

absl::Status CreateKeyIn(const ServiceParts& parts, const wire::CreateKeyRequest& request,
                         wire::CreateKeyResponse* response) {
  if (request.key().token_sha256_size() > 0) {
    return absl::InvalidArgumentError("tokens are made here: ask for one by with_token");
  }
  wire::Key key = request.key();
  if (key.org_id().empty()) key.set_org_id(parts.default_org_id);
  CreateKeyOptions options;
  options.with_token = request.with_token();
  options.certificate = request.certificate();
  auto made = CreateKey(*parts.writer, std::move(key), options, parts.clock->Now());
  if (made.ok()) FillKey(std::move(*made), response);
  return made.status();
}

void FillKey(CreatedKey made, wire::CreateKeyResponse* response) {
  response->set_id(std::move(made.id));
  response->set_token(std::move(made.token));
  response->set_revision(made.revision);
  for (std::string& warning : made.warnings) response->add_warnings(std::move(warning));
}

}  // namespace sallyport::authsvc
