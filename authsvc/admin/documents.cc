#include "authsvc/admin/documents.h"

namespace sallyport::authsvc::admin {

dialects::ConvertOptions OptionsFor(const Call& call) {
  dialects::ConvertOptions options;
  options.org_id = call.options.default_org_id;
  options.now_unix = absl::ToUnixSeconds(call.clock.Now());
  return options;
}

std::vector<Mutation> TakeInlineCertificates(const Snapshot& snapshot,
                                             dialects::Conversion* conversion) {
  std::vector<Mutation> mutations;
  for (size_t i = 0; i + 1 < conversion->resources.size(); ++i) {
    dialects::Converted& converted = conversion->resources[i];
    const bool stored = snapshot.FindCertificateById(converted.resource.id()) != nullptr;
    if (stored && converted.private_key.empty()) continue;
    Mutation& mutation = mutations.emplace_back();
    mutation.resource = std::move(converted.resource);
    mutation.private_key = std::move(converted.private_key);
  }
  return mutations;
}

std::vector<std::string> WarningTexts(const dialects::Conversion& conversion) {
  std::vector<std::string> texts;
  for (const dialects::Problem& warning : conversion.warnings) texts.push_back(warning.ToString());
  return texts;
}

Response DocumentList(const Call& call, Kind kind, const std::vector<std::string>& ids,
                      const std::function<std::string(const v1::Resource&)>& json) {
  std::string body = "[";
  for (const std::string& id : ids) {
    const auto resource = call.writer.ReadResource(kind, id);
    if (absl::IsNotFound(resource.status())) continue;
    if (!resource.ok()) return WriteFailure(resource.status(), 500, resource.status().message());
    if (body.size() > 1) body.push_back(',');
    body += json(*resource);
  }
  return TextAnswer(body + "]");
}

}  // namespace sallyport::authsvc::admin
