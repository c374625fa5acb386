#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/change/credentials.h"
#include "authsvc/snapshot/references.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMostLines = 1000;
constexpr absl::Duration kSoon = absl::Hours(30 * 24);

class InsecureList {
 public:
  void Add(const std::string& where, const std::string& what) {
    if (lines_.size() < kMostLines) lines_.push_back(absl::StrCat(where, ": ", what));
  }
  void AddTls(const std::string& where, const v1::TransportTls& tls) {
    if (tls.insecure_skip_verify()) Add(where, "insecure_skip_verify");
  }
  void AddPins(const std::string& where, const v1::DomainPins& pins) {
    if (!pins.disabled() && pins.report_only() && !pins.pins().empty()) {
      Add(where, "pins are report-only");
    }
  }
  std::vector<std::string> Take() { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
};

std::vector<std::string> Insecure(const Snapshot& snapshot) {
  InsecureList list;
  const auto& settings = snapshot.settings().settings;
  list.AddTls("gateway", settings.upstream_tls());
  list.AddPins("gateway", settings.pins());
  snapshot.ForEachApi([&](const ApiEntry& entry) {
    const auto& api = entry.api;
    const std::string where = absl::StrCat("Api ", api.id());
    list.AddTls(where, api.upstream().tls());
    list.AddPins(where, api.upstream().pins());
    if (api.inactive()) return true;
    if (api.keyless() && api.client_tls().static_mtls() != v1::REQUIREMENT_MANDATORY) {
      list.Add(where, "keyless: callers are not authenticated");
    }
    if (api.allow_plain_http()) list.Add(where, "allow_plain_http");
    return true;
  });
  return list.Take();
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

}  // namespace

StatusFacts CollectStatus(const Snapshot& snapshot, absl::Time now) {
  StatusFacts facts;
  for (const Kind kind : kAllKinds) {
    facts.counts[std::string(KindName(kind))] = snapshot.Count(kind);
  }
  facts.insecure = Insecure(snapshot);
  facts.pending = snapshot.Pending(kMostLines);
  facts.expiring = Expiring(snapshot, now);
  return facts;
}

}  // namespace sallyport::authsvc
