#include "dataplane/listen/changed_settings.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

namespace sallyport::dataplane {
namespace {

bool IsTakenUp(absl::string_view path) {
  return path == "log_level" || absl::StartsWith(path, "trace_clients");
}

std::set<std::pair<std::string, std::string>> ValuesOf(const config::DataplaneConfig& config) {
  std::set<std::pair<std::string, std::string>> values;
  for (const config::Setting& setting : config::SettingsOf(config))
    values.emplace(setting.path, setting.value);
  return values;
}

}  // namespace

std::string WaitForRestart(const config::DataplaneConfig& now,
                           const config::DataplaneConfig& again) {
  const auto before = ValuesOf(now), after = ValuesOf(again);
  std::vector<std::pair<std::string, std::string>> differ;
  std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(),
                                std::back_inserter(differ));
  std::set<std::string> paths;
  for (const auto& [path, value] : differ) {
    if (!IsTakenUp(path)) paths.insert(path);
  }
  return absl::StrJoin(paths, ", ");
}

}  // namespace sallyport::dataplane
