// Sends one permitted request to one upstream and streams the answer back (DESIGN 2.9). Memory is
// bounded by the buffers of both connections, whatever the sizes of the bodies.
//
// A request is sent a second time, once, on a fresh connection, only when the first connection had
// been used before, nothing of an answer came, and either nothing of the request was sent or the
// method is idempotent and no byte of the body had been read from the client, and the budget of
// retries allows it. Towards an HTTP/2 upstream also, up to twice, when that says that it did not
// begin with it (REFUSED_STREAM, beyond its GOAWAY) and all that was read of the body is still
// there. When no connection could be made to it, nothing was done that another target could not do.
//
// Once the answer's head is out, a failure of the upstream never looks like an end: outcome.cut
// says that the client's connection must be closed without finishing the message.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dataplane/http/message.h"
#include "dataplane/upstream/pool.h"
#include "dataplane/upstream/retry_budget.h"
#include "dataplane/upstream/target.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

struct ForwardTimeouts {
  absl::Duration connect = absl::Seconds(5);  // name, TCP and TLS together
  absl::Duration first_byte =
      absl::Seconds(60);                    // from the end of the request to the answer's head
  absl::Duration idle = absl::Seconds(60);  // between bytes, either way
  absl::Duration total = absl::InfiniteDuration();
  Deadline until;  // beside it: of every target of the request together
};

struct ForwardRequest {
  absl::string_view method;
  absl::string_view target;              // origin-form as it goes out: JoinPath, query included
  absl::string_view host;                // Host: target.authority, or the caller's where preserved
  const HeaderFields* fields = nullptr;  // as received; cleaned here
  absl::Span<const HeaderField> set;     // ours (ForwardedFields): replace every copy, added last
  absl::Span<const absl::string_view> remove;  // e.g. the credential's header
  AnswerChanges answer;
  RequestBody* body = nullptr;  // null: no body
  bool expect_continue = false;
  // A protocol that may be switched to (dataplane/http/upgrade.h); empty: none. The target speaks
  // HTTP/1.1 then, and the connection is the request's alone, whatever comes of it.
  absl::string_view upgrade;
  bool accepts_trailers = false;    // the caller said TE: trailers
  bool from_trusted_proxy = false;  // its address headers (X-Real-IP...) pass
  bool grpc = false;                // it is gRPC's, and its caller speaks HTTP/2
  bool retry = true;                // a second connection may be used
  RetryBudget* retries = nullptr;   // asked before one is; null: no bound
};

struct ForwardOutcome {
  base::Reason reason = base::Reason::kAllowed;  // kClientGone when the caller left
  std::string detail;                            // operators only
  bool answer_started = false;                   // bytes of it may be out: no error answer any more
  bool cut = false;                    // close the client's connection without a clean end
  bool request_read = true;            // the whole request body was read: keep-alive possible
  int status = 0;                      // the upstream's
  int grpc_status = -1;                // the same, of gRPC; below zero: not known
  std::optional<uint32_t> reset_code;  // the upstream reset the stream (RFC 9113 7)
  uint64_t request_bytes = 0;          // body bytes sent
  uint64_t response_bytes = 0;         // body bytes received
  int attempts = 0;
  bool unsent = false;       // the last attempt found no connection: the request may go elsewhere
  bool over_budget = false;  // it would have been sent again, but for the budget
  bool reused = false;
  absl::Duration connect_took;     // of the last attempt, zero when reused
  absl::Duration first_byte_took;  // from the start of Forward to the answer's head
  absl::Duration first_byte_at;    // monotonic; zero: no answer came
  UpstreamFactsPtr upstream;       // of the last connection; null when none was tried
  // The upstream has switched and the client was told: what comes on either side is the other's.
  std::unique_ptr<UpstreamConnection> tunnel;
};

// On the pool's loop. Everything referred to outlives the call.
[[nodiscard]] boost::asio::awaitable<ForwardOutcome> Forward(
    UpstreamPool& pool, const UpstreamTargetPtr& target, const UpstreamCredentialsPtr& credentials,
    const Permit& permit, const ForwardRequest& request, const ForwardTimeouts& timeouts,
    ResponseSink& sink);

}  // namespace sallyport::dataplane
