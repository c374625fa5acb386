// Tyk Classic definitions for tests: one that is whole, and what differs.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "authsvc/dialects/tyk_documents.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects::classic {

inline nlohmann::json Base() {
  return nlohmann::json::parse(R"({
    "name": "orders", "api_id": "a1", "org_id": "org", "active": true, "use_keyless": true,
    "proxy": {"listen_path": "/orders/", "target_url": "https://up.example:8443/x", "strip_listen_path": true},
    "version_data": {"not_versioned": true, "versions": {"Default": {"name": "Default"}}}
  })");
}

inline Conversion ConvertClassic(const nlohmann::json& json) {
  return ConvertText(ConvertTykClassic, json.dump());
}

// The base with a JSON merge patch.
inline Conversion With(const std::string& patch) {
  nlohmann::json json = Base();
  json.merge_patch(nlohmann::json::parse(patch));
  return ConvertClassic(json);
}

inline v1::Api Api(const Conversion& conversion) {
  EXPECT_THAT(Texts(conversion.errors), ::testing::IsEmpty());
  return conversion.resources.empty() ? v1::Api() : conversion.resources.back().resource.api();
}

}  // namespace sallyport::authsvc::dialects::classic
