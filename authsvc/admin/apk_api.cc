// /api/deployer/apis: what WSO2 APK's deployer is asked (reference apk.md B8). Statuses, codes and
// shapes are APK's; writes are live at once.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "authsvc/admin/apk_stored.h"
#include "authsvc/admin/documents.h"
#include "authsvc/admin/handlers.h"
#include "authsvc/admin/multipart.h"
#include "authsvc/change/writer.h"
#include "authsvc/dialects/apk/composition.h"
#include "authsvc/dialects/apk/conf.h"
#include "authsvc/dialects/apk/endpoints.h"
#include "authsvc/dialects/apk/sandbox.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::admin {
namespace {

using dialects::Node;
namespace apk = dialects::apk;

constexpr int kTries = 3;
constexpr int kInvalidConf = 909029;

Response ApkError(int status, int code, absl::string_view message) {
  return JsonAnswer(
      {{"code", code}, {"message", std::string(message)}, {"description", std::string(message)}},
      status);
}

Response ApkStoreFailure(const absl::Status& status) {
  return WriteFailure(status, 500, status.message());
}

// "operations[1].verb" -> "#/operations/1/verb"
std::string Pointer(absl::string_view path) {
  return absl::StrCat("#/", absl::StrReplaceAll(path, {{"[", "/"}, {"]", ""}, {".", "/"}}));
}

// The first whose message begins with one of APK's own codes, that are 406.
std::optional<Response> OwnCode(const std::vector<dialects::Problem>& errors) {
  for (const dialects::Problem& error : errors) {
    for (const int code : {909021, 909025, 909026}) {
      absl::string_view message = error.message;
      if (absl::ConsumePrefix(&message, absl::StrCat(code, ": ")))
        return ApkError(406, code, message);
    }
  }
  return std::nullopt;
}

Response InvalidConf(const std::vector<dialects::Problem>& errors) {
  if (auto own = OwnCode(errors); own.has_value() && errors.size() == 1) return *std::move(own);
  Json body = {{"code", kInvalidConf},
               {"message", "Invalid apk-conf provided"},
               {"description", "Invalid apk-conf provided"},
               {"error", Json::array()}};
  for (const dialects::Problem& error : errors) {
    body["error"].push_back(
        {{"field", Pointer(error.path)}, {"line", error.line}, {"message", error.message}});
  }
  return JsonAnswer(body, 400);
}

Response InvalidText(absl::string_view message) {
  return InvalidConf({{"", 0, std::string(message)}});
}

// The part that is the document, or an answer.
std::optional<Response> TakeConf(const Call& call, Node* conf, bool* with_definition) {
  const auto parts =
      ParseMultipart(call.request.Header("content-type").value_or(""), call.request.body);
  if (!parts.ok()) return ApkError(406, 909018, parts.status().message());
  const std::string* text = nullptr;
  for (const FormPart& part : *parts) {
    if (part.name == "apkConfiguration" && text == nullptr)
      text = &part.content;
    else if (part.name == "definitionFile")
      *with_definition = true;
    else
      return ApkError(406, 909018, absl::StrCat("part ", part.name, " is not known, or twice"));
  }
  if (text == nullptr) return ApkError(406, 909018, "apkConfiguration is not provided");
  auto documents = dialects::ReadDocuments(*text);
  if (!documents.ok()) return InvalidText(documents.status().message());
  if (documents->size() != 1 || !documents->front().IsObject())
    return InvalidText("must be one document, an object");
  *conf = std::move(documents->front());
  return std::nullopt;
}

// Whether the deployer may replace or remove it: what came from elsewhere, or is of another
// namespace or organisation, is none of its own.
bool IsOwn(const Call& call, const v1::Resource& stored) {
  const std::string& own = call.options.deployer.name_space;
  return stored.api().org_id() == call.options.default_org_id &&
         apk::KeptNamespace(stored) == (own.empty() ? "default" : own);
}

Mutation Gone(Kind kind, std::string id) {
  Mutation mutation;
  mutation.op = Mutation::Op::kDelete;
  mutation.kind = kind;
  mutation.id = std::move(id);
  return mutation;
}

Write MakeWrite(dialects::Conversion* conversion, uint64_t revision,
                const std::optional<v1::Resource>& stored) {
  Write write;
  write.expected_snapshot = revision;  // what lies over the document is of this one
  for (dialects::Converted& converted : conversion->resources) {
    Mutation& mutation = write.mutations.emplace_back();
    mutation.resource = std::move(converted.resource);
    mutation.private_key = std::move(converted.private_key);
    if (stored.has_value() && mutation.resource.has_api()) mutation.resource.set_set(stored->set());
  }
  for (std::string& id : conversion->gone_apis) {
    Mutation gone = Gone(Kind::kApi, std::move(id));
    gone.missing_ok = gone.force = true;
    write.mutations.push_back(std::move(gone));
  }
  return write;
}

Response WriteRefusal(const absl::Status& status) {
  if (absl::IsAlreadyExists(status)) return ApkError(409, 909012, status.message());
  if (absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status))
    return InvalidText(status.message());
  return ApkStoreFailure(status);
}

Response Deployed(const dialects::Conversion& conversion, const WriteResult& written,
                  const v1::Resource& api, bool with_definition) {
  Node kept;
  std::string name_space;
  Response response;
  response.content_type = "application/yaml";
  if (apk::KeptConf(api, &kept, &name_space)) response.body = apk::ToYaml(kept);
  std::vector<std::string> warnings = WarningTexts(conversion);
  for (std::string& warning : written.AllWarnings()) warnings.push_back(std::move(warning));
  if (with_definition)
    warnings.emplace_back("definitionFile is not kept: definitions are not served");
  AddWarnings(warnings, &response);
  return response;
}

Response Deploy(const Call& call) {
  Node conf;
  bool with_definition = false;
  if (auto answer = TakeConf(call, &conf, &with_definition)) return *std::move(answer);
  dialects::ConvertOptions options = OptionsFor(call);
  options.name_space = call.options.deployer.name_space;
  options.apk_sandbox_hosts = call.options.deployer.sandbox_hosts;
  ReadApkFrom(&call.writer, &options);
  const std::string id = apk::ConfName(conf, options).name;
  for (int attempt = 0;; ++attempt) {
    const uint64_t revision = call.writer.snapshot()->revision();
    const auto stored = options.stored_api(id);
    // What is left of one whose API was deleted is not taken over, either.
    const auto there = stored.has_value() ? stored : options.stored_api(apk::SandboxId(id));
    if (there.has_value() && !IsOwn(call, *there))
      return ApkError(409, 909011,
                      absl::StrCat("API ", there->id(),
                                   " exists, and came in another way, or is of another namespace"));
    apk::Composition composition;
    composition.Note(conf, options);
    composition.Complete(options, "");
    options.apk = &composition.objects();
    dialects::Conversion conversion = apk::ConvertConf(conf, options);
    if (!conversion.ok()) return InvalidConf(conversion.errors);
    const v1::Resource api = conversion.resources.back().resource;
    const auto written = call.writer.Run(MakeWrite(&conversion, revision, stored));
    if (absl::IsAborted(written.status()) && attempt + 1 < kTries) continue;
    if (!written.ok()) {
      AuditRefused(call, "apk.deploy", id, written.status());
      return WriteRefusal(written.status());
    }
    Audit(call, "apk.deploy", id, written->revision);
    return Deployed(conversion, *written, api, with_definition);
  }
}

// Of an API and its sandbox what is there, with what came with them. False: none of its own.
absl::StatusOr<bool> RemoveOwn(const Call& call, const std::string& id, Write* write) {
  if (apk::IsSandboxId(id)) return false;
  const SnapshotPtr snapshot = call.writer.snapshot();
  write->expected_snapshot = snapshot->revision();  // whose they are was looked at in this one
  for (const std::string& one : {id, apk::SandboxId(id)}) {
    if (snapshot->FindApi(one) == nullptr) continue;
    const auto stored = call.writer.ReadResource(Kind::kApi, one);
    if (!stored.ok()) return stored.status();
    // A sandbox goes with its API, and else by itself.
    const bool with_it = !write->mutations.empty() && stored->dialect() == dialects::kApkConf;
    const bool own = with_it || IsOwn(call, *stored);
    if (!own && one == id) return false;
    if (own) write->mutations.push_back(Gone(Kind::kApi, one));
  }
  if (write->mutations.empty()) return false;
  for (const std::string& one : {id, apk::SandboxId(id)}) {
    const std::string bundle = apk::AuthoritiesId(one);
    if (snapshot->FindTrustBundle(bundle) != nullptr)
      write->mutations.push_back(Gone(Kind::kTrustBundle, bundle));
  }
  return true;
}

Response Undeploy(const Call& call) {
  const std::string id(call.request.Query("apiId").value_or(""));
  Write write;
  const auto own = RemoveOwn(call, id, &write);
  if (!own.ok() && !absl::IsNotFound(own.status())) return ApkStoreFailure(own.status());
  if (!own.ok() || !*own)
    return ApkError(404, 909001, absl::StrCat("API with id ", id, " not found"));
  const auto written = call.writer.Run(std::move(write));
  if (absl::IsNotFound(written.status()))
    return ApkError(404, 909001, absl::StrCat("API with id ", id, " not found"));
  if (!written.ok()) {
    AuditRefused(call, "apk.undeploy", id, written.status());
    return absl::IsFailedPrecondition(written.status())
               ? ApkError(409, 909022, written.status().message())
               : ApkStoreFailure(written.status());
  }
  Audit(call, "apk.undeploy", id, written->revision);
  Response response =
      JsonAnswer({{"status", absl::StrCat("API with id ", id, " undeployed successfully")}}, 202);
  AddWarnings(written->AllWarnings(), &response);
  return response;
}

}  // namespace

Response HandleApkDeployer(const Call& call) {
  const bool deploy = call.rest == "apis/deploy";
  if (!deploy && call.rest != "apis/undeploy") return ApkError(404, 909000, "not found");
  if (!call.Is("POST")) return ApkError(405, 909000, "method not allowed");
  return deploy ? Deploy(call) : Undeploy(call);
}

Response RefuseApkCaller(const absl::Status& why) {
  if (absl::IsUnavailable(why)) {
    Response response = ApkError(503, 900900, "the keys of the token's issuer are asked for");
    response.headers.emplace_back("Retry-After", "1");
    return response;
  }
  if (absl::IsUnauthenticated(why)) return ApkError(401, 900901, "Invalid Credentials");
  if (absl::IsPermissionDenied(why)) return ApkError(403, 900910, "the token lacks the scope");
  return ApkError(403, 900908, "an admin key is needed, as Authorization: Bearer");
}

}  // namespace sallyport::authsvc::admin
