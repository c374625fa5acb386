// Deletes of Tyk OAS APIs that did not come by REST.
#include "authsvc/admin/api_write.h"
#include "authsvc/admin/apply.h"
#include "authsvc/admin/oas_versions.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr int kDeleteTries = 20;  // whatever else is written comes in between

absl::StatusOr<WriteResult> DeleteOnce(const Call& call, const v1::DeleteRequest& request) {
  OasFamily family(call);
  if (!family.status().ok()) return family.status();
  std::optional<dialects::Node> base;
  family.Leave(request.id(), &base);
  WrittenBeside beside;
  if (auto status = family.FillBeside(base, &beside); !status.ok()) return status;
  auto write = MakeDelete(call, request.id(), &beside);
  if (!write.ok()) return write.status();
  for (Mutation& mutation : write->mutations) {
    if (mutation.op != Mutation::Op::kDelete || mutation.kind != Kind::kApi) continue;
    mutation.expected_revision = request.expected_revision();
    mutation.force = request.force();
  }
  return call.writer.Run(*std::move(write));
}

}  // namespace

absl::StatusOr<WriteResult> DeleteOasApi(Writer& writer, const base::Clock& clock,
                                         absl::string_view default_org_id,
                                         const v1::DeleteRequest& request) {
  const admin_http::Request none;
  TykApiOptions options;
  options.default_org_id = std::string(default_org_id);
  const Call call{none, request.id(), "", options, writer, clock};
  for (int left = kDeleteTries;;) {
    auto result = DeleteOnce(call, request);
    const bool moved = absl::IsAborted(result.status()) && request.expected_revision() == 0;
    if (!moved || --left == 0) return result;
  }
}

}  // namespace sallyport::authsvc::admin
