// A client connection as its requests see it. One loop's thread.
#pragma once

#include <string>

#include "dataplane/authorize/authorizer.h"
#include "dataplane/exchange/connection_registry.h"
#include "dataplane/exchange/loop_services.h"
#include "dataplane/http/body.h"
#include "dataplane/http/head_parser.h"
#include "dataplane/loop/buffer.h"
#include "dataplane/loop/stream.h"
#include "dataplane/tls/peer.h"
#include "dataplane/tls/server_tls.h"

namespace sallyport::dataplane {

struct Client {
  Client(LoopServices& loop_services, const ListenerStyle& listener_style, Stream& client_stream)
      : services(loop_services), listener(listener_style), stream(client_stream),
        buffer(services.loop.buffers()), body(client_stream, buffer), parser(services.settings.head) {
    registered.memo = &memo;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  LoopServices& services;
  const ListenerStyle& listener;
  Stream& stream;
  ServerConnection* tls = nullptr;  // null on a plain listener
  TlsPeer peer;
  std::string address;              // of the TCP peer, without port
  bool behind_proxy = false;        // that peer is a trusted proxy, as of the request at hand

  ReadBuffer buffer;
  BodyReader body;
  RequestParser parser;
  RequestHead head;
  std::string out;                  // to be written
  ConnectionMemo memo;
  RegisteredConnection registered;
  uint64_t requests = 0;
  bool ticket_offered = false;
  bool cut = false;                 // an answer broke off: the end must not look like one

  // The identity header's text of the last decision.
  DecisionPtr identity_of;
  std::string identity_text;
};

}  // namespace sallyport::dataplane
