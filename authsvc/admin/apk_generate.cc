// /api/configurator/apis/generate-configuration: an apk-conf out of a definition, as WSO2 APK's
// configurator makes it (reference apk.md B8). Nothing is stored.
#include "authsvc/admin/handlers.h"
#include "authsvc/admin/multipart.h"
#include "authsvc/dialects/apk/conf.h"
#include "authsvc/dialects/apk/generate.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr int kBadDefinition = 90091;

Response Refused(absl::string_view message, int status = 400) {
  return JsonAnswer({{"code", kBadDefinition}, {"message", std::string(message)}}, status);
}

Response Generate(const Call& call) {
  const auto parts =
      ParseMultipart(call.request.Header("content-type").value_or(""), call.request.body);
  if (!parts.ok()) return Refused(parts.status().message());
  const std::string* definition = nullptr;
  bool url = false;
  for (const FormPart& part : *parts) {
    if (part.name == "definition" && definition == nullptr)
      definition = &part.content;
    else if (part.name == "url")
      url = true;
    else if (part.name == "apiType" && part.content != "REST")
      return Refused("Invalid API Type: definitions of REST APIs alone are read here");
    else if (part.name != "apiType")
      return Refused(part.name + " is not known, or twice");
  }
  if (url == (definition != nullptr)) return Refused("Specify either definition or url");
  if (url) return Refused("url: definitions are not fetched from anywhere here: send definition");
  const auto documents = dialects::ReadDocuments(*definition);
  if (!documents.ok()) return Refused(documents.status().message());
  if (documents->size() != 1) return Refused("Invalid API Definition: must be one document");
  dialects::apk::GeneratedConf made = dialects::apk::ConfOfOpenApi(documents->front());
  if (!made.errors.empty()) {
    Json body = {{"code", kBadDefinition}, {"message", "Invalid API Definition"}};
    body["error"] = Json::array();
    for (const dialects::Problem& error : made.errors) {
      body["error"].push_back(
          {{"code", std::to_string(kBadDefinition)}, {"message", error.ToString()}});
    }
    return JsonAnswer(body, 400);
  }
  Response response;
  response.content_type = "application/yaml";
  response.body = dialects::apk::ToYaml(made.conf);
  return response;
}

}  // namespace

Response HandleApkConfigurator(const Call& call) {
  if (call.rest == "apis/generate-k8s-resources")
    return Refused("resources of Kubernetes are not made here: deploy the apk-conf", 404);
  if (call.rest != "apis/generate-configuration") return Refused("not found", 404);
  if (!call.Is("POST")) return Refused("method not allowed", 405);
  return Generate(call);
}

}  // namespace sallyport::authsvc::admin
