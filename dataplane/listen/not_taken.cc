// Connections that a loop does not take: which they are, and what is said of them.
#include "dataplane/listen/loop_server.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {

bool LoopServer::MayShake(const ListenerContext& listener, absl::string_view client) {
  return listener.tls == nullptr ||
         process_.connection_limits.MayShake(client, process_.clock.Monotonic());
}

void LoopServer::NoteNotTaken(NotTaken cause) {
  static constexpr const char* kNames[] = {"limit", "descriptors", "proxy_header", "overload",
                                           "handshakes"};
  metrics_.sheet()
      .Counter(metrics::Id::kConnectionsNotTaken, {kNames[static_cast<size_t>(cause)]})
      ->Add(1);
  SayNotTaken(cause);
}

void LoopServer::SayNotTaken(NotTaken cause) {
  if (!process_.connection_limits.MaySay(cause, process_.clock.Monotonic())) return;
  switch (cause) {
    case NotTaken::kLimit:
      return base::Log(
          base::Level::kWarning, "listen.too_many_connections",
          {{"hint", "limits.connections or limits.connections_per_address is reached"}});
    case NotTaken::kHandshakes:
      return base::Log(base::Level::kWarning, "listen.too_many_handshakes",
                       {{"hint", "one address begins more than limits.handshakes_per_second"}});
    case NotTaken::kDescriptors:
      return base::Log(base::Level::kError, "listen.no_descriptors",
                       {{"hint", "raise the limit of open files (ulimit -n, LimitNOFILE)"}});
    case NotTaken::kOverload:
      return base::Log(base::Level::kWarning, "listen.overload",
                       {{"loop", loop_.index()},
                        {"refused_share", shedder_.refused_share()},
                        {"refused_handshakes_share", handshake_shedder_.refused_share()},
                        {"hint",
                         "requests or handshakes wait longer than limits.queue_delay: add replicas "
                         "or cores; where few addresses begin most handshakes, set "
                         "limits.handshakes_per_second"}});
    case NotTaken::kProxyHeader:
      return base::Log(
          base::Level::kWarning, "listen.no_proxy_header",
          {{"hint",
            "an address of proxy_protocol_from connects without a PROXY header: switch it on there "
            "(HAProxy: send-proxy-v2), or take the address out of the list"}});
  }
}

}  // namespace sallyport::dataplane
