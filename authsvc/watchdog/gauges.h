// What /metrics says of the snapshot, the store and the replicas, read when it is scraped.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace sallyport::base {
class Clock;
}
namespace sallyport::metrics {
class Book;
}

namespace sallyport::authsvc {

class Snapshot;

struct ReplicaGauge {
  std::string name;
  uint64_t revision = 0;
  absl::Time certificate_not_after = absl::InfiniteFuture();  // of its control certificate
};

struct GaugeSources {
  const base::Clock* clock = nullptr;
  std::function<std::shared_ptr<const Snapshot>()> snapshot;
  std::function<std::vector<ReplicaGauge>()> replicas;
  std::string version;
  std::function<absl::Time()> certificate_not_after;  // of authsvc's own control certificate
  // By group, of the newest session-ticket key.
  std::function<std::vector<std::pair<std::string, absl::Duration>>()> ticket_key_ages;
};

// The sources must outlive the book's last scrape.
void RegisterGauges(const GaugeSources& sources, metrics::Book* book);

}  // namespace sallyport::authsvc
