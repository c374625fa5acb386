#include "dataplane/listen/process_metrics.h"

#include <utility>
#include <vector>

#include "shared/base/clock.h"

namespace sallyport::dataplane {
namespace {

using metrics::Id;

void OnScrape(metrics::Book* book, Id id, std::function<double()> read) {
  book->OnScrape(id, [read = std::move(read)] {
    return std::vector<metrics::Sample>{{{}, read()}};
  });
}

double Lag(const ProcessMetricSources& sources) {
  const uint64_t announced = sources.subscriber->AnnouncedRevision();
  const uint64_t applied = sources.stream->AppliedRevision();
  return announced > applied ? static_cast<double>(announced - applied) : 0;
}

}  // namespace

void RegisterProcessMetrics(const ProcessMetricSources& sources) {
  metrics::Book* const book = sources.book;
  OnScrape(book, Id::kReady, [sources] { return sources.ready() ? 1.0 : 0.0; });
  OnScrape(book, Id::kStreamHealthy, [sources] {
    return sources.stream->Healthy(base::SystemClock().Monotonic()) ? 1.0 : 0.0;
  });
  OnScrape(book, Id::kRevision,
           [sources] { return static_cast<double>(sources.stream->AppliedRevision()); });
  OnScrape(book, Id::kRevisionLag, [sources] { return Lag(sources); });
  OnScrape(book, Id::kAuthsvcBreaker, [sources] { return sources.client->AllBroken() ? 1.0 : 0.0; });
  OnScrape(book, Id::kRoutes,
           [sources] { return static_cast<double>(sources.subscriber->View()->routes->size()); });
  OnScrape(book, Id::kLimitBuckets, [sources] { return static_cast<double>(sources.limiter->size()); });
  OnScrape(book, Id::kLimitsPerReplica,
           [sources] { return sources.subscriber->ConnectedReplicas() > 1 ? 1.0 : 0.0; });
  OnScrape(book, Id::kAccessLogDropped,
           [sources] { return static_cast<double>(sources.access_log->dropped()); });
  OnScrape(book, Id::kTelemetryLost,
           [sources] { return static_cast<double>(sources.telemetry->lost()); });
}

}  // namespace sallyport::dataplane
