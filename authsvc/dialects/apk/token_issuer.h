// The TokenIssuer resource of WSO2 APK -> a TokenIssuer. Pure, thread-safe. Private to this folder.
#pragma once

#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/kube_object.h"

namespace sallyport::authsvc::dialects::apk {

inline constexpr absl::string_view kTokenIssuer = "TokenIssuer";

// Adds it to the conversion of `spec`.
void ConvertTokenIssuer(const Node& document, const Fields& spec, const KubeName& name,
                        const ConvertOptions& options);

}  // namespace sallyport::authsvc::dialects::apk
