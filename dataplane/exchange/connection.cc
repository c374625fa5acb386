#include "dataplane/exchange/connection.h"

#include <sys/socket.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/base/attributes.h"
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

// Reads and parses as far as possible without waiting. Not part of the frame that an idle
// connection waits in, nor is TakePeer.
ABSL_ATTRIBUTE_NOINLINE HeadStep NextHead(Client& client, Http1Request& request) {
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

// What only requests need: 4 KiB, with what its strings hold.
struct Requests {
  explicit Requests(Client& client) : request(client), exchange(client, request) {}
  Http1Request request;
  Exchange exchange;
};
using RequestsPtr = std::unique_ptr<Requests>;

// An idle connection keeps it for so long, and makes it anew when there is something to read.
constexpr absl::Duration kRestAfter = absl::Milliseconds(500);

void Rest(Client& client, RequestsPtr& requests) {
  requests = nullptr;
  client.ForgetRecent();
}

// ---- the end

// `requests`: null of a connection that rests.
boost::asio::awaitable<void> Goodbye(Client& client, const Requests* requests) {
  if (requests != nullptr && requests->request.cut()) {
    EndByReset(client.stream);
    co_return;
  }
  client.stream.TryShutdown();
  if (client.stream.readiness().cancelled()) co_return;
  if (requests == nullptr || requests->request.all_read()) co_return;
  co_await Linger(client.stream);
}

boost::asio::awaitable<void> ServeHttp1(Client& client) {
  Loop& loop = client.services.loop;
  const ExchangeSettings& settings = client.services.settings;
  auto requests = std::make_unique<Requests>(client);
  Deadline idle = loop.After(settings.head_time);
  Deadline whole_head = Deadline::Never();
  FairShare share;
  for (;;) {
    // A wait that had ended well before the Cancel goes on after it all the same.
    if (client.stream.readiness().cancelled()) break;
    const bool resting = requests == nullptr;
    const HeadStep step = resting || NothingYet(client, requests->request)
                              ? HeadStep{HeadStep::Kind::kWant}
                              : NextHead(client, requests->request);
    if (step.kind == HeadStep::Kind::kClosed) break;
    if (step.kind == HeadStep::Kind::kBad) {
      requests->request.BeginRefused();
      co_await requests->exchange.RefuseHead(step.reason, step.detail);
      break;
    }
    if (step.kind == HeadStep::Kind::kWant) {
      const bool begun = !resting && !requests->request.buffer.empty();
      const bool may_rest = !resting && !begun && step.want == IoKind::kWantRead;
      if (begun && whole_head.is_never()) whole_head = loop.After(settings.head_time);
      const Deadline deadline = begun ? whole_head : idle;
      StreamWait wait(client.stream, step.want);
      std::optional<WaitResult> ended =
          wait.Begin(may_rest ? deadline.Earlier(loop.After(kRestAfter)) : deadline);
      if (!ended.has_value()) ended = co_await wait();
      const IoResult waited = StreamWait::ResultOf(*ended);
      share.Renew();
      if (waited.ok()) {
        if (resting) requests = std::make_unique<Requests>(client);
        continue;
      }
      if (waited.kind != IoKind::kTimeout) break;
      if (may_rest && !loop.Passed(idle)) {
        Rest(client, requests);
        continue;
      }
      if (begun) {
        requests->request.BeginRefused();
        co_await requests->exchange.RefuseHead(Reason::kRequestTimeout,
                                               "head not complete in time");
      }
      break;
    }
    client.registered.idle = client.registered.fresh = false;
    requests->request.Begin();
    co_await requests->exchange.Run();
    client.registered.idle = true;
    if (!requests->request.keep_alive() || client.registered.last_request) break;
    if (share.Serve()) co_await Yield(loop);  // a long pipeline
    requests->request.buffer.ReleaseIfEmpty();
    idle = loop.After(settings.keep_alive);
    whole_head = Deadline::Never();
  }
  co_await Goodbye(client, requests.get());
}

boost::asio::awaitable<void> ServeStreams(Client& client) {
  TcpExchange exchange(client);
  co_await exchange.Run();
}

// What the handshake said of the client. False: it is over, and told of.
ABSL_ATTRIBUTE_NOINLINE bool TakePeer(Client& client, ServerConnection& connection,
                                      const IoResult& result, absl::Duration began) {
  LoopServices& services = client.services;
  if (result.ok()) {
    absl::StatusOr<TlsPeer> peer = connection.Peer();
    if (peer.ok()) {
      client.peer = *std::move(peer);
      services.connections.SetPeer(&client.registered, client.peer.chain);
      services.metrics.Handshake(client.peer.resumed, services.loop.clock().Monotonic() - began);
      return true;
    }
    base::Log(base::Level::kError, "tls.peer", {{"error", peer.status()}});
  }
  ReportHandshakeFailure(services, client.listener, client.address, connection.Report(result));
  return false;
}

boost::asio::awaitable<bool> ShakeHands(Client& client, ServerConnection& connection) {
  const Loop& loop = client.services.loop;
  const absl::Duration began = loop.clock().Monotonic();
  const Deadline deadline = loop.After(client.services.settings.handshake);
  const IoResult result = co_await connection.Handshake(deadline, client.address);
  co_return TakePeer(client, connection, result, began);
}

// Counts the connection however it ends.
class OpenConnection {
 public:
  explicit OpenConnection(LoopServices& services) : metrics_(services.metrics) {
    metrics_.ConnectionOpened();
    services.loop.RefreshNow();
  }
  ~OpenConnection() { metrics_.ConnectionClosed(); }
  OpenConnection(const OpenConnection&) = delete;
  OpenConnection& operator=(const OpenConnection&) = delete;

 private:
  LoopMetrics& metrics_;
};

// Null: logged.
std::unique_ptr<ServerConnection> AcceptTls(const ListenerContext& listener, int fd) {
  auto accepted = listener.tls->Accept(fd, listener.facts);
  if (accepted.ok()) return *std::move(accepted);
  base::Log(base::Level::kError, "tls.accept", {{"error", accepted.status()}});
  return nullptr;
}

boost::asio::awaitable<void> ServeTls(LoopServices& services, ListenerContextPtr listener, int fd,
                                      std::string address, bool announced) {
  const OpenConnection open(services);
  const std::unique_ptr<ServerConnection> connection = AcceptTls(*listener, fd);
  if (connection == nullptr) co_return;
  Client client(services, listener->style, connection->stream());
  client.tls = connection.get();
  client.address = std::move(address);
  client.announced = announced;
  services.connections.Add(&client.registered, &client.stream);
  const bool shaken = co_await ShakeHands(client, *connection);
  if (!shaken) co_return;
  if (listener->style.streams) {
    co_await ServeStreams(client);
  } else if (client.peer.http2) {
    co_await ServeHttp2(client);
  } else {
    co_await ServeHttp1(client);
  }
}

boost::asio::awaitable<void> ServePlain(LoopServices& services, ListenerContextPtr listener, int fd,
                                        std::string address, bool announced) {
  const OpenConnection open(services);
  PlainStream stream(services.loop, fd);
  Client client(services, listener->style, stream);
  client.address = std::move(address);
  client.announced = announced;
  services.connections.Add(&client.registered, &client.stream);
  if (listener->style.streams) {
    co_await ServeStreams(client);
  } else {
    co_await ServeHttp1(client);
  }
}

}  // namespace

boost::asio::awaitable<void> ServeConnection(LoopServices& services, ListenerContextPtr listener,
                                             int fd, std::string address, bool announced) {
  const auto serve = listener->tls != nullptr ? ServeTls : ServePlain;
  return serve(services, std::move(listener), fd, std::move(address), announced);
}

}  // namespace sallyport::dataplane
