// Documents of WSO2 APK, together as one apply and over what is stored: no input may crash or hang;
// what was made reads back as it was kept, and the same documents make the same once more.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "authsvc/dialects/apk/conf.h"
#include "authsvc/dialects/apk/gateway_toml.h"
#include "authsvc/dialects/apk/generate.h"
#include "authsvc/dialects/apply.h"
#include "authsvc/dialects/reader.h"

namespace {

using namespace sallyport::authsvc::dialects;

void Demand(bool condition) {
  if (!condition) std::abort();
}

using Store = std::map<std::string, v1::Resource>;

ConvertOptions OptionsOf(const Store& store) {
  ConvertOptions options;
  options.org_id = "org";
  options.now_unix = 1780272000;
  options.apk_sandbox_hosts = {"sandbox.example"};
  options.apk_stored = [&store] {
    std::vector<v1::Resource> objects;
    for (const auto& [id, resource] : store) {
      if (resource.has_dialect_object()) objects.push_back(resource);
    }
    return objects;
  };
  options.stored_api = [&store](const std::string& id) -> std::optional<v1::Resource> {
    const auto found = store.find("Api " + id);
    if (found == store.end()) return std::nullopt;
    return found->second;
  };
  return options;
}

void CheckKept(const v1::Resource& resource) {
  Node document;
  std::string name_space;
  if (resource.has_dialect_object()) Demand(ReadJson(resource.dialect_object().json()).ok());
  if (!apk::KeptConf(resource, &document, &name_space)) return;
  const auto again = ReadDocuments(apk::ToYaml(document));
  Demand(again.ok() && again->size() == 1);
}

Store Apply(const v1::ApplyRequest& request, Store store) {
  ApplyPlan plan = PlanApply(request, OptionsOf(store));
  if (plan.refused) return store;
  for (const std::string& id : plan.gone_apis) store.erase("Api " + id);
  for (PlannedPut& put : plan.puts) {
    CheckKept(put.put.resource);
    store[std::string(KindOf(put.put.resource)) + " " + put.put.resource.id()] =
        std::move(put.put.resource);
  }
  return store;
}

// What is made of a definition is an apk-conf that reads back.
void Generate(const std::string& text) {
  const auto documents = ReadDocuments(text);
  if (!documents.ok() || documents->empty()) return;
  const apk::GeneratedConf made = apk::ConfOfOpenApi(documents->front());
  if (made.errors.empty()) Demand(ReadDocuments(apk::ToYaml(made.conf)).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 64 * 1024) return 0;
  v1::ApplyRequest request;
  request.add_documents()->set_content(std::string(reinterpret_cast<const char*>(data), size));
  Generate(request.documents(0).content());
  static_cast<void>(apk::UnreadSettings(request.documents(0).content()));
  const Store once = Apply(request, {});
  const Store twice = Apply(request, once);
  Demand(once.size() == twice.size());
  return 0;
}
