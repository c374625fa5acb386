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

}  // namespace sallyport::authsvc::dialects::apk
