#include "authsvc/dialects/apk/paths.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sallyport::authsvc::dialects::apk {

std::string RootOf(const Place& place) {
  absl::string_view root = place.base_path;
  while (absl::ConsumeSuffix(&root, "/")) {
  }
  if (!place.version.empty()) absl::ConsumeSuffix(&root, absl::StrCat("/", place.version));
  return std::string(root);
}

void PutPaths(const Place& place, v1::Api* api, v1::ApiVersion* version) {
  const std::string root = RootOf(place);
  api->set_strip_listen_path(true);
  if (!place.version.empty() && !place.is_default) {
    api->set_listen_path(absl::StrCat(root, "/", place.version));
    return;
  }
  api->set_listen_path(root.empty() ? "/" : root);
  if (place.version.empty()) return;
  version->set_name(place.version);
  v1::Versioning* versioning = api->mutable_versioning();
  versioning->set_enabled(true);
  versioning->set_location("url");
  versioning->set_strip(true);
  versioning->set_default_version(place.version);
  versioning->set_fallback_to_default(true);
}

std::vector<std::string> PutGrpcPaths(const Place& place, v1::Api* api) {
  const std::string root = absl::StrCat(RootOf(place), place.base_path == "/" ? "/" : ".");
  const std::string versioned =
      place.version.empty() ? root : absl::StrCat(root, place.version, ".");
  std::vector<std::string> prefixes = {versioned};
  if (place.is_default && versioned != root) prefixes.push_back(root);
  api->set_listen_path(prefixes.back());
  api->mutable_matching()->set_path_match("prefix");
  return prefixes;
}

}  // namespace sallyport::authsvc::dialects::apk
