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

}  // namespace

std::vector<std::string> RouteKeys(const v1::Api& api) {
  absl::string_view path = api.listen_path();
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  std::vector<std::string> keys;
  const auto add = [&](const std::string& host) {
    keys.push_back(absl::StrCat(api.listen_port(), " ", ComparableHost(host), " ", path));
  };
  for (const std::string& host : api.hosts()) add(host);
  if (api.hosts().empty()) add("");
  return keys;
}

}  // namespace sallyport::authsvc
