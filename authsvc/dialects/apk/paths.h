// Where an API is served. Pure, thread-safe. Private to this folder.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects::apk {

struct Place {
  std::string base_path;  // "/employee" or "/employee/3.14"
  std::string version;    // "3.14"; empty: none
  bool is_default = false;
};

// "/employee" and "3.14" -> "/employee/3.14". The default version is served at "/employee" too: one
// API with a version in its URL that may be left out.
void PutPaths(const Place& place, v1::Api* api, v1::ApiVersion* version);

// "/employee" of "/employee/3.14/"; empty of "/".
[[nodiscard]] std::string RootOf(const Place& place);

// Of a GRPC API: a service is called by its whole name, "/org.apk.v1.pkg.Service/Method". Sets what
// all of them begin with; answers what stands before a service, by the version and, for the default
// version, without it.
[[nodiscard]] std::vector<std::string> PutGrpcPaths(const Place& place, v1::Api* api);

}  // namespace sallyport::authsvc::dialects::apk
