// An apk-conf that serves what an OpenAPI definition describes, as WSO2 APK's configurator makes it
// (reference apk.md B8): a draft for its user to look at. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects::apk {

struct GeneratedConf {
  Node conf;
  std::vector<Problem> errors;  // any: there is none
};

// OpenAPI 3 and Swagger 2.
[[nodiscard]] GeneratedConf ConfOfOpenApi(const Node& definition);

}  // namespace sallyport::authsvc::dialects::apk
