#include "dataplane/exchange/connection.h"

#include <sys/socket.h>

#include <optional>
#include <utility>

#include "dataplane/exchange/client.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/exchange/handshake_failure.h"
#include "dataplane/exchange/http1_request.h"
#include "dataplane/exchange/http2_connection.h"
#include "dataplane/exchange/linger.h"
#include "dataplane/exchange/tcp_exchange.h"
#include "dataplane/loop/suspension.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using IoKind = IoResult::Kind;

// ---- heads

struct HeadStep {
  enum class Kind : uint8_t { kDone, kWant, kClosed, kBad };
  Kind kind = Kind::kClosed;
  IoKind want = IoKind::kWantRead;
  Reason reason = Reason::kBadRequest;
  absl::string_view detail;
};

// Reads and parses as far as possible without waiting.
HeadStep NextHead(Client& client, Http1Request& request) {
  HeadStep step;
  const size_t most = client.services.settings.head.max_head_bytes + 1;
  for (;;) {
    if (!request.buffer.empty()) {
      const ParseOutcome parsed = request.parser.Parse(request.buffer.data(), &request.received);
      if (parsed.kind == ParseOutcome::Kind::kDone) {
        request.buffer.Consume(parsed.consumed);
        step.kind = HeadStep::Kind::kDone;
        return step;
      }
      if (parsed.kind == ParseOutcome::Kind::kBad) {
        step.kind = HeadStep::Kind::kBad;
        step.reason = parsed.reason;
        step.detail = parsed.detail;
        return step;
      }
    }
    const IoResult read = client.stream.TryRead(request.buffer.Space(most));
    if (read.wants()) {
      request.buffer.ReleaseIfEmpty();
      step.kind = HeadStep::Kind::kWant;
      step.want = read.kind;
      return step;
    }
    if (!read.ok() || read.bytes == 0) return step;
    request.buffer.Commit(read.bytes);
  }
}

// After an answer the next request is seldom there already.
bool NothingYet(const Client& client, const Http1Request& request) {
  return request.buffer.empty() && !client.stream.readiness().MayTry(Direction::kRead) &&
         !client.stream.HasBuffered();
}

// ---- requests

boost::asio::awaitable<void> ServeRequests(Client& client, Http1Request& request) {
  Loop& loop = client.services.loop;
  const ExchangeSettings& settings = client.services.settings;
  Exchange exchange(client, request);
  Deadline idle = loop.After(settings.head_time);
  Deadline whole_head = Deadline::Never();
  FairShare share;
  for (;;) {
    // A wait that had ended well before the Cancel goes on after it all the same.
    if (client.stream.readiness().cancelled()) co_return;
    const HeadStep step =
        NothingYet(client, request) ? HeadStep{HeadStep::Kind::kWant} : NextHead(client, request);
    if (step.kind == HeadStep::Kind::kClosed) co_return;
    if (step.kind == HeadStep::Kind::kBad) {
      request.BeginRefused();
      co_await exchange.RefuseHead(step.reason, step.detail);
      co_return;
    }
    if (step.kind == HeadStep::Kind::kWant) {
      const bool begun = !request.buffer.empty();
      if (begun && whole_head.is_never()) whole_head = loop.After(settings.head_time);
      const Deadline deadline = begun ? whole_head : idle;
      StreamWait wait(client.stream, step.want);
      std::optional<WaitResult> ended = wait.Begin(deadline);
      if (!ended.has_value()) ended = co_await wait();
      const IoResult waited = StreamWait::ResultOf(*ended);
      share.Renew();
      if (waited.ok()) continue;
      if (begun && waited.kind == IoKind::kTimeout) {
        request.BeginRefused();
        co_await exchange.RefuseHead(Reason::kRequestTimeout, "head not complete in time");
      }
      co_return;
    }
    client.registered.idle = client.registered.fresh = false;
    request.Begin();
    co_await exchange.Run();
    client.registered.idle = true;
    if (!request.keep_alive() || client.registered.last_request) co_return;
    if (share.Serve()) co_await Yield(loop);  // a long pipeline
    request.buffer.ReleaseIfEmpty();
    idle = loop.After(settings.keep_alive);
    whole_head = Deadline::Never();
  }
}

// ---- the end

boost::asio::awaitable<void> Goodbye(Client& client, const Http1Request& request) {
  if (request.cut()) {
    EndByReset(client.stream);
    co_return;
  }
  client.stream.TryShutdown();
  if (client.stream.readiness().cancelled()) co_return;
  if (request.all_read()) co_return;
  co_await Linger(client.stream);
}

boost::asio::awaitable<void> ServeHttp1(Client& client) {
  Http1Request request(client);
  co_await ServeRequests(client, request);
  co_await Goodbye(client, request);
}

boost::asio::awaitable<bool> ShakeHands(Client& client, ServerConnection& connection) {
  LoopServices& services = client.services;
  const absl::Duration began = services.loop.clock().Monotonic();
  const Deadline deadline = services.loop.After(services.settings.handshake);
  const IoResult result = co_await connection.Handshake(deadline, client.address);
  if (!result.ok()) {
    ReportHandshakeFailure(services, client.listener, client.address, connection.Report(result));
    co_return false;
  }
  absl::StatusOr<TlsPeer> peer = connection.Peer();
  if (!peer.ok()) {
    base::Log(base::Level::kError, "tls.peer", {{"error", peer.status()}});
    ReportHandshakeFailure(services, client.listener, client.address, connection.Report(result));
    co_return false;
  }
  client.peer = *std::move(peer);
  services.connections.SetPeer(&client.registered, client.peer.chain);
  services.metrics.Handshake(client.peer.resumed, services.loop.clock().Monotonic() - began);
  co_return true;
}

boost::asio::awaitable<void> ServeTls(LoopServices& services, const ListenerContext& listener,
                                      int fd, std::string address, bool announced) {
  auto accepted = listener.tls->Accept(fd, listener.facts);
  if (!accepted.ok()) {
    base::Log(base::Level::kError, "tls.accept", {{"error", accepted.status()}});
    co_return;
  }
  const std::unique_ptr<ServerConnection> connection = *std::move(accepted);
  Client client(services, listener.style, connection->stream());
  client.tls = connection.get();
  client.address = std::move(address);
  client.announced = announced;
  services.connections.Add(&client.registered, &client.stream);
  const bool shaken = co_await ShakeHands(client, *connection);
  if (!shaken) co_return;
  if (listener.style.streams) {
    TcpExchange exchange(client);
    co_await exchange.Run();
    co_return;
  }
  if (client.peer.http2) {
    co_await ServeHttp2(client);
  } else {
    co_await ServeHttp1(client);
  }
}

boost::asio::awaitable<void> ServePlain(LoopServices& services, const ListenerContext& listener,
                                        int fd, std::string address, bool announced) {
  PlainStream stream(services.loop, fd);
  Client client(services, listener.style, stream);
  client.address = std::move(address);
  client.announced = announced;
  services.connections.Add(&client.registered, &client.stream);
  if (listener.style.streams) {
    TcpExchange exchange(client);
    co_await exchange.Run();
    co_return;
  }
  co_await ServeHttp1(client);
}

// Counts the connection however it ends.
class OpenConnection {
 public:
  explicit OpenConnection(LoopMetrics& metrics) : metrics_(metrics) { metrics_.ConnectionOpened(); }
  ~OpenConnection() { metrics_.ConnectionClosed(); }
  OpenConnection(const OpenConnection&) = delete;
  OpenConnection& operator=(const OpenConnection&) = delete;

 private:
  LoopMetrics& metrics_;
};

}  // namespace

boost::asio::awaitable<void> ServeConnection(LoopServices& services, ListenerContextPtr listener,
                                             int fd, std::string address, bool announced) {
  const OpenConnection open(services.metrics);
  services.loop.RefreshNow();
  if (listener->tls != nullptr) {
    co_await ServeTls(services, *listener, fd, std::move(address), announced);
  } else {
    co_await ServePlain(services, *listener, fd, std::move(address), announced);
  }
}

}  // namespace sallyport::dataplane
