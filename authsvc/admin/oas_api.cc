// /tyk/apis/oas: Tyk OAS definitions (reference tyk.md §2.3, §8.1). Live at once, no reload needed.
#include <functional>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/admin/api_write.h"
#include "authsvc/admin/documents.h"
#include "authsvc/admin/handlers.h"
#include "authsvc/admin/oas_versions.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_oas_import.h"
#include "shared/crypto/random.h"

namespace sallyport::authsvc::admin {
namespace {

using dialects::Node;
using dialects::OasVersionParameters;

constexpr int kFamilyTries = 20;  // whatever else is written comes in between

constexpr size_t kOasPage = 1000;
constexpr char kNoOasApi[] = "API not found";
constexpr char kIsClassic[] =
    "the requested API definition is in Tyk classic format, please use old api endpoint";
constexpr char kNotMigrated[] =
    "the supplied API definition is in OAS format, please use the Tyk classic format for this API";
constexpr char kWithoutExtension[] = "the payload should contain x-tyk-api-gateway";
constexpr char kWithExtension[] = "the import payload should not contain x-tyk-api-gateway";
constexpr absl::string_view kExtensionName = "x-tyk-api-gateway";

// A write that may change other APIs, or be changed by one, made again where something has come in
// between.
Response OneOfFamily(const Call& call,
                     const std::function<Response(OasFamily*, WrittenBeside)>& attempt) {
  for (int left = kFamilyTries;;) {
    OasFamily family(call);
    if (!family.status().ok()) return StoreFailure(family.status());
    bool moved = false;
    WrittenBeside beside;
    if (--left > 0) beside.moved = &moved;
    Response response = attempt(&family, std::move(beside));
    if (!moved) return response;
  }
}

bool IsOas(const ApiEntry& entry) { return entry.origin->dialect == dialects::kTykOas; }

bool IsPublic(const Call& call) { return call.request.Query("mode").value_or("") == "public"; }

// Of an API that came in another way than as OAS: 400, as of a Classic one.
std::optional<Response> WhyNotOas(const Call& call, const std::string& id, const char* otherwise) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  const ApiEntry* entry = snapshot->FindApi(id);
  if (entry == nullptr) return ErrorAnswer(404, kNoOasApi);
  return IsOas(*entry) ? std::nullopt : std::optional(ErrorAnswer(400, otherwise));
}

absl::StatusOr<Node> Body(const Call& call) {
  auto document = dialects::ReadJson(call.request.body);
  if (document.ok() && !document->IsObject())
    return absl::InvalidArgumentError("a definition must be an object");
  return document;
}

Response Malformed(const absl::Status& status) {
  Response response = ErrorAnswer(400, "Request malformed");
  AddWarnings({std::string(status.message())}, &response);
  return response;
}

std::optional<bool> Switch(const Call& call, absl::string_view name) {
  const auto value = call.request.Query(name);
  if (!value.has_value()) return std::nullopt;
  return *value == "true" || *value == "1";
}

// Empty: fine.
std::string VersionParameters(const Call& call, std::optional<OasVersionParameters>* out) {
  OasVersionParameters version;
  version.base_api_id = std::string(call.request.Query("base_api_id").value_or(""));
  if (version.base_api_id.empty()) return "";
  version.base_name = std::string(call.request.Query("base_api_version_name").value_or(""));
  version.new_name = std::string(call.request.Query("new_version_name").value_or(""));
  version.set_default = Switch(call, "set_default").value_or(false);
  if (version.new_name.empty()) return "new_version_name is missing";
  *out = std::move(version);
  return "";
}

// Empty: fine.
std::string Parameters(const Call& call, dialects::OasParameters* out,
                       std::optional<OasVersionParameters>* version) {
  for (const absl::string_view name : {"validateRequest", "mockResponse"}) {
    if (Switch(call, name).value_or(false)) return absl::StrCat(name, " does not exist here");
  }
  out->upstream_url = std::string(call.request.Query("upstreamURL").value_or(""));
  out->listen_path = std::string(call.request.Query("listenPath").value_or(""));
  out->custom_domain = std::string(call.request.Query("customDomain").value_or(""));
  out->authentication = Switch(call, "authentication");
  out->allow_list = Switch(call, "allowList");
  return VersionParameters(call, version);
}

// With `version` the API becomes one of another API, which is written with it.
Response Save(const Call& call, Node document, bool update,
              const std::optional<OasVersionParameters>& version = std::nullopt) {
  std::string id = dialects::OasIdOf(document);
  if (!update) {
    id = dialects::GiveOasId(&document, crypto::RandomHex(16));
    const SnapshotPtr snapshot = call.writer.snapshot();
    const ApiEntry* stored = snapshot->FindApi(id);
    if (stored != nullptr && !IsOas(*stored)) return ErrorAnswer(400, kNotMigrated);
  }
  return OneOfFamily(call, [&](OasFamily* family, WrittenBeside beside) {
    std::optional<Node> base;
    if (version.has_value()) {
      auto found = family->Document(version->base_api_id);
      const bool none = absl::IsNotFound(found.status()) || absl::IsInvalidArgument(found.status());
      if (!found.ok() && !none) return StoreFailure(found.status());
      if (!found.ok()) {
        return ErrorAnswer(400,
                           absl::StrCat(version->base_api_id, " is not a valid Base API version"));
      }
      if (version->base_name.empty() && dialects::OasVersionsOf(*found).name.empty()) {
        return ErrorAnswer(400,
                           absl::StrCat("you need to provide a version name for the new Base API: ",
                                        version->base_api_id));
      }
      base = *std::move(found);
      dialects::AddOasVersion(*version, id, &*base);
      family->Put(*base);
    }
    family->Put(document);
    if (auto status = family->FillBeside(base, &beside); !status.ok()) return StoreFailure(status);
    return WriteApi(call, dialects::ConvertTykOas(document, family->Options()), update,
                    std::move(beside));
  });
}

Response Create(const Call& call) {
  absl::StatusOr<Node> document = Body(call);
  if (!document.ok()) return Malformed(document.status());
  if (document->Find(kExtensionName) == nullptr) return ErrorAnswer(400, kWithoutExtension);
  dialects::OasParameters parameters;
  std::optional<OasVersionParameters> version;
  if (const std::string wrong = Parameters(call, &parameters, &version); !wrong.empty())
    return InvalidApi(wrong);
  return Save(call, *std::move(document), false, version);
}

Response Import(const Call& call) {
  absl::StatusOr<Node> document = Body(call);
  if (!document.ok()) return Malformed(document.status());
  if (document->Find(kExtensionName) != nullptr) return ErrorAnswer(400, kWithExtension);
  dialects::OasParameters parameters;
  std::optional<OasVersionParameters> version;
  if (const std::string wrong = Parameters(call, &parameters, &version); !wrong.empty())
    return InvalidApi(wrong);
  auto complete = dialects::WithTykExtension(*std::move(document), nullptr, parameters);
  if (!complete.ok()) return InvalidApi(complete.status().message());
  return Save(call, *std::move(complete), false, version);
}

Response Update(const Call& call) {
  absl::StatusOr<Node> document = Body(call);
  if (!document.ok()) return Malformed(document.status());
  if (auto refused = WhyNotOas(call, call.rest, kNotMigrated)) return *std::move(refused);
  if (document->Find(kExtensionName) == nullptr) return ErrorAnswer(400, kWithoutExtension);
  return Save(call, *std::move(document), true);
}

// Without the extension: the OpenAPI part is new, the extension stays, but for what the query says.
Response Patch(const Call& call) {
  absl::StatusOr<Node> document = Body(call);
  if (!document.ok()) return Malformed(document.status());
  if (auto refused = WhyNotOas(call, call.rest, kNotMigrated)) return *std::move(refused);
  dialects::OasParameters parameters;
  std::optional<OasVersionParameters> version;
  if (const std::string wrong = Parameters(call, &parameters, &version); !wrong.empty())
    return InvalidApi(wrong);
  if (document->Find(kExtensionName) != nullptr)
    return Save(call, *std::move(document), true, version);
  const auto stored = call.writer.ReadResource(Kind::kApi, call.rest);
  if (!stored.ok()) return WriteFailure(stored.status(), 500, stored.status().message());
  const auto before = dialects::ReadJson(stored->document());
  if (!before.ok()) return WriteFailure(before.status(), 500, before.status().message());
  auto complete =
      dialects::WithTykExtension(*std::move(document), before->Find(kExtensionName), parameters);
  if (!complete.ok()) return InvalidApi(complete.status().message());
  return Save(call, *std::move(complete), true, version);
}

Response ShowOne(const Call& call, const std::string& id) {
  if (auto refused = WhyNotOas(call, id, kIsClassic)) return *std::move(refused);
  const auto resource = call.writer.ReadResource(Kind::kApi, id);
  if (absl::IsNotFound(resource.status())) return ErrorAnswer(404, kNoOasApi);
  if (!resource.ok()) return WriteFailure(resource.status(), 500, resource.status().message());
  Response response = TextAnswer(dialects::TykOasJson(*resource, IsPublic(call)));
  if (!resource->api().has_matching()) return response;
  const OasFamily family(call);
  if (!family.status().ok()) return StoreFailure(family.status());
  if (const Node* base = family.BaseOf(id); base != nullptr)
    response.headers.emplace_back("X-Tyk-Base-Api-Id", dialects::OasIdOf(*base));
  return response;
}

Response ShowAll(const Call& call) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  std::vector<std::string> ids;
  std::string token;
  do {
    const auto page = snapshot->ListApis(nullptr, token, kOasPage);
    for (const ApiEntry* entry : page.entries) {
      if (IsOas(*entry)) ids.push_back(entry->api.id());
    }
    token = page.next;
  } while (!token.empty());
  const bool without = IsPublic(call);
  return DocumentList(call, Kind::kApi, ids, [without](const v1::Resource& resource) {
    return dialects::TykOasJson(resource, without);
  });
}

Response AsFile(Response response, absl::string_view name) {
  if (response.status != 200) return response;
  response.headers.emplace_back("Content-Disposition",
                                absl::StrCat("attachment; filename=\"", name, ".json\""));
  return response;
}

Response Delete(const Call& call) {
  if (auto refused = WhyNotOas(call, call.rest, kIsClassic)) return *std::move(refused);
  return DeleteTykApi(call, call.rest);
}

}  // namespace

Response DeleteTykApi(const Call& call, const std::string& id) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  const ApiEntry* stored = snapshot->FindApi(id);
  if (stored == nullptr || !IsOas(*stored)) return DeleteApi(call, id);
  return OneOfFamily(call, [&](OasFamily* family, WrittenBeside beside) {
    std::optional<std::string> named_as;
    if (const Node* named = family->BaseOf(id); named != nullptr)
      named_as = *dialects::OasVersionsOf(*named).NameOf(id);
    std::optional<Node> base;
    family->Leave(id, &base);
    if (auto status = family->FillBeside(base, &beside); !status.ok()) return StoreFailure(status);
    Response response = DeleteApi(call, id, std::move(beside));
    if (response.status == 200 && named_as.has_value() && dialects::OasVersionsOf(*base).fallback) {
      AddWarnings({absl::StrCat("fallbackToDefault: callers that ask for version ", *named_as,
                                " get version ", dialects::OasVersionsOf(*base).default_name,
                                " of API ", dialects::OasIdOf(*base), " from now on")},
                  &response);
    }
    return response;
  });
}

Response HandleOasApis(const Call& outer) {
  absl::string_view rest = outer.rest;
  absl::ConsumePrefix(&rest, "oas");
  absl::ConsumePrefix(&rest, "/");
  const Call call{outer.request, std::string(rest), outer.who,
                  outer.options, outer.writer,      outer.clock};
  if (rest.empty()) {
    if (call.Is("POST")) return Create(call);
    return call.Is("GET") ? ShowAll(call) : MethodNotSupported();
  }
  if (rest == "import") return call.Is("POST") ? Import(call) : MethodNotSupported();
  if (rest == "export")
    return call.Is("GET") ? AsFile(ShowAll(call), "apis") : MethodNotSupported();
  if (absl::ConsumeSuffix(&rest, "/export")) {
    return call.Is("GET") ? AsFile(ShowOne(call, std::string(rest)), "api") : MethodNotSupported();
  }
  if (absl::ConsumeSuffix(&rest, "/versions")) {
    if (!call.Is("GET")) return MethodNotSupported();
    if (auto refused = WhyNotOas(call, std::string(rest), kIsClassic)) return *std::move(refused);
    return OasVersionList(call, std::string(rest));
  }
  if (call.Is("GET")) return ShowOne(call, call.rest);
  if (call.Is("PUT")) return Update(call);
  if (call.Is("PATCH")) return Patch(call);
  return call.Is("DELETE") ? Delete(call) : MethodNotSupported();
}

}  // namespace sallyport::authsvc::admin
