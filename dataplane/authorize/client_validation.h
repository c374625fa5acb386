// Is a client's chain one to go on with, at a strict SNI? Answers of ValidateCertificate, cached by
// chain and trust settings under the same rules as decisions (DESIGN 8), but never used beyond
// their time: where no authsvc answers, no such handshake succeeds. They say nothing of who may
// call what. One ValidationHub per process, one ClientValidation per loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/authorize/facts.h"
#include "dataplane/route/strict_table.h"
#include "dataplane/sync/authsvc_client.h"
#include "dataplane/sync/stream_state.h"

namespace sallyport::base {
class Clock;
}
namespace sallyport::cache {
class TagGenerations;
}

namespace sallyport::dataplane {

struct ValidationOptions {
  absl::Duration negative_ttl = absl::Seconds(5);
  size_t entries = 100'000;
  size_t bytes = 64u << 20;
  size_t negative_entries = 20'000;
  size_t negative_bytes = 16u << 20;
  // Calls to authsvc that one client address may cause per second, and its burst.
  double address_asks_per_second = 50, address_ask_burst = 200;
};

// What happened since the start, all loops together.
struct ValidationCounters {
  uint64_t hit = 0;      // answered by the cache
  uint64_t asked = 0;    // authsvc was asked
  uint64_t joined = 0;   // somebody else's question was shared
  uint64_t limited = 0;  // refused: too many of one address
  uint64_t failed = 0;   // refused for want of an answer
  uint64_t entries = 0, bytes = 0;
};

class ValidationHub {
 public:
  // All must outlive it; loops must be gone before. `refused`: authsvc does not accept this replica
  // any more; called from any thread, after what is cached here was dropped.
  ValidationHub(ValidationOptions options, const base::Clock* clock, AuthsvcClient* client,
                const StreamState* stream, cache::TagGenerations* generations,
                std::function<void()> refused = nullptr);
  ~ValidationHub();
  ValidationHub(const ValidationHub&) = delete;
  ValidationHub& operator=(const ValidationHub&) = delete;
  // Drops every answer. Thread-safe.
  void Drop();
  [[nodiscard]] ValidationCounters Counters() const;

  struct Impl;
  [[nodiscard]] Impl* impl() const { return impl_.get(); }

 private:
  std::unique_ptr<Impl> impl_;
};

class ClientValidation {
 public:
  // `poster` posts to this loop. Both must outlive it.
  ClientValidation(ValidationHub* hub, Poster* poster) : hub_(hub->impl()), poster_(poster) {}

  // From the cache alone; null: authsvc must be asked. Also refusals.
  [[nodiscard]] ValidationPtr Try(const StrictRule& rule, const PeerCertificate& chain);
  // Asks authsvc, or joins who has. `done` is called once, later, on the loop's thread; with null:
  // nobody answered in time. ResourceExhausted: `client`, an address, asks too much, and `done` is
  // never called.
  [[nodiscard]] absl::Status Ask(const StrictRule& rule, const PeerCertificate& chain,
                                 absl::string_view client, std::function<void(ValidationPtr)> done);

 private:
  ValidationHub::Impl* const hub_;
  Poster* const poster_;
};

}  // namespace sallyport::dataplane
