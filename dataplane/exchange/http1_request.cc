#include "dataplane/exchange/http1_request.h"

#include "dataplane/exchange/linger.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

// A body that small is read and thrown away, so that the connection can go on after a refusal.
constexpr uint64_t kSmallBody = 64 * 1024;
constexpr absl::Duration kDiscardTime = absl::Seconds(2);

// 421: the client opens another connection. 400: what follows a request that is wrong is not
// trusted either. 408: who was waited for is not waited for again (RFC 9110 15.5.9).
bool EndsConnection(Reason reason) {
  return reason == Reason::kMisdirected || reason == Reason::kBadRequest ||
         reason == Reason::kRequestTimeout;
}

}  // namespace

Http1Request::Http1Request(Client& client)
    : ClientRequest(received),
      buffer(client.services.loop.buffers()),
      parser(client.services.settings.head),
      client_(client),
      body_(client.stream, buffer) {}

void Http1Request::Begin() {
  ++client_.requests;
  keep_alive_ = false;
  request_body_.reset();
  sink_.reset();
  body_.Start(received.framing, received.content_length);
}

void Http1Request::BeginRefused() {
  received.Clear();
  received.keep_alive = false;
  Begin();
}

absl::string_view Http1Request::protocol() const {
  return received.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

bool Http1Request::MayKeepAlive() const {
  const LoopServices& services = client_.services;
  const uint32_t most = services.settings.requests_per_connection;
  // Who asks for another protocol may have begun to speak it, and that must never be read as a
  // request.
  return received.keep_alive && received.upgrade.empty() && !services.draining &&
         !client_.registered.last_request && (most == 0 || client_.requests < most);
}

// A body that was announced, and not asked for by a 100, may follow the answer or not.
bool Http1Request::IsLast() const {
  const bool open = received.expect_continue && !body_.done() && body_.bytes() == 0;
  return open || !MayKeepAlive();
}

RequestBody* Http1Request::Body(uint64_t max_bytes) {
  if (received.framing == Framing::kNone) return nullptr;
  body_.Start(received.framing, received.content_length, max_bytes);
  return &request_body_.emplace(client_.stream, body_, received.framing, received.content_length);
}

ResponseSink& Http1Request::Sink() {
  Http1ResponseSink::Options options;
  options.minor_version = received.minor_version;
  options.keep_alive = MayKeepAlive();
  options.is_last = [this] { return IsLast(); };
  return sink_.emplace(client_.stream, std::move(options), &out_);
}

boost::asio::awaitable<void> Http1Request::Relayed(const ForwardOutcome& outcome) {
  const bool flushed = outcome.cut || co_await FlushOut();
  AnswerOver(outcome, flushed);
}

bool Http1Request::TryRelayed(const ForwardOutcome& outcome) {
  if (!outcome.cut && !out_.empty()) return false;
  AnswerOver(outcome, /*flushed=*/true);
  return true;
}

void Http1Request::AnswerOver(const ForwardOutcome& outcome, bool flushed) {
  cut_ = outcome.cut;
  keep_alive_ = flushed && sink_->keep_alive() && !outcome.cut && outcome.request_read &&
                body_.done() && !client_.registered.last_request;
}

boost::asio::awaitable<void> Http1Request::Refuse(const OwnAnswer& answer, Reason reason) {
  const bool body_left = !body_.done();
  const bool keep =
      MayKeepAlive() && !EndsConnection(reason) && !body_.failed() && (!body_left || BodyIsSmall());
  RenderOwnAnswer(answer, received.method == "HEAD", !keep, &out_);
  const bool flushed = co_await FlushOut();
  keep_alive_ = flushed && keep;
  if (keep_alive_ && body_left) keep_alive_ = co_await DiscardBody();
}

boost::asio::awaitable<TunnelOutcome> Http1Request::Tunnel(UpstreamConnection& upstream,
                                                           const TunnelSettings& settings) {
  const TunnelSide near{client_.stream, buffer};
  const TunnelSide far{*upstream.stream, upstream.buffer};
  const TunnelOutcome outcome = co_await RunTunnel(near, far, settings);
  if (outcome.end != TunnelEnd::kClosed) {
    cut_ = true;
    EndByReset(*upstream.stream);
  }
  co_return outcome;
}

bool Http1Request::BodyIsSmall() const {
  return received.framing == Framing::kLength && received.content_length <= kSmallBody &&
         !received.expect_continue;
}

boost::asio::awaitable<bool> Http1Request::FlushOut() {
  if (out_.empty()) co_return true;
  const Deadline deadline = client_.services.loop.After(client_.services.settings.write_idle);
  const IoResult written = co_await WriteAll(client_.stream, out_, deadline);
  out_.clear();
  co_return written.ok();
}

boost::asio::awaitable<bool> Http1Request::DiscardBody() {
  const Deadline deadline = client_.services.loop.After(kDiscardTime);
  for (;;) {
    const BodyPiece piece = co_await body_.Next(deadline);
    if (piece.kind == BodyPiece::Kind::kEnd) co_return true;
    if (piece.kind != BodyPiece::Kind::kData) co_return false;
  }
}

}  // namespace sallyport::dataplane
