#include "authsvc/change/server_name_checks.h"

#include "authsvc/change/invalid.h"
#include "shared/domain/host.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::authsvc {
namespace {

constexpr int kMostEntries = 64;
constexpr int kMostNames = 256;

}  // namespace

absl::Status ServerNameChecks::CheckCount(int count) const {
  if (count > kMostEntries) return Invalid(field_, ": more than ", kMostEntries, " entries");
  return absl::OkStatus();
}

absl::Status ServerNameChecks::CheckNames(
    const google::protobuf::RepeatedPtrField<std::string>& names) {
  if (names.empty()) {
    if (whole_) return Invalid(field_, ": two entries without server_names");
    whole_ = true;
  }
  if (names.size() > kMostNames)
    return Invalid(field_, ": more than ", kMostNames, " server names in one entry");
  for (const std::string& name : names) {
    absl::Status status = CheckName(name);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ServerNameChecks::CheckName(const std::string& text) {
  using PatternKind = domain::HostPattern::Kind;
  const auto pattern = domain::HostPattern::Parse(text);
  const bool name = pattern.ok() && (pattern->kind() == PatternKind::kExact ||
                                     pattern->kind() == PatternKind::kWildcard);
  if (!name) {
    return Invalid(field_, ": server name `", text, "` is neither a host name nor `*.` and one");
  }
  const bool wildcard = pattern->kind() == PatternKind::kWildcard;
  if (!wildcard) {
    const auto host = domain::ParseHost(pattern->name());
    if (!host.ok() || host->is_ip)
      return Invalid(field_, ": `", text, "`: no client sends an address as server name");
  }
  if (!seen_.insert((wildcard ? "*." : "") + pattern->name()).second)
    return Invalid(field_, ": server name `", text, "` stands in it twice");
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
