#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "authsvc/snapshot/snapshot_index.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::authsvc {
namespace {

std::string ComparableHost(const std::string& host) {
  const auto pattern = domain::HostPattern::Parse(host);
  if (!pattern.ok()) return absl::AsciiStrToLower(host);
  return absl::StrCat(static_cast<int>(pattern->kind()), ":", pattern->name());
}

// Routes that differ in it may stand at one place. Empty for one without.
std::string ComparableMatching(const v1::RouteMatching& matching) {
  v1::RouteMatching copy = matching;
  std::sort(copy.mutable_methods()->begin(), copy.mutable_methods()->end());
  const std::string bytes = copy.SerializeAsString();
  return bytes.empty() ? bytes : absl::StrCat(" \x01", bytes);
}

}  // namespace

std::vector<std::string> RouteKeys(const v1::Api& api) {
  absl::string_view path = api.listen_path();
  const std::string matching = ComparableMatching(api.matching());
  if (api.matching().path_match().empty()) {
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  }
  std::vector<std::string> keys;
  const bool http = api.protocol().empty() || api.protocol() == "http";
  const auto add = [&](const std::string& host) {
    keys.push_back(
        http ? absl::StrCat(api.listen_port(), " ", ComparableHost(host), " ", path, matching)
             : absl::StrCat("stream ", api.listen_port(), " ", ComparableHost(host)));
  };
  for (const std::string& host : api.hosts()) add(host);
  if (api.hosts().empty()) add("");
  return keys;
}

std::string StreamPortKey(uint32_t port) { return absl::StrCat("stream port ", port); }

std::vector<std::string> IndexKeys(const v1::Api& api) {
  std::vector<std::string> keys = RouteKeys(api);
  const bool http = api.protocol().empty() || api.protocol() == "http";
  if (!http) keys.push_back(StreamPortKey(api.listen_port()));
  return keys;
}

}  // namespace sallyport::authsvc
