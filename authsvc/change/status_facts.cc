#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/change/credentials.h"
#include "authsvc/snapshot/insecure.h"
#include "authsvc/snapshot/references.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMostLines = 1000;
constexpr absl::Duration kSoon = absl::Hours(30 * 24);

std::vector<std::string> Insecure(const Snapshot& snapshot) {
  std::vector<std::string> lines;
  const auto add = [&lines](const std::string& where, const std::vector<std::string>& settings) {
    for (const std::string& setting : settings) {
      if (lines.size() < kMostLines) lines.push_back(absl::StrCat(where, ": ", setting));
    }
  };
  add("gateway", InsecureSettings(snapshot.settings().settings));
  snapshot.ForEachApi([&](const ApiEntry& entry) {
    add(absl::StrCat("Api ", entry.api.id()), InsecureSettings(entry.api));
    return true;
  });
  return lines;
}

std::vector<std::string> Expiring(const Snapshot& snapshot, absl::Time now) {
  std::vector<std::string> lines;
  for (const auto* entry : snapshot.ExpiringBefore(now + kSoon, kMostLines)) {
    const auto uses = snapshot.WhoUses(entry->org_id(), entry->id);
    std::string line = absl::StrCat(
        entry->id, entry->name.empty() ? "" : absl::StrCat(" (", entry->name, ")"),
        entry->ExpiredAt(now) ? " expired " : " expires ",
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(entry->not_after_unix),
                         absl::UTCTimeZone()));
    if (!uses.empty()) {
      absl::StrAppend(&line, ", used by ", KindName(uses[0].kind), " ", uses[0].id, " (",
                      uses[0].how, ")");
    }
    if (uses.size() > 1) absl::StrAppend(&line, " and ", uses.size() - 1, " more");
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<std::string> Unusable(const Snapshot& snapshot) {
  std::vector<std::string> lines;
  const auto add = [&lines](const std::string& where, const Allowlist& list) {
    for (const std::string& entry : list.unusable) {
      if (lines.size() < kMostLines) lines.push_back(absl::StrCat(where, ": ", entry));
    }
  };
  add("gateway allowlist", snapshot.settings().client_allowlist);
  add("control allowlist", snapshot.settings().control_allowlist);
  snapshot.ForEachApi([&](const ApiEntry& entry) {
    add(absl::StrCat("Api ", entry.api.id(), " allowlist"), entry.allowlist);
    return true;
  });
  return lines;
}

}  // namespace

StatusFacts CollectStatus(const Snapshot& snapshot, absl::Time now) {
  StatusFacts facts;
  for (const Kind kind : kAllKinds) {
    facts.counts[std::string(KindName(kind))] = snapshot.Count(kind);
  }
  facts.insecure = Insecure(snapshot);
  facts.pending = snapshot.Pending(kMostLines);
  facts.unusable = Unusable(snapshot);
  facts.expiring = Expiring(snapshot, now);
  return facts;
}

}  // namespace sallyport::authsvc
