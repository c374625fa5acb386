// The requests of an HTTP/1.x connection, one after the other: heads and bodies from its stream,
// answers onto it, and whether it can carry another. One per connection; one loop's thread.
#pragma once

#include <optional>
#include <string>

#include "dataplane/exchange/client.h"
#include "dataplane/exchange/client_request.h"
#include "dataplane/forward/http1_client.h"
#include "dataplane/http/body.h"
#include "dataplane/http/head_parser.h"
#include "dataplane/loop/buffer.h"

namespace sallyport::dataplane {

class Http1Request final : public ClientRequest {
 public:
  explicit Http1Request(Client& client);

  ReadBuffer buffer;  // what was read and not yet used
  RequestParser parser;
  RequestHead received;  // `head`, to be filled

  // `received` is the next request's.
  void Begin();
  // `received` is of no use: the answer to it is the last.
  void BeginRefused();

  // After the exchange: the connection can carry another request.
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  // An answer broke off: the end must not look like one.
  [[nodiscard]] bool cut() const { return cut_; }
  // Nothing that the client sent is unread, as far as is known.
  [[nodiscard]] bool all_read() const { return body_.done() && buffer.empty(); }

  [[nodiscard]] absl::string_view protocol() const override;
  [[nodiscard]] bool multiplexed() const override { return false; }
  [[nodiscard]] bool gone() const override { return false; }
  [[nodiscard]] RequestBody* Body(uint64_t max_bytes) override;
  [[nodiscard]] ResponseSink& Sink() override;
  [[nodiscard]] boost::asio::awaitable<void> Relayed(const ForwardOutcome& outcome) override;
  [[nodiscard]] bool TryRelayed(const ForwardOutcome& outcome) override;
  [[nodiscard]] boost::asio::awaitable<void> Refuse(const OwnAnswer& answer,
                                                    base::Reason reason) override;
  [[nodiscard]] boost::asio::awaitable<TunnelOutcome> Tunnel(
      UpstreamConnection& upstream, const TunnelSettings& settings) override;
  [[nodiscard]] RequestCut* alone() override { return nullptr; }

 private:
  [[nodiscard]] bool MayKeepAlive() const;
  [[nodiscard]] bool IsLast() const;
  [[nodiscard]] bool BodyIsSmall() const;
  [[nodiscard]] boost::asio::awaitable<bool> DiscardBody();
  [[nodiscard]] boost::asio::awaitable<bool> FlushOut();
  void AnswerOver(const ForwardOutcome& outcome, bool flushed);

  Client& client_;
  BodyReader body_;
  std::string out_;  // to be written
  std::optional<Http1RequestBody> request_body_;
  std::optional<Http1ResponseSink> sink_;
  bool keep_alive_ = false;
  bool cut_ = false;
};

}  // namespace sallyport::dataplane
