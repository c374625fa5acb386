// A client connection as its requests see it, whatever version of HTTP it speaks. One loop's
// thread.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "dataplane/authorize/authorizer.h"
#include "dataplane/exchange/asserted_certificate.h"
#include "dataplane/exchange/connection_registry.h"
#include "dataplane/exchange/loop_services.h"
#include "dataplane/forward/identity_fields.h"
#include "dataplane/loop/stream.h"
#include "dataplane/route/route_table.h"
#include "dataplane/tls/peer.h"
#include "dataplane/tls/server_tls.h"

namespace sallyport::dataplane {

// With what it was made from and of, which its views show.
struct CallerIdentity {
  CallerIdentity(RoutePtr for_route, DecisionPtr by_decision, const PeerCertificate* peer)
      : route(std::move(for_route)),
        decision(std::move(by_decision)),
        fields(route->identity, decision->identity, peer) {}
  const RoutePtr route;
  const DecisionPtr decision;
  const IdentityFields fields;
};
using CallerIdentityPtr = std::shared_ptr<const CallerIdentity>;

// What is remembered of the last requests, for the next.
struct RecentRequests {
  HostMemo host;
  AssertedMemo asserted;
  // What an upstream is told of the caller by the last decision. Whoever uses it holds it: another
  // request may put that of another decision in its place meanwhile.
  CallerIdentityPtr identity;
};

struct Client {
  Client(LoopServices& loop_services, const ListenerStyle& listener_style, Stream& client_stream)
      : services(loop_services), listener(listener_style), stream(client_stream) {
    registered.memo = &memo;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  LoopServices& services;
  const ListenerStyle& listener;
  Stream& stream;
  ServerConnection* tls = nullptr;  // null on a plain listener
  TlsPeer peer;
  std::string address;     // of the TCP peer, without port, or who a PROXY header named
  bool announced = false;  // by a PROXY header: no address of a proxy that could be trusted

  ConnectionMemo memo;  // shared by requests that run side by side, as what follows
  // Not while the connection rests.
  [[nodiscard]] RecentRequests& recent() {
    if (recent_ == nullptr) recent_ = std::make_unique<RecentRequests>();
    return *recent_;
  }
  void ForgetRecent() { recent_ = nullptr; }
  RegisteredConnection registered;
  bool let_in = false;
  uint32_t requests = 0;  // of HTTP/1.x that have begun

 private:
  std::unique_ptr<RecentRequests> recent_;
};

}  // namespace sallyport::dataplane
