// May this caller use this API? Connection memo → loop cache (no lock) → process cache (one short
// lock) → one call to authsvc that concurrent askers share. Failure rules: DESIGN 8.
//
// One AuthorizeHub per process, one Authorizer per loop, used on that loop's thread only.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "dataplane/authorize/facts.h"
#include "dataplane/authorize/verdict.h"
#include "dataplane/sync/authsvc_client.h"
#include "dataplane/sync/stream_state.h"

namespace sallyport::base {
class Clock;
}
namespace sallyport::cache {
class TagGenerations;
}

namespace sallyport::dataplane {

// What a connection remembers of its last decision, so that the next request on it costs nothing.
// Owned by the connection, used on its loop only. A copy is as good as the original; only the
// Authorizer reads or writes it.
struct ConnectionMemo {
  DecisionPtr decision;  // null: nothing remembered
  // The question that it answers.
  std::string api_id, profile, proxy;
  Proof proof = Proof::kNone;
  bool tls = false;
  std::array<uint8_t, 32> leaf_sha256{}, chain_sha256{};
  uint64_t credentials[2] = {0, 0};  // keyed hash over all of them
  // For how long: until an eviction, or this monotonic time.
  uint64_t eviction_epoch = 0;
  int64_t fresh_until_ns = 0;
  // Questions that this connection may still cause (a token bucket).
  double misses_left = -1;
  int64_t misses_at_ns = 0;

  // Evictions that sever find the connection by another decision from here on; no request is
  // answered by it.
  void RestOn(DecisionPtr other) {
    decision = std::move(other);
    fresh_until_ns = 0;
  }
};

struct AuthorizeOptions {
  absl::Duration negative_ttl = absl::Seconds(5);
  // Cap on what a decision's stale_if_error may ask for.
  absl::Duration max_stale = absl::Hours(24);
  size_t loop_entries = 4096;
  size_t process_entries = 200'000;
  size_t process_bytes = 256u << 20;
  size_t denial_entries = 50'000;
  size_t denial_bytes = 32u << 20;
  // Calls to authsvc that one connection, one client address may cause per second, and its burst.
  double connection_misses_per_second = 20, connection_miss_burst = 40;
  double address_misses_per_second = 200, address_miss_burst = 400;
  absl::Duration retry_after = absl::Seconds(1);
};

// What happened since the start, all loops together.
struct AuthorizeCounters {
  uint64_t memo = 0, loop = 0, process = 0;  // answered from there
  uint64_t miss = 0;                         // authsvc was asked
  uint64_t joined = 0;                       // somebody else's question was shared
  uint64_t refreshed = 0;                    // asked ahead of the end of its time
  uint64_t stale = 0;                        // used although nobody answered
  uint64_t voided = 0;                       // found, but evicted
  uint64_t reasked = 0;                      // an answer was void when it came
  uint64_t failed = 0;                       // refused for want of an answer
  uint64_t connection_limited = 0, address_limited = 0;
  uint64_t entries = 0, bytes = 0, denial_entries = 0, denial_bytes = 0, dropped = 0;
};

class AuthorizeHub {
 public:
  // All must outlive it. Loops must be gone before.
  AuthorizeHub(AuthorizeOptions options, const base::Clock* clock, AuthsvcClient* client,
               const StreamState* stream, cache::TagGenerations* generations);
  ~AuthorizeHub();
  AuthorizeHub(const AuthorizeHub&) = delete;
  AuthorizeHub& operator=(const AuthorizeHub&) = delete;

  // authsvc answered PERMISSION_DENIED or UNAUTHENTICATED to a question: called once per such
  // answer, from any thread, after the caches were dropped. Set before the first loop starts.
  void OnRefused(std::function<void()> callback);
  [[nodiscard]] AuthorizeCounters Counters() const;
  // Drops every decision of the process cache. Thread-safe.
  void Drop();

  struct Impl;
  [[nodiscard]] Impl* impl() const { return impl_.get(); }

 private:
  std::unique_ptr<Impl> impl_;
};

// What is to be thought of a request that was let in before.
struct Standing {
  enum class Kind : uint8_t { kAllowed, kDenied, kUnknown };
  Kind kind = Kind::kUnknown;
  DecisionPtr decision;  // null: unknown
};

class Authorizer {
 public:
  // `poster` posts to this loop. Both must outlive it.
  Authorizer(AuthorizeHub* hub, Poster* poster);
  ~Authorizer();
  Authorizer(const Authorizer&) = delete;
  Authorizer& operator=(const Authorizer&) = delete;

  // Memo and caches only: no suspension. Nothing when authsvc must be asked.
  [[nodiscard]] std::optional<Verdict> TryAuthorize(ConnectionMemo& memo, const AuthFacts& facts);
  // The whole of it; calls TryAuthorize first. What `facts` and `memo` point to must live until it
  // returns. Leaving (cancellation) does not cancel the shared call.
  [[nodiscard]] boost::asio::awaitable<Verdict> Authorize(ConnectionMemo& memo,
                                                          const AuthFacts& facts);
  // Would a request that is under way be let in now? Caches, then authsvc; shares questions with
  // everybody else. Neither memo nor limit of misses: it is not the client who asks. kUnknown:
  // nobody answered, or the answer was void; no old answer is taken in its place. `facts` is not
  // used after the return. `done` is posted to this loop, once.
  void AskAgain(const AuthFacts& facts, std::function<void(Standing)> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What the decision grants, against what is asked: version, URL and method (DESIGN 2.5). `version`:
// name of the version, "" when not versioned; `path`: stripped path. Nothing: granted.
[[nodiscard]] std::optional<Denial> CheckGrants(const Decision& decision, const Route& route,
                                                absl::string_view version, absl::string_view method,
                                                absl::string_view path);

// The scopes that the operation asks for. Nothing: granted.
[[nodiscard]] std::optional<Denial> CheckScopes(const Decision& decision,
                                                const RouteOperation& operation);

}  // namespace sallyport::dataplane
