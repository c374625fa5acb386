// A client connection as its requests see it, whatever version of HTTP it speaks. One loop's
// thread.
#pragma once

#include <memory>
#include <string>

#include "dataplane/authorize/authorizer.h"
#include "dataplane/exchange/connection_registry.h"
#include "dataplane/exchange/loop_services.h"
#include "dataplane/loop/stream.h"
#include "dataplane/route/route_table.h"
#include "dataplane/tls/peer.h"
#include "dataplane/tls/server_tls.h"

namespace sallyport::dataplane {

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

  ConnectionMemo memo;  // shared by requests that run side by side
  HostMemo host_memo;   // the same
  RegisteredConnection registered;
  bool ticket_offered = false;

  // The identity header's text of the last decision. Whoever uses the text holds it: another
  // request may put that of another decision in its place meanwhile.
  DecisionPtr identity_of;
  std::shared_ptr<const std::string> identity_text;
};

}  // namespace sallyport::dataplane
