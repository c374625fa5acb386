#include "authsvc/watchdog/gauges.h"

#include <algorithm>
#include <array>
#include <map>

#include "absl/strings/str_cat.h"
#include "authsvc/change/credentials.h"
#include "authsvc/snapshot/snapshot.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"
#include "shared/metrics/process.h"
#include "shared/metrics/sheet.h"

namespace sallyport::authsvc {
namespace {

using metrics::Id;
using metrics::Sample;
using Samples = std::vector<Sample>;

constexpr size_t kMostExpiring = 100'000;

// Status costs a walk, so it is made once for all gauges of a scrape and kept for some seconds.
class Facts {
 public:
  explicit Facts(GaugeSources sources) : sources_(std::move(sources)) {}

  std::shared_ptr<const StatusFacts> Get() {
    const base::MutexLock lock(&mutex_);
    const absl::Duration now = sources_.clock->Monotonic();
    if (facts_ == nullptr || now - made_ > absl::Seconds(5)) {
      facts_ =
          std::make_shared<StatusFacts>(CollectStatus(*sources_.snapshot(), sources_.clock->Now()));
      made_ = now;
    }
    return facts_;
  }
  [[nodiscard]] const GaugeSources& sources() const { return sources_; }

 private:
  const GaugeSources sources_;
  base::Mutex mutex_;
  std::shared_ptr<const StatusFacts> facts_ ABSL_GUARDED_BY(mutex_);
  absl::Duration made_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
};

std::string RoleOf(const Snapshot& snapshot, const CertificateEntry& entry) {
  const std::string org(entry.org_id().data(), entry.org_id().size());
  for (const CertificateUse& use : snapshot.WhoUses(org, entry.id)) {
    if (use.how.find("server certificate") != std::string::npos) return "server";
    if (use.how.find("client certificate") != std::string::npos) return "upstream_client";
    if (use.how == "key" || use.how == "binding")
      return "registered_client";  // also when it is CA:TRUE
  }
  return entry.is_ca ? "ca" : "registered_client";
}

// Those of the control connections are in no store.
void AddControl(const GaugeSources& sources, std::map<std::string, double>* soonest) {
  if (sources.certificate_not_after) {
    (*soonest)["control"] =
        static_cast<double>(absl::ToUnixSeconds(sources.certificate_not_after()));
  }
  absl::Time first = absl::InfiniteFuture();
  for (const ReplicaGauge& replica : sources.replicas())
    first = std::min(first, replica.certificate_not_after);
  if (first != absl::InfiniteFuture())
    (*soonest)["dataplane_control"] = static_cast<double>(absl::ToUnixSeconds(first));
}

Samples SoonestExpiry(const GaugeSources& sources) {
  const auto snapshot = sources.snapshot();
  std::map<std::string, double> soonest;
  for (const CertificateEntry* entry : snapshot->ExpiringBefore(absl::InfiniteFuture(), 1000)) {
    soonest.try_emplace(RoleOf(*snapshot, *entry), static_cast<double>(entry->not_after_unix));
  }
  AddControl(sources, &soonest);
  Samples samples;
  for (const auto& [role, when] : soonest) samples.push_back({{role}, when});
  return samples;
}

Samples ExpiringSoon(const GaugeSources& sources) {
  const auto snapshot = sources.snapshot();
  constexpr std::array<absl::string_view, 3> kNames = {"1d", "7d", "30d"};
  constexpr std::array<int, 3> kDays = {1, 7, 30};
  const absl::Time now = sources.clock->Now();
  std::map<std::pair<std::string, std::string>, double> counts;
  for (const CertificateEntry* entry :
       snapshot->ExpiringBefore(now + absl::Hours(24 * 30), kMostExpiring)) {
    const std::string role = RoleOf(*snapshot, *entry);
    const absl::Duration left = absl::FromUnixSeconds(entry->not_after_unix) - now;
    for (size_t i = 0; i < kDays.size(); ++i) {
      if (left <= absl::Hours(24 * kDays[i])) counts[{role, std::string(kNames[i])}] += 1;
    }
  }
  Samples samples;
  for (const auto& [labels, count] : counts)
    samples.push_back({{labels.first, labels.second}, count});
  return samples;
}

// "Api a1: upstream verification is off" -> one sample each; the text is the setting.
Samples Insecure(const StatusFacts& facts) {
  Samples samples;
  for (const std::string& text : facts.insecure) {
    const bool of_api = text.compare(0, 4, "Api ") == 0 && text.find(": ") != std::string::npos;
    const size_t colon = text.find(": ");
    samples.push_back(
        {{of_api ? text.substr(colon + 2) : text, of_api ? text.substr(4, colon - 4) : ""}, 1});
  }
  return samples;
}

Samples TicketKeyAges(const GaugeSources& sources) {
  Samples samples;
  if (!sources.ticket_key_ages) return samples;
  for (const auto& [group, age] : sources.ticket_key_ages())
    samples.push_back({{group}, absl::ToDoubleSeconds(age)});
  return samples;
}

Samples Lag(const GaugeSources& sources) {
  const uint64_t head = sources.snapshot()->revision();
  Samples samples;
  for (const ReplicaGauge& replica : sources.replicas()) {
    const double behind =
        replica.revision >= head ? 0 : static_cast<double>(head - replica.revision);
    samples.push_back({{replica.name}, behind});
  }
  return samples;
}

}  // namespace

void RegisterGauges(const GaugeSources& sources, metrics::Book* book) {
  metrics::RegisterProcess(book);
  auto facts = std::make_shared<Facts>(sources);
  book->OnScrape(Id::kBuildInfo,
                 [facts] { return Samples{{{"authsvc", facts->sources().version}, 1}}; });
  book->OnScrape(Id::kStoreRevision, [facts] {
    return Samples{{{}, static_cast<double>(facts->sources().snapshot()->revision())}};
  });
  book->OnScrape(Id::kResources, [facts] {
    Samples samples;
    for (const auto& [kind, count] : facts->Get()->counts)
      samples.push_back({{kind}, static_cast<double>(count)});
    return samples;
  });
  book->OnScrape(Id::kPendingReferences, [facts] {
    return Samples{{{}, static_cast<double>(facts->Get()->pending.size())}};
  });
  book->OnScrape(Id::kInsecure, [facts] { return Insecure(*facts->Get()); });
  book->OnScrape(Id::kCertificateNotAfter, [facts] { return SoonestExpiry(facts->sources()); });
  book->OnScrape(Id::kCertificatesExpiring, [facts] { return ExpiringSoon(facts->sources()); });
  book->OnScrape(Id::kReplicas, [facts] {
    return Samples{{{}, static_cast<double>(facts->sources().replicas().size())}};
  });
  book->OnScrape(Id::kTicketKeyAge, [facts] { return TicketKeyAges(facts->sources()); });
  book->OnScrape(Id::kReplicaLag, [facts] { return Lag(facts->sources()); });
  book->OnScrape(Id::kLimitsPerReplica, [facts] {
    return Samples{{{}, facts->sources().replicas().size() > 1 ? 1.0 : 0.0}};
  });
}

}  // namespace sallyport::authsvc
