// One request as its exchange sees it: what came, and the way back. Which version of HTTP the
// client speaks, whether other requests share its connection, and what becomes of that afterwards
// is the business of the two implementations (http1_request.h, http2_request.h). One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "dataplane/exchange/connection_registry.h"
#include "dataplane/forward/forward.h"
#include "dataplane/forward/tunnel.h"
#include "dataplane/http/error_answer.h"
#include "dataplane/http/head.h"

namespace sallyport::dataplane {

class ClientRequest {
 public:
  explicit ClientRequest(const RequestHead& request_head) : head(request_head) {}
  virtual ~ClientRequest() = default;
  ClientRequest(const ClientRequest&) = delete;
  ClientRequest& operator=(const ClientRequest&) = delete;

  // Of the request at hand, checked; it and what its views show live until the exchange is over.
  const RequestHead& head;
  // For the access log: a constant.
  [[nodiscard]] virtual absl::string_view protocol() const = 0;
  // HTTP/2: others may be under way beside it.
  [[nodiscard]] virtual bool multiplexed() const = 0;
  // The client took it back, or has gone: as far as is known without asking.
  [[nodiscard]] virtual bool gone() const = 0;
  // The body, of which more than `max_bytes` is too large; null: there is none. Before anything of
  // it is read.
  [[nodiscard]] virtual RequestBody* Body(uint64_t max_bytes) = 0;
  // For an upstream's answer, once.
  [[nodiscard]] virtual ResponseSink& Sink() = 0;
  // Forward has returned, and an answer was started: it is whole, or `outcome.cut`.
  [[nodiscard]] virtual boost::asio::awaitable<void> Relayed(const ForwardOutcome& outcome) = 0;
  // Does the same where it has not to wait. False: nothing was done.
  [[nodiscard]] virtual bool TryRelayed(const ForwardOutcome& outcome) = 0;
  // Answers by itself; nothing of another answer is out.
  [[nodiscard]] virtual boost::asio::awaitable<void> Refuse(const OwnAnswer& answer,
                                                            base::Reason reason) = 0;
  // In place of Relayed, after an answer of 101: what follows on the client's connection, which is
  // the last there. Only of a request that asked for it (head.upgrade).
  [[nodiscard]] virtual boost::asio::awaitable<TunnelOutcome> Tunnel(
      UpstreamConnection& upstream, const TunnelSettings& settings) = 0;
  // Ends this request alone; null: it ends with its connection.
  [[nodiscard]] virtual RequestCut* alone() = 0;
};

}  // namespace sallyport::dataplane
