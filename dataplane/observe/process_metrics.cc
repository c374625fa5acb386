#include "dataplane/observe/process_metrics.h"

#include <utility>

#include "dataplane/observe/access_log.h"
#include "dataplane/observe/telemetry.h"
#include "dataplane/sync/stream_state.h"
#include "dataplane/sync/subscriber.h"
#include "shared/base/clock.h"

namespace sallyport::dataplane {
namespace {

using metrics::Id;
using metrics::Sample;

template <typename Read>
void Number(metrics::Book* book, Id id, Read read) {
  book->OnScrape(id, [read = std::move(read)] {
    return std::vector<Sample>{{{}, static_cast<double>(read())}};
  });
}

void RegisterStream(metrics::Book* book, const StreamState* stream, const Subscriber* subscriber) {
  Number(book, Id::kStreamHealthy,
         [stream] { return stream->Healthy(base::SystemClock().Monotonic()) ? 1 : 0; });
  Number(book, Id::kReady, [stream] { return stream->Ready() ? 1 : 0; });
  Number(book, Id::kRevision, [stream] { return stream->AppliedRevision(); });
  if (subscriber == nullptr) return;
  Number(book, Id::kRevisionLag, [stream, subscriber] {
    const uint64_t announced = subscriber->AnnouncedRevision(), applied = stream->AppliedRevision();
    return announced > applied ? announced - applied : 0;
  });
  Number(book, Id::kRoutes, [subscriber] { return subscriber->View()->routes->size(); });
  Number(book, Id::kLimitsPerReplica,
         [subscriber] { return subscriber->ConnectedReplicas() > 1 ? 1 : 0; });
}

}  // namespace

void Register(metrics::Book* book, const ProcessMetrics& m) {
  if (m.stream != nullptr) RegisterStream(book, m.stream, m.subscriber);
  if (m.access_log != nullptr) {
    Number(book, Id::kAccessLogDropped, [log = m.access_log] { return log->dropped(); });
  }
  if (m.telemetry != nullptr) {
    Number(book, Id::kTelemetryLost, [telemetry = m.telemetry] { return telemetry->lost(); });
  }
  if (m.breaker_open)
    Number(book, Id::kAuthsvcBreaker, [open = m.breaker_open] { return open() ? 1 : 0; });
  if (m.limit_buckets) Number(book, Id::kLimitBuckets, m.limit_buckets);
  if (m.evictions) Number(book, Id::kCacheEvictions, m.evictions);
  if (m.insecure) book->OnScrape(Id::kInsecure, m.insecure);
}

void RegisterCache(metrics::Book* book, const std::function<CacheNumbers()>& read) {
  const auto number = [](uint64_t n) { return static_cast<double>(n); };
  book->OnScrape(Id::kDecisionCache, [read, number] {
    const CacheNumbers c = read();
    return std::vector<Sample>{
        {{"memo"}, number(c.memo)},       {{"loop"}, number(c.loop)},
        {{"process"}, number(c.process)}, {{"miss"}, number(c.miss)},
        {{"joined"}, number(c.joined)},   {{"refreshed"}, number(c.refreshed)},
        {{"stale"}, number(c.stale)},     {{"void"}, number(c.voided)},
        {{"reasked"}, number(c.reasked)}, {{"failed"}, number(c.failed)}};
  });
  book->OnScrape(Id::kCacheEntries, [read, number] {
    const CacheNumbers c = read();
    return std::vector<Sample>{{{"decisions"}, number(c.entries)},
                               {{"denials"}, number(c.denial_entries)}};
  });
  book->OnScrape(Id::kCacheBytes, [read, number] {
    const CacheNumbers c = read();
    return std::vector<Sample>{{{"decisions"}, number(c.bytes)},
                               {{"denials"}, number(c.denial_bytes)}};
  });
  book->OnScrape(Id::kCacheDropped, [read, number] {
    return std::vector<Sample>{{{"decisions"}, number(read().dropped)}};
  });
  book->OnScrape(Id::kMissesRefused, [read, number] {
    const CacheNumbers c = read();
    return std::vector<Sample>{{{"connection"}, number(c.connection_limited)},
                               {{"address"}, number(c.address_limited)}};
  });
}

}  // namespace sallyport::dataplane
