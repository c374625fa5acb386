// What goes to authsvc's Telemetry service: refusals with their facts, handshake failures, use per
// key and certificate, observed pins. Records are kept in bounded buffers per loop and sent in
// batches by a thread of its own; what does not fit (by number or bytes), or does not arrive, is
// counted as lost. Never on the request path.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "dataplane/sync/telemetry_sink.h"

namespace sallyport::base {
class Clock;
}

namespace sallyport::dataplane {

class TelemetryReporter {
 public:
  struct Options {
    absl::Duration interval = absl::Seconds(1);
    size_t max_refusals = 2'000;  // kept per batch and loop
    size_t max_handshakes = 500;
    size_t max_uses = 20'000;  // different (key, leaf, API)
    size_t max_pins = 2'000;
    // Of one batch, all loops together; half of it for uses, so that refusals never crowd them out.
    // authsvc takes no message above 4 MiB.
    size_t max_bytes = 3u << 20;
  };
  // `sink` and `clock` must outlive it. `start_thread` false: the caller calls SendNow (tests).
  TelemetryReporter(Options options, TelemetrySink* sink, const base::Clock* clock, int loops,
                    bool start_thread = true);
  ~TelemetryReporter();
  TelemetryReporter(const TelemetryReporter&) = delete;
  TelemetryReporter& operator=(const TelemetryReporter&) = delete;

  // `loop`: index of the calling loop. One short lock that is only ever shared with the sender.
  void Refused(int loop, RefusalRecord record);
  void HandshakeFailed(int loop, HandshakeFailureRecord record);
  void Used(int loop, absl::string_view key_id, absl::string_view leaf_sha256,
            absl::string_view api_id, bool allowed, const UseOfQuota& quota = {});
  void PinObserved(int loop, PinRecord record);

  void SendNow();
  [[nodiscard]] uint64_t lost() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::dataplane
