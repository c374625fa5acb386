// apk-conf of WSO2 APK (reference apk.md B8) -> an API. What an Authentication resource says for it
// counts in place of its own `authentication`. Pure, thread-safe.
#pragma once

#include <string>

#include "authsvc/dialects/conversion.h"
#include "authsvc/dialects/kube_object.h"

namespace sallyport::authsvc::dialects::apk {

// Of Objects: an apk-conf that comes with the same apply.
inline constexpr absl::string_view kConfKind = "apk-conf";

[[nodiscard]] bool IsConf(const Node& document);
[[nodiscard]] Conversion ConvertConf(const Node& document, const ConvertOptions& options);

// Its id, or the one that is made of name and version, where there is none; with the namespace that
// its ConfigMaps and Secrets are of.
[[nodiscard]] KubeName ConfName(const Node& document, const ConvertOptions& options);

// What was kept of it: the document with its id, and its namespace; false: the API did not come by
// apk-conf.
[[nodiscard]] bool KeptConf(const v1::Resource& api, Node* document, std::string* name_space);

// Its namespace, or that of the API whose sandbox it is; empty: the API did not come by apk-conf.
[[nodiscard]] std::string KeptNamespace(const v1::Resource& api);

// YAML of a document as this service reads it: strings in quotes.
[[nodiscard]] std::string ToYaml(const Node& document);

}  // namespace sallyport::authsvc::dialects::apk
