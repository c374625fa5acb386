#include "authsvc/admin/api_write.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "authsvc/admin/documents.h"
#include "authsvc/dialects/tyk_documents.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr char kNoApi[] = "API not found";

// The issuer that the API came with goes, unless `write` puts it again.
void ForgetIssuer(const Call& call, const std::string& api_id, Write* write) {
  const std::string id = dialects::TykJwtIssuer(api_id);
  if (call.writer.snapshot()->FindTokenIssuer(id) == nullptr) return;
  for (const Mutation& mutation : write->mutations) {
    if (mutation.resource.has_token_issuer() && mutation.resource.token_issuer().id() == id) return;
  }
  Mutation& mutation = write->mutations.emplace_back();
  mutation.op = Mutation::Op::kDelete;
  mutation.kind = Kind::kTokenIssuer;
  mutation.id = id;
}

void AddApi(const Call& call, dialects::Conversion* conversion, bool update, Write* write) {
  for (Mutation& one : TakeInlineCertificates(*call.writer.snapshot(), conversion))
    write->mutations.push_back(std::move(one));
  Mutation& mutation = write->mutations.emplace_back();
  mutation.resource = std::move(conversion->resources.back().resource);
  mutation.proxy_password = std::move(conversion->resources.back().proxy_password);
  mutation.secret_data = std::move(conversion->resources.back().secret_data);
  mutation.must_exist = update;
}

absl::Status AddBeside(const Call& call, WrittenBeside* beside, Write* write) {
  for (dialects::Conversion& one : beside->apis) {
    if (!one.ok() || one.resources.empty()) {
      const std::string id = one.resources.empty() ? "" : one.resources.back().resource.id();
      return absl::InvalidArgumentError(
          absl::StrCat("API ", id, ", a version beside it: ", one.status().message()));
    }
    AddApi(call, &one, true, write);
  }
  write->expected_snapshot = beside->snapshot;
  return absl::OkStatus();
}

bool MovedOn(const absl::Status& status, const WrittenBeside& beside) {
  if (beside.moved == nullptr || beside.snapshot == 0 || !absl::IsAborted(status)) return false;
  *beside.moved = true;
  return true;
}

}  // namespace

Response InvalidApi(absl::string_view why) {
  return ErrorAnswer(400, absl::StrCat("Validation of API Definition failed. Reason: ", why));
}

Response WriteApi(const Call& call, dialects::Conversion conversion, bool update,
                  WrittenBeside beside) {
  if (!conversion.ok()) return InvalidApi(conversion.status().message());
  const std::string id = conversion.resources.back().resource.id();
  if (update && id != call.rest) {
    return ErrorAnswer(
        400,
        "Request APIID does not match that in Definition! For Update operations these must match.");
  }
  Write write;
  AddApi(call, &conversion, update, &write);
  if (auto status = AddBeside(call, &beside, &write); !status.ok())
    return InvalidApi(status.message());
  ForgetIssuer(call, id, &write);
  const auto result = call.writer.Run(std::move(write));
  if (!result.ok()) {
    if (MovedOn(result.status(), beside)) return ErrorAnswer(409, "the configuration has changed");
    AuditRefused(call, "api.put", id, result.status());
    if (update && absl::IsNotFound(result.status())) return ErrorAnswer(404, kNoApi);
    return WriteFailure(
        result.status(), 400,
        absl::StrCat("Validation of API Definition failed. Reason: ", result.status().message()));
  }
  Audit(call, "api.put", id, result->revision);
  Response response = KeyAnswer(id, update ? "modified" : "added");
  AddWarnings(WarningTexts(conversion), &response);
  AddWarnings(result->AllWarnings(), &response);
  return response;
}

absl::StatusOr<Write> MakeDelete(const Call& call, const std::string& id, WrittenBeside* beside) {
  Write write;
  if (auto status = AddBeside(call, beside, &write); !status.ok()) return status;
  Mutation& mutation = write.mutations.emplace_back();
  mutation.op = Mutation::Op::kDelete;
  mutation.kind = Kind::kApi;
  mutation.id = id;
  ForgetIssuer(call, id, &write);
  return write;
}

Response DeleteApi(const Call& call, const std::string& id, WrittenBeside beside) {
  auto write = MakeDelete(call, id, &beside);
  if (!write.ok()) return InvalidApi(write.status().message());
  const auto result = call.writer.Run(*std::move(write));
  if (!result.ok()) {
    if (MovedOn(result.status(), beside)) return ErrorAnswer(409, "the configuration has changed");
    AuditRefused(call, "api.delete", id, result.status());
    if (absl::IsNotFound(result.status())) return ErrorAnswer(404, kNoApi);
    return WriteFailure(result.status(), 400, result.status().message());
  }
  Audit(call, "api.delete", id, result->revision);
  return KeyAnswer(id, "deleted");
}

}  // namespace sallyport::authsvc::admin
