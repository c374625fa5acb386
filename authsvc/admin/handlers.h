// The parts of the REST surface. Each runs on the worker thread and may block on the store. Private
// to this folder.
#pragma once

#include "authsvc/admin/answers.h"
#include "authsvc/admin/call.h"

namespace sallyport::authsvc::admin {

[[nodiscard]] Response HandleCertificates(const Call& call);     // /tyk/certs
[[nodiscard]] Response HandleKeys(const Call& call);             // /tyk/keys
[[nodiscard]] Response HandlePolicies(const Call& call);         // /tyk/policies
[[nodiscard]] Response HandleApis(const Call& call);             // /tyk/apis
[[nodiscard]] Response HandleOasApis(const Call& call);          // /tyk/apis/oas
[[nodiscard]] Response HandleApkDeployer(const Call& call);      // /api/deployer
[[nodiscard]] Response HandleApkConfigurator(const Call& call);  // /api/configurator
// Of the callers of either that may not call it.
[[nodiscard]] Response RefuseApkCaller(const absl::Status& why);

}  // namespace sallyport::authsvc::admin
