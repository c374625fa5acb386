// certificateInline | secretRef | configMapRef of WSO2 APK's resources -> a reference to the
// certificate. Pure, thread-safe. Private to this folder.
#pragma once

#include <string>
#include <vector>

#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/kube_object.h"
#include "authsvc/dialects/references.h"

namespace sallyport::authsvc::dialects::apk {

// All that the object names; `source` was checked for other fields.
[[nodiscard]] std::vector<std::string> ReadCertificateSource(const Fields& source,
                                                             const KubeName& owner,
                                                             References* references);

// A certificate that stands inline (or is kept by its id) never is a reference to a place.
[[nodiscard]] bool RefusePlace(absl::string_view text, const std::string& path, const Node& at,
                               Conversion* out);

}  // namespace sallyport::authsvc::dialects::apk
