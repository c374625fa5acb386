#include "dataplane/exchange/http2_request.h"

#include <cstdlib>

namespace sallyport::dataplane {

namespace {

// What the upstream said of this request alone, where it means the same to the client.
uint32_t ResetFor(const ForwardOutcome& outcome) {
  const uint32_t said = outcome.reset_code.value_or(NGHTTP2_INTERNAL_ERROR);
  return said == NGHTTP2_CANCEL || said == NGHTTP2_ENHANCE_YOUR_CALM
             ? said
             : uint32_t{NGHTTP2_INTERNAL_ERROR};
}

}  // namespace

RequestBody* Http2Request::Body(uint64_t max_bytes) {
  if (head.framing == Framing::kNone) return nullptr;
  stream_.LimitBody(max_bytes);
  return &stream_;
}

bool Http2Request::TryRelayed(const ForwardOutcome& outcome) {
  if (outcome.cut) stream_.Reset(ResetFor(outcome));
  return true;
}

boost::asio::awaitable<TunnelOutcome> Http2Request::Tunnel(UpstreamConnection& /*upstream*/,
                                                           const TunnelSettings& /*settings*/) {
  std::abort();
  co_return TunnelOutcome();
}

boost::asio::awaitable<void> Http2Request::Relayed(const ForwardOutcome& outcome) {
  (void)TryRelayed(outcome);
  co_return;
}

boost::asio::awaitable<void> Http2Request::Refuse(const OwnAnswer& answer, base::Reason reason) {
  if (stream_.verdict.kind == HeadVerdict::Kind::kMalformed) co_return;  // it was reset
  AnswerHead own;
  own.status = answer.status;
  for (const auto& [name, value] : answer.fields) own.fields.push_back({name, value});
  const bool no_content = answer.status == 204 || answer.status == 304;
  own.has_body = head.method != "HEAD" && !no_content;
  if (!answer.only_head && !no_content) own.length = answer.body.size();
  stream_.Start(own);
  if (own.has_body) (void)stream_.Append(answer.body);
  (void)stream_.Finish({});
  // The client asks for that host on another connection, and so it shall for all.
  if (reason == base::Reason::kMisdirected) session_.WindUp(/*at_once=*/false);
  const Deadline deadline = loop_.After(write_idle_);
  (void)co_await stream_.Flush(deadline);
}

void Http2Request::Cut() { stream_.Cut(); }

}  // namespace sallyport::dataplane
