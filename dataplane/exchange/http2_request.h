// One request of an HTTP/2 connection: it has its stream to itself, and ends without the others.
// One loop's thread.
#pragma once

#include "dataplane/exchange/client_request.h"
#include "dataplane/http2/session.h"
#include "dataplane/http2/stream.h"

namespace sallyport::dataplane {

class Http2Request final : public ClientRequest, public RequestCut {
 public:
  // `write_idle`: of an answer of our own. All outlive it.
  Http2Request(Http2Stream& stream, Http2Session& session, Loop& loop, absl::Duration write_idle)
      : ClientRequest(stream.head),
        stream_(stream),
        session_(session),
        loop_(loop),
        write_idle_(write_idle) {}

  [[nodiscard]] absl::string_view protocol() const override { return "HTTP/2"; }
  [[nodiscard]] bool multiplexed() const override { return true; }
  [[nodiscard]] bool gone() const override { return stream_.gone(); }
  [[nodiscard]] RequestBody* Body(uint64_t max_bytes) override;
  [[nodiscard]] ResponseSink& Sink() override { return stream_; }
  [[nodiscard]] boost::asio::awaitable<void> Relayed(const ForwardOutcome& outcome) override;
  [[nodiscard]] bool TryRelayed(const ForwardOutcome& outcome) override;
  [[nodiscard]] boost::asio::awaitable<void> Refuse(const OwnAnswer& answer,
                                                    base::Reason reason) override;
  // HTTP/2 has no Upgrade (RFC 9113 8.6): never asked.
  [[nodiscard]] boost::asio::awaitable<TunnelOutcome> Tunnel(
      UpstreamConnection& upstream, const TunnelSettings& settings) override;
  [[nodiscard]] RequestCut* alone() override { return this; }
  void Cut() override;

 private:
  Http2Stream& stream_;
  Http2Session& session_;
  Loop& loop_;
  const absl::Duration write_idle_;
};

}  // namespace sallyport::dataplane
