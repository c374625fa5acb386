// The API resource of WSO2 APK with the HTTPRoute, Backends, Scopes and Authentication that it
// means -> an API. Pure, thread-safe. Private to this folder.
#pragma once

#include <set>
#include <string>

#include "authsvc/dialects/apk/objects.h"
#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects::apk {

// One of its environments, production or sandbox: the core's API of an id of its own.
struct ComposedEnvironment {
  std::string id;
  // Without a value: something that it means is not there yet. Then it serves nothing.
  std::optional<v1::Api> api;
  std::vector<std::string> authorities;  // of its targets: references to certificates
  // Of its route; without a value: that is not there yet.
  std::optional<std::vector<std::string>> hosts;
};
struct ComposedApi {
  std::vector<ComposedEnvironment> environments;
  std::set<std::string> reads;  // ids of the other objects that it means, there or not
};

[[nodiscard]] ComposedApi ComposeApi(const Fields& spec, const KubeName& name,
                                     const ConvertOptions& options);

// ComposedApi::reads of a resource as it is kept.
[[nodiscard]] std::set<std::string> ReadsOf(const Node& document, const KubeName& name,
                                            const ConvertOptions& options);

}  // namespace sallyport::authsvc::dialects::apk
