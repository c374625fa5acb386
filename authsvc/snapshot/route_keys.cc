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

absl::string_view WithoutLastSlashes(absl::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path;
}

bool IsHttp(const v1::Api& api) { return api.protocol().empty() || api.protocol() == "http"; }

std::vector<std::string> KeysAt(const v1::Api& api, absl::string_view path,
                                absl::string_view matching) {
  std::vector<std::string> keys;
  const auto add = [&](const std::string& host) {
    keys.push_back(
        IsHttp(api)
            ? absl::StrCat(api.listen_port(), " ", ComparableHost(host), " ", path, matching)
            : absl::StrCat("stream ", api.listen_port(), " ", ComparableHost(host)));
  };
  for (const std::string& host : api.hosts()) add(host);
  if (api.hosts().empty()) add("");
  return keys;
}

}  // namespace

std::vector<std::string> RouteKeys(const v1::Api& api) {
  const bool whole = !api.matching().path_match().empty();
  return KeysAt(api, whole ? api.listen_path() : WithoutLastSlashes(api.listen_path()),
                ComparableMatching(api.matching()));
}

std::vector<std::string> PlaceKeys(const v1::Api& api) {
  return KeysAt(api, WithoutLastSlashes(api.listen_path()), "");
}

std::string StreamPortKey(uint32_t port) { return absl::StrCat("stream port ", port); }

std::vector<std::string> IndexKeys(const v1::Api& api) {
  std::vector<std::string> keys = RouteKeys(api);
  if (api.has_matching()) {
    for (std::string& key : PlaceKeys(api)) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(std::move(key));
    }
  }
  if (!IsHttp(api)) keys.push_back(StreamPortKey(api.listen_port()));
  return keys;
}

}  // namespace sallyport::authsvc
