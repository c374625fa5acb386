// The write of one API definition that came by REST. Private to this folder.
#pragma once

#include "authsvc/admin/answers.h"
#include "authsvc/admin/call.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::admin {

// "Validation of API Definition failed. Reason: why", 400.
[[nodiscard]] Response InvalidApi(absl::string_view why);
// `update`: of the API that the path names, which must be there and have the definition's id.
[[nodiscard]] Response WriteApi(const Call& call, dialects::Conversion conversion, bool update);
[[nodiscard]] Response DeleteApi(const Call& call, const std::string& id);
// The versions of an API: itself, since versions in other API definitions do not exist here.
[[nodiscard]] Response ApiVersions(const Call& call, const std::string& id);

}  // namespace sallyport::authsvc::admin
