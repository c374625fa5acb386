#include "dataplane/listen/process_metrics.h"

#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/observe/process_metrics.h"
#include "shared/base/clock.h"
#include "shared/crypto/pem.h"
#include "shared/metrics/process.h"

namespace sallyport::dataplane {
namespace {

using metrics::Id;

constexpr size_t kMostInsecure = 1000;

void OnScrape(metrics::Book* book, Id id, std::function<double()> read) {
  book->OnScrape(id,
                 [read = std::move(read)] { return std::vector<metrics::Sample>{{{}, read()}}; });
}

double Lag(const ProcessMetricSources& sources) {
  const uint64_t announced = sources.subscriber->AnnouncedRevision();
  const uint64_t applied = sources.stream->AppliedRevision();
  return announced > applied ? static_cast<double>(announced - applied) : 0;
}

CacheNumbers CacheNumbersOf(const AuthorizeHub& hub) {
  const AuthorizeCounters from = hub.Counters();
  CacheNumbers to;
  to.memo = from.memo;
  to.loop = from.loop;
  to.process = from.process;
  to.miss = from.miss;
  to.joined = from.joined;
  to.refreshed = from.refreshed;
  to.stale = from.stale;
  to.voided = from.voided;
  to.reasked = from.reasked;
  to.failed = from.failed;
  to.connection_limited = from.connection_limited;
  to.address_limited = from.address_limited;
  to.entries = from.entries;
  to.bytes = from.bytes;
  to.denial_entries = from.denial_entries;
  to.denial_bytes = from.denial_bytes;
  to.dropped = from.dropped;
  return to;
}

}  // namespace

std::vector<metrics::Sample> InsecureSamples(const GatewayView& view) {
  std::vector<metrics::Sample> samples;
  // As authsvc names them, so that one alert rule holds for both services.
  for (const std::string& setting : view.gateway.insecure_settings) {
    samples.push_back({{absl::StrCat("gateway: ", setting), ""}, 1});
  }
  view.routes->ForEach([&samples](const Route& route) {
    for (const std::string& setting : route.insecure_settings) {
      if (samples.size() < kMostInsecure) samples.push_back({{setting, route.api_id}, 1});
    }
  });
  return samples;
}

std::vector<metrics::Sample> TargetSamples(const TargetRegistry& targets, int64_t now_millis) {
  std::vector<metrics::Sample> samples;
  for (const TargetRegistry::Counts& counts : targets.CountAll(now_millis)) {
    samples.push_back({{counts.api_id, "usable"}, static_cast<double>(counts.usable)});
    samples.push_back({{counts.api_id, "ejected"}, static_cast<double>(counts.ejected)});
    samples.push_back({{counts.api_id, "down"}, static_cast<double>(counts.down)});
  }
  return samples;
}

std::vector<metrics::Sample> ScriptSamples(const ScriptPool::Counts& counts) {
  return {{{"idle"}, static_cast<double>(counts.idle)},
          {{"busy"}, static_cast<double>(counts.busy)},
          {{"ending"}, static_cast<double>(counts.ending)},
          {{"waiting"}, static_cast<double>(counts.waiting)}};
}

std::vector<metrics::Sample> ExpirySamples(const CertificateWatch& listeners,
                                           const std::string& control_certificate_file) {
  std::vector<metrics::Sample> samples;
  const absl::Time soonest = listeners.SoonestExpiry();
  if (soonest != absl::InfiniteFuture()) {
    samples.push_back({{"listener"}, static_cast<double>(absl::ToUnixSeconds(soonest))});
  }
  // gRPC takes a new one up by itself within seconds, so the file tells.
  std::ifstream file(control_certificate_file, std::ios::binary);
  std::ostringstream pem;
  if (file.is_open()) pem << file.rdbuf();
  const auto bundle = crypto::ParsePem(pem.str());
  if (bundle.ok() && !bundle->chain.empty()) {
    samples.push_back(
        {{"control"}, static_cast<double>(absl::ToUnixSeconds(bundle->chain.front()->not_after))});
  }
  return samples;
}

std::vector<metrics::Sample> TicketKeySamples(const TicketKeys::Facts& facts) {
  return {{{"shared"}, static_cast<double>(facts.shared)},
          {{"own"}, static_cast<double>(facts.own)}};
}

std::vector<metrics::Sample> TicketKeyAgeSamples(const TicketKeys::Facts& facts) {
  if (!facts.any) return {};
  return {{{facts.making_shared ? "shared" : "own"}, absl::ToDoubleSeconds(facts.age)}};
}

std::vector<metrics::Sample> ValidationSamples(const ValidationCounters& counters) {
  return {{{"cache"}, static_cast<double>(counters.hit)},
          {{"asked"}, static_cast<double>(counters.asked)},
          {{"joined"}, static_cast<double>(counters.joined)},
          {{"limited"}, static_cast<double>(counters.limited)},
          {{"failed"}, static_cast<double>(counters.failed)}};
}

void RegisterProcessMetrics(const ProcessMetricSources& sources) {
  metrics::RegisterProcess(sources.book);
  metrics::Book* const book = sources.book;
  OnScrape(book, Id::kReady, [sources] { return sources.ready() ? 1.0 : 0.0; });
  OnScrape(book, Id::kStreamHealthy, [sources] {
    return sources.stream->Healthy(base::SystemClock().Monotonic()) ? 1.0 : 0.0;
  });
  OnScrape(book, Id::kRevision,
           [sources] { return static_cast<double>(sources.stream->AppliedRevision()); });
  OnScrape(book, Id::kRevisionLag, [sources] { return Lag(sources); });
  OnScrape(book, Id::kAuthsvcBreaker,
           [sources] { return sources.client->AllBroken() ? 1.0 : 0.0; });
  OnScrape(book, Id::kRoutes,
           [sources] { return static_cast<double>(sources.subscriber->View()->routes->size()); });
  OnScrape(book, Id::kLimitBuckets,
           [sources] { return static_cast<double>(sources.limiter->size()); });
  OnScrape(book, Id::kLimitsPerReplica,
           [sources] { return sources.subscriber->ConnectedReplicas() > 1 ? 1.0 : 0.0; });
  OnScrape(book, Id::kAccessLogDropped,
           [sources] { return static_cast<double>(sources.access_log->dropped()); });
  OnScrape(book, Id::kTelemetryLost,
           [sources] { return static_cast<double>(sources.telemetry->lost()); });
  OnScrape(book, Id::kCacheEvictions,
           [sources] { return static_cast<double>(sources.generations->Evictions()); });
  book->OnScrape(Id::kInsecure, [sources] { return InsecureSamples(*sources.subscriber->View()); });
  book->OnScrape(Id::kCertificateNotAfter, [sources] {
    return ExpirySamples(*sources.certificates, sources.control_certificate_file);
  });
  book->OnScrape(Id::kUpstreamTargets, [sources] {
    return TargetSamples(*sources.targets,
                         absl::ToInt64Milliseconds(base::SystemClock().Monotonic()));
  });
  book->OnScrape(Id::kScriptProcesses,
                 [sources] { return ScriptSamples(sources.scripts->counts()); });
  book->OnScrape(Id::kTicketKeys,
                 [sources] { return TicketKeySamples(sources.ticket_keys->Report()); });
  book->OnScrape(Id::kTicketKeyInUseAge,
                 [sources] { return TicketKeyAgeSamples(sources.ticket_keys->Report()); });
  book->OnScrape(Id::kStrictValidations,
                 [sources] { return ValidationSamples(sources.validation->Counters()); });
  RegisterCache(book, [sources] { return CacheNumbersOf(*sources.authorize); });
}

}  // namespace sallyport::dataplane
