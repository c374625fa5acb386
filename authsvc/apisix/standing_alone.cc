#include "authsvc/apisix/standing_alone.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apisix/plugins.h"
#include "authsvc/dialects/apisix/route.h"
#include "authsvc/dialects/apisix/upstream.h"

namespace sallyport::authsvc::apisix {

absl::Status OpenKeys(const dialect::Keyring& keyring, const dialect::Collection& collection,
                      Json* document) {
  for (const std::string& path : keyring.OpenPrivateKeys(collection.name, document)) {
    if (dialect::LooksSealed(dialect::TextAt(*document, path)))
      return dialect::Plain("failed to decrypt previous encrypted key");
  }
  return absl::OkStatus();
}

absl::Status CheckAlone(const dialect::Collection& collection, const Json& document,
                        const v1::DialectObject& object, const dialect::Objects& objects) {
  v1::Upstream upstream;
  if (collection.name == "upstreams")
    return dialect::ConvertUpstream(document, object, "", objects, &upstream);
  if (collection.name == "services" && dialect::Get(document, "upstream") != nullptr) {
    auto status = dialect::ConvertUpstream(*dialect::Get(document, "upstream"), object, "", objects,
                                           &upstream);
    if (!status.ok()) return status;
  }
  if (collection.name == "services" && !dialect::Id(document, "upstream_id").empty() &&
      objects.Find("upstreams", dialect::Id(document, "upstream_id")).object == nullptr) {
    return dialect::Plain(absl::StrCat("failed to fetch upstream info by upstream id [",
                                       dialect::Id(document, "upstream_id"),
                                       "], response code: 404"));
  }
  if (collection.name == "global_rules" || collection.name == "plugin_configs") {
    if (dialect::Get(document, "plugins") == nullptr)
      return dialect::Wrong("property \"plugins\" is required");
  }
  const Json* const plugins = dialect::Get(document, "plugins");
  if (plugins == nullptr || collection.name == "consumers") return absl::OkStatus();
  if (auto status = dialect::CheckPlugins(*plugins, false); !status.ok()) return status;
  v1::Api scratch;
  return dialect::ApplyPlugins(*plugins, &scratch);
}

absl::Status CheckRouteAlone(Json document, const v1::DialectObject& object) {
  bool refers = false;
  for (const char* const name : {"upstream_id", "service_id"}) refers |= document.erase(name) != 0;
  document.erase("plugin_config_id");
  if (refers && !document.contains("upstream"))
    document["upstream"] = {{"nodes", {{"127.0.0.1:1", 1}}}};
  const StoredObjects none(Snapshot::Empty());
  std::vector<v1::Api> apis;
  std::vector<std::string> warnings;
  return dialect::ConvertRoute("0", {&object, &document}, none, dialect::SslIndex(none), &apis,
                               &warnings);
}

}  // namespace sallyport::authsvc::apisix
