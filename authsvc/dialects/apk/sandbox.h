// The second environment of an API of WSO2 APK, `sandbox`: the same API at hosts of its own, with
// endpoints of its own. In the core it is an API beside that of production. Pure, thread-safe.
#pragma once

#include <string>

#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects::apk {

inline constexpr absl::string_view kProduction = "production";
inline constexpr absl::string_view kSandbox = "sandbox";

// Of the API of that id. '~' is in no name of Kubernetes, and no apk-conf may have such an id.
[[nodiscard]] std::string SandboxId(absl::string_view id);
[[nodiscard]] bool IsSandboxId(absl::string_view id);

// Whether an API of the sandbox's id is stored that came by `dialect`; one of another way is
// somebody else's: refused at `path` where `wanted`.
[[nodiscard]] bool SandboxStored(absl::string_view id, absl::string_view dialect, bool wanted,
                                 absl::string_view path, const ConvertOptions& options,
                                 Conversion* out);

}  // namespace sallyport::authsvc::dialects::apk
