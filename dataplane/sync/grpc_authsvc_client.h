// AuthsvcClient, the Subscribe stream and the telemetry stream over gRPC with mutual TLS. Several
// authsvc addresses: one is used until it fails, then the next. Per target: reconnect back-off
// 100/500/1000 ms, and a breaker: after 5 failures in a row it answers at once (Unavailable) and
// probes every 500 ms. Thread-safe. Destroying it ends all calls; completions still come
// (Cancelled) before the destructor ends.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dataplane/sync/authsvc_client.h"
#include "dataplane/sync/subscriber.h"
#include "dataplane/sync/telemetry_sink.h"

namespace sallyport::dataplane {

struct GrpcAuthsvcOptions {
  std::vector<std::string> targets;  // host:port
  std::string name;                  // of this replica
  bool keeps_allowed = false;        // it can be asked about requests that it let in
  bool takes_ticket_keys = false;    // it shares session-ticket keys with its group
  // Directory with ca.crt, tls.crt, tls.key, swapped as a whole (a symbolic link, as Kubernetes
  // does); looked at every `refresh`. Must be set.
  std::string tls_directory;
  // For tests: plain text, nobody is authenticated. No setting leads here.
  bool plaintext_for_tests = false;
  std::string server_name;  // expected in authsvc's certificate; empty: the target's host
  absl::Duration call_deadline = absl::Milliseconds(500);
  absl::Duration refresh = absl::Seconds(10);
  int breaker_failures = 5;
  absl::Duration breaker_probe = absl::Milliseconds(500);
  absl::Duration report_limit = absl::Seconds(5);
  absl::Duration answer_limit = absl::Seconds(2);  // nobody waits longer for the answer to a lookup
};

class GrpcAuthsvcClient : public AuthsvcClient, public TelemetrySink {
 public:
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<GrpcAuthsvcClient>> Create(
      GrpcAuthsvcOptions options);
  // Starts the Subscribe stream and keeps it going until Stop. `observer` must live until then.
  virtual void Subscribe(StreamObserver* observer) = 0;
  // Every loop has applied this; repeated until authsvc has heard it.
  virtual void Acknowledge(uint64_t epoch, uint64_t revision) = 0;
  // Tells authsvc what became of its lookup, once and without a promise: it waits no longer than
  // answer_limit. Dropped while many are under way. Never blocks.
  virtual void Answer(const LookupAnswer& answer) = 0;
  // Ends the stream and all calls; blocks until nothing runs any more. Not from a loop's thread.
  virtual void Stop() = 0;
  // True while the breaker of every target is open.
  [[nodiscard]] virtual bool AllBroken() const = 0;
};

}  // namespace sallyport::dataplane
