// The numbers of the whole process that are read at scrape time: caches, stream, limits. Registered
// once by main; what is passed must outlive the book's last Render.
#pragma once

#include <functional>

#include "shared/metrics/sheet.h"

namespace sallyport::dataplane {

class AccessLog;
class StreamState;
class Subscriber;
class TelemetryReporter;

struct ProcessMetrics {
  const StreamState* stream = nullptr;
  const Subscriber* subscriber = nullptr;
  const AccessLog* access_log = nullptr;         // may be null
  const TelemetryReporter* telemetry = nullptr;  // may be null
  std::function<bool()> breaker_open;
  std::function<size_t()> limit_buckets;
  std::function<uint64_t()> evictions;
  // {api, setting} of every insecure setting in force.
  std::function<std::vector<metrics::Sample>()> insecure;  // labels: setting, api
};
void Register(metrics::Book* book, const ProcessMetrics& metrics);

// Counters that dataplane/authorize gives as plain numbers; kept apart so that observe does not
// depend on it.
struct CacheNumbers {
  uint64_t memo = 0, loop = 0, process = 0, miss = 0, joined = 0, refreshed = 0, stale = 0,
           voided = 0, reasked = 0, failed = 0, connection_limited = 0, address_limited = 0;
  uint64_t entries = 0, bytes = 0, denial_entries = 0, denial_bytes = 0, dropped = 0;
};
void RegisterCache(metrics::Book* book, const std::function<CacheNumbers()>& read);

}  // namespace sallyport::dataplane
