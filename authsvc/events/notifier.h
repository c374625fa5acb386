// Tells webhooks of what happens at APIs, off the path of requests and decisions (DESIGN 10).
//
// Every authsvc tells of what its own data planes report, and each of certificates; in memory only:
// what waits when it ends is lost. Bounded: beyond that many messages under way, or to one handler
// in a minute, the others are dropped and counted. One that did not arrive comes again after a
// while, a few times; those that wait for that have places of their own. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/events/event.h"
#include "shared/base/secret.h"

namespace sallyport::base {
class Clock;
}

namespace sallyport::v1 {
class Api;
class EventHandler;
class ReportRequest;
}  // namespace sallyport::v1

namespace sallyport::authsvc {

class Snapshot;

// How a message ended, or an attempt to send it, for log and metrics.
struct MessageResult {
  // kRetried: not the end; it did not arrive and will come again.
  enum class Outcome : uint8_t { kSent, kFailed, kDropped, kLogged, kRetried };
  Outcome outcome = Outcome::kSent;
  EventKind kind = EventKind::kAuthFailure;
  std::string api_id;
  std::string url;  // kLogged: empty
  std::string message;
  absl::Status status;
  int attempts = 0;  // so far
};

struct NotifierOptions {
  size_t most_under_way = 256;  // of one API a quarter
  size_t most_a_minute = 120;   // of one handler
  size_t most_cooldowns = 100'000;
  size_t most_waiting = 256;                      // for another attempt, of one API a quarter
  int most_attempts = 4;                          // of one message
  absl::Duration first_delay = absl::Seconds(1);  // until the second attempt, then 5 times as long
  absl::Duration expiring_within = absl::Hours(24 * 30);
  std::string ca_path;  // certificates of webhooks in place of the system's; empty: the system's
  // Opens the value of one of the handler's sealed_headers. Thread-safe, does not block; without it
  // such a handler is not told anything.
  std::function<absl::StatusOr<base::Secret>(const ::sallyport::v1::Api& api,
                                             const ::sallyport::v1::EventHandler& handler,
                                             const std::string& name)>
      open_header;
};

class Notifier {
 public:
  using Current = std::function<std::shared_ptr<const Snapshot>()>;
  // `clock` must outlive it; `report` is called on its own thread or the caller's.
  Notifier(NotifierOptions options, const base::Clock* clock, Current current,
           std::function<void(const MessageResult&)> report);
  // Ends what is under way.
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // What data planes reported: refusals and the use of quotas.
  void Take(const ::sallyport::v1::ReportRequest& report);
  // Certificates that have expired or will soon, of all APIs that have a handler for it. Walks what
  // expires within the time of the options, and nothing else.
  void LookAtCertificates();
  void Tell(const Event& event);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::authsvc
