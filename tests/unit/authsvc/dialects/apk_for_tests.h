// Documents of WSO2 APK, and plans of what is made of them. For the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "authsvc/dialects/apply.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects::apk {

// Seed 003, without `authentication`.
inline constexpr char kEmployee[] = R"(
name: "EmployeeServiceAPI"
basePath: "/employee"
version: "3.14"
type: "REST"
defaultVersion: false
id: "mtls-api"
endpointConfigurations:
  production:
    endpoint: "https://run.mocky.io/v3/1327c339"
operations:
  - target: "/employee"
    verb: "GET"
    secured: true
    scopes: []
  - target: "/employee"
    verb: "POST"
    secured: true
    scopes: []
)";

inline constexpr char kMtls[] = R"(
authentication:
  - authType: mTLS
    required: mandatory
    certificates:
      - name: mtls-configmap
        key: tls.crt
)";

inline constexpr char kAuthenticationCr[] = R"(
apiVersion: "dp.wso2.com/v1alpha2"
kind: "Authentication"
metadata:
  name: "mtls-authentication"
spec:
  default:
    mtls:
      required: mandatory
      configMapRefs:
        - name: mtls-configmap
          key: tls.crt
      secretRefs:
        - name: mtls-secret
          key: tls.crt
  targetRef:
    group: "gateway.networking.k8s.io"
    kind: "API"
    name: "mtls-api"
)";

inline std::string Employee(absl::string_view more) { return absl::StrCat(kEmployee, more); }

// In the text of the example.
inline std::string With(absl::string_view text, absl::string_view from, absl::string_view to) {
  EXPECT_NE(text.find(from), text.npos) << from;
  return absl::StrReplaceAll(text, {{from, to}});
}

inline ApplyPlan PlanOf(const std::vector<std::string>& texts, ConvertOptions options,
                        const std::string& prune_set = "") {
  v1::ApplyRequest request;
  for (const std::string& text : texts) request.add_documents()->set_content(text);
  request.set_set(prune_set);
  request.set_prune(!prune_set.empty());
  return PlanApply(request, options);
}

inline const v1::Resource* FindPut(const ApplyPlan& plan, absl::string_view id) {
  for (const PlannedPut& put : plan.puts) {
    if (put.put.resource.id() == id) return &put.put.resource;
  }
  return nullptr;
}

inline std::string MessagesOf(const ApplyPlan& plan) {
  std::string all;
  for (const auto& result : plan.results) {
    if (!result.message().empty()) absl::StrAppend(&all, result.message(), "\n");
    for (const auto& warning : result.warnings()) absl::StrAppend(&all, warning, "\n");
  }
  return all;
}

inline std::vector<std::string> AllowlistOf(const v1::Api& api) {
  std::vector<std::string> ids;
  for (const auto& entry : api.client_tls().allowlist()) {
    EXPECT_TRUE(entry.exact()) << entry.certificate_id();
    ids.push_back(entry.certificate_id());
  }
  return ids;
}

}  // namespace sallyport::authsvc::dialects::apk
