// The upstream connections of one loop. A connection serves only requests with the same key:
// endpoint, name, protocol, client certificate, trust, pins, TLS settings and forward proxy with
// its credentials (DESIGN 2.8), so identities never mix. Idle connections are bounded by number and
// age and are looked at before reuse; one that speaks HTTP/2 serves many requests at once. Where
// all that may be there are in use, a request waits for its turn. Belongs to one loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/http2/client_settings.h"
#include "dataplane/loop/loop.h"
#include "dataplane/sync/credentials.h"
#include "dataplane/upstream/connection.h"
#include "dataplane/upstream/resolver.h"
#include "dataplane/upstream/target.h"
#include "dataplane/upstream_tls/system_trust.h"

namespace sallyport::dataplane {

class Permit;  // dataplane/authorize
class UpstreamHttp2;
struct UpstreamPoolState;
struct UpstreamSlot;

struct UpstreamPoolOptions {
  size_t max_idle_per_key = 256;
  size_t max_connections_per_key = 4'096;  // idle and in use
  size_t max_waiting_per_key =
      1'024;  // requests for which there is neither a connection nor room for one
  size_t max_http2_connections_per_key = 16;
  Http2ClientSettings http2;
  size_t max_keys = 4'096;  // idle keys beyond are dropped, least recently used first
  absl::Duration max_idle_age = absl::Seconds(60);
  absl::Duration max_age = absl::Minutes(30);  // since it was opened; certificates are re-checked
  // An HTTP/2 connection had to be ended for what its upstream did; one of a bounded set of
  // constants.
  std::function<void(absl::string_view fault)> on_http2_fault;
};

// The use of one connection for one request: of an HTTP/1.1 one alone, of an HTTP/2 one (`http2`)
// beside others. Destruction without Keep closes an HTTP/1.1 connection.
class UpstreamLease {
 public:
  UpstreamLease() = default;
  UpstreamLease(UpstreamLease&& other) noexcept;
  UpstreamLease& operator=(UpstreamLease&& other) noexcept;
  ~UpstreamLease();

  [[nodiscard]] explicit operator bool() const {
    return connection_ != nullptr || http2_ != nullptr;
  }
  [[nodiscard]] UpstreamConnection& connection() const;
  [[nodiscard]] Stream& stream() const { return *connection().stream; }
  // Null: HTTP/1.1.
  [[nodiscard]] UpstreamHttp2* http2() const { return http2_.get(); }
  // It had served a request before: the upstream may have closed it just now.
  [[nodiscard]] bool reused() const { return reused_; }
  // It was waited for; the client may have left meanwhile.
  [[nodiscard]] bool waited() const { return waited_; }
  // The exchange is over and both sides may go on: back to the pool (or closed when retired or
  // full).
  void Keep();
  // Closes it now, where it is this request's alone.
  void Drop();
  // Takes an HTTP/1.1 one out of the pool, for good: its place is free, and what it rests on may
  // change without its knowledge. The loop outlives it.
  [[nodiscard]] std::unique_ptr<UpstreamConnection> Detach();

 private:
  friend class UpstreamPool;
  friend struct UpstreamPoolState;
  friend struct UpstreamSlot;
  friend class SlotWaiter;
  UpstreamLease(std::unique_ptr<UpstreamConnection> connection, std::shared_ptr<UpstreamSlot> slot);
  UpstreamLease(std::shared_ptr<UpstreamHttp2> http2, std::shared_ptr<UpstreamSlot> slot);

  std::unique_ptr<UpstreamConnection> connection_;
  std::shared_ptr<UpstreamHttp2> http2_;
  std::shared_ptr<UpstreamSlot> slot_;
  bool reused_ = false;
  bool waited_ = false;
};

class UpstreamPool {
 public:
  struct Limits {
    Deadline deadline;   // for waiting, resolving, connecting and the handshake together
    bool fresh = false;  // no idle HTTP/1.1 connection: for a retry
  };
  using Result = std::variant<UpstreamLease, UpstreamFailure>;

  // `loop`, `resolver`, `trust` and `clock` outlive this; leases may outlive it.
  UpstreamPool(Loop& loop, UpstreamPoolOptions options, Resolver& resolver,
               const SystemTrust& trust, const base::Clock& clock = base::SystemClock());
  ~UpstreamPool();
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  // `credentials` may be null for a plain http target without a forward proxy only. Credentials
  // that are not usable, or that do not fit, fail with kUpstreamCredential and no connection is
  // made.
  [[nodiscard]] boost::asio::awaitable<Result> Acquire(const UpstreamTargetPtr& target,
                                                       const UpstreamCredentialsPtr& credentials,
                                                       const Permit& permit, Limits limits);
  // An idle connection, or room on one of HTTP/2, at once, without a coroutine; empty when there is
  // none.
  [[nodiscard]] UpstreamLease TryIdle(const UpstreamTargetPtr& target,
                                      const UpstreamCredentialsPtr& credentials,
                                      const Permit& permit);

  // The certificate of this tag ("cert:ID") is void: idle connections of answers that rest on it
  // close now, those in use after their request. Call it for each such tag that the auth service
  // evicts (LoopSink::Retire). Other tags do nothing: another answer has another key.
  void RetireTag(absl::string_view tag);
  void RetireAll();
  // Closes what has been idle or alive too long, was closed by the upstream or leads to an address
  // that its name no longer has (names in use are looked up again when their answer is old), and
  // what rests on answers that nobody holds any more (evicted or replaced); takes up a changed
  // trust store. Call about once a second.
  void Sweep();

  struct Counts {
    size_t keys = 0;
    size_t idle = 0;
    size_t in_use = 0;   // requests
    size_t waiting = 0;  // requests
    size_t http2 = 0;    // connections
    uint64_t opened = 0;
    uint64_t http2_opened = 0;
    uint64_t reused = 0;
    uint64_t found_closed = 0;
    uint64_t retired = 0;
    uint64_t moved = 0;  // idle ones closed because their name has other addresses
  };
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] Loop& loop() const;

 private:
  std::shared_ptr<UpstreamPoolState> state_;  // shared with leases
};

}  // namespace sallyport::dataplane
