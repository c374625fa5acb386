#include "dataplane/upstream/dial.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/upstream/connect.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

std::string AddressText(const boost::asio::ip::address& address, uint16_t port) {
  return address.is_v6() ? absl::StrCat("[", address.to_string(), "]:", port)
                         : absl::StrCat(address.to_string(), ":", port);
}

UpstreamFactsPtr FactsOf(const UpstreamConnection& connection, std::string address) {
  auto facts = std::make_shared<UpstreamFacts>();
  facts->address = std::move(address);
  facts->by_proxy = connection.by_proxy;
  facts->http2 = connection.http2;
  if (connection.tls_context == nullptr) return facts;
  const UpstreamTlsFacts& tls = connection.tls;
  facts->tls_version = tls.tls_version;
  facts->resumed = tls.resumed;
  facts->certificate_requested = tls.certificate_requested;
  if (tls.certificate_presented) {
    facts->presented_certificate_id = connection.tls_context->certificate_id();
  }
  facts->spki_sha256 = tls.verdict.spki_sha256;
  facts->pin_mismatch = tls.verdict.pin_mismatch;
  return facts;
}

UpstreamFailure NameFailure(const absl::Status& status) {
  UpstreamFailure failure;
  failure.reason =
      absl::IsDeadlineExceeded(status) ? Reason::kUpstreamConnectTimeout : Reason::kUpstreamDns;
  failure.detail = std::string(status.message());
  return failure;
}

absl::string_view WhyNot(const ConnectResult& result) {
  return result.timed_out ? "timeout" : std::strerror(result.error);
}

UpstreamFailure ConnectFailure(const UpstreamTarget& target, const ConnectResult& result) {
  UpstreamFailure failure;
  failure.reason = result.timed_out ? Reason::kUpstreamConnectTimeout : Reason::kUpstreamConnect;
  failure.detail = absl::StrCat(target.host, ":", target.port, ": ", WhyNot(result));
  return failure;
}

UpstreamFailure TlsFailure(const UpstreamTarget& target, const IoResult& result,
                           UpstreamConnection* connection) {
  UpstreamFailure failure;
  if (result.kind == IoResult::Kind::kTimeout) {
    failure.reason = Reason::kUpstreamConnectTimeout;
    connection->tls.failure = "timeout in the TLS handshake";
  } else {
    failure.reason = ClientTlsContext::Failed(result.tls_error, &connection->tls);
  }
  failure.detail = absl::StrCat(target.host, ":", target.port, ": ", connection->tls.failure);
  failure.spki_sha256 = connection->tls.verdict.spki_sha256;
  return failure;
}

// What cannot be reached is the proxy: the target was not even asked for.
UpstreamFailure ProxyFailure(const ProxyHop& hop, absl::string_view what) {
  return UpstreamFailure{Reason::kUpstreamProxy, absl::StrCat(hop.ToString(), ": ", what), {}};
}

boost::asio::awaitable<std::optional<UpstreamFailure>> StartTls(const UpstreamTarget& target,
                                                                int fd,
                                                                UpstreamConnection* connection,
                                                                Deadline deadline, Loop* loop) {
  crypto::UniqueSsl ssl = connection->tls_context->NewSsl(&connection->tls);
  if (ssl == nullptr) {
    connection->stream = std::make_unique<PlainStream>(*loop, fd);  // owns the descriptor
    co_return UpstreamFailure{Reason::kInternal, "no TLS object", {}};
  }
  connection->stream = std::make_unique<TlsStream>(*loop, fd, ssl.release());
  const IoResult result = co_await Handshake(*connection->stream, deadline);
  if (!result.ok()) co_return TlsFailure(target, result, connection);
  const Reason reason =
      connection->tls_context->Conclude(connection->stream->ssl(), &connection->tls);
  if (reason == Reason::kAllowed) co_return std::nullopt;
  co_return UpstreamFailure{
      reason, absl::StrCat(target.host, ":", target.port, ": ", connection->tls.failure),
      connection->tls.verdict.spki_sha256};
}

// A name service that does not answer must not keep a request from its other targets.
constexpr absl::Duration kNewerAddresses = absl::Seconds(1);

}  // namespace

boost::asio::awaitable<DialResult> Dial(Loop& loop, Resolver& resolver, UpstreamTargetPtr target,
                                        ProxyHopPtr proxy, std::shared_ptr<ClientTlsContext> tls,
                                        Deadline deadline) {
  auto connection = std::make_unique<UpstreamConnection>(loop);
  connection->tls_context = std::move(tls);
  const absl::Duration start = loop.clock().Monotonic();
  const std::string& host = proxy != nullptr ? proxy->host : target->host;
  const uint16_t port = proxy != nullptr ? proxy->port : target->port;
  const absl::StatusOr<Addresses> addresses = co_await resolver.Resolve(loop, host, deadline);
  if (!addresses.ok()) {
    UpstreamFailure failure = NameFailure(addresses.status());
    if (proxy != nullptr) failure = ProxyFailure(*proxy, failure.detail);
    co_return failure;
  }
  ConnectResult connected = co_await Connect(loop, **addresses, port, deadline);
  if (connected.fd < 0) {
    // What is remembered of a name that was not in use for a while may be of the past.
    const Addresses newer = co_await resolver.Newer(loop, host, *addresses,
                                                    deadline.Earlier(loop.After(kNewerAddresses)));
    if (newer != nullptr) connected = co_await Connect(loop, *newer, port, deadline);
  }
  if (connected.fd < 0) {
    if (proxy != nullptr) co_return ProxyFailure(*proxy, WhyNot(connected));
    co_return ConnectFailure(*target, connected);
  }
  int fd = connected.fd;
  if (proxy != nullptr) {
    PlainStream tunnel(loop, fd);
    std::optional<UpstreamFailure> failure = co_await OpenTunnel(tunnel, *proxy, *target, deadline);
    if (failure.has_value()) co_return *std::move(failure);
    fd = tunnel.readiness().Release();
    connection->by_proxy = true;
  }
  const absl::Duration up = loop.clock().Monotonic();
  connection->connect_took = up - start;
  if (connection->tls_context == nullptr) {
    connection->stream = std::make_unique<PlainStream>(loop, fd);
    connection->http2 = target->protocol == UpstreamProtocol::kHttp2;
  } else {
    std::optional<UpstreamFailure> failure =
        co_await StartTls(*target, fd, connection.get(), deadline, &loop);
    if (failure.has_value()) co_return *std::move(failure);
    connection->handshake_took = loop.clock().Monotonic() - up;
    connection->http2 = connection->tls.http2;
  }
  connection->facts = FactsOf(*connection, AddressText(connected.address, port));
  connection->address = connected.address;
  connection->opened = loop.Now();
  co_return connection;
}

}  // namespace sallyport::dataplane
