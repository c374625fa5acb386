// Probes of connections on which nothing comes (tcp(7)): a peer that has vanished without a word is
// found out after two minutes, where a tunnel may otherwise rest for an hour.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace sallyport::dataplane {

// On a listening socket it is for all that are accepted from it, and costs none of them a call.
// What the kernel does not take is left as it is.
inline void SetKeepAlive(int fd) {
  const struct {
    int level, name, value;
  } kOptions[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
                  {IPPROTO_TCP, TCP_KEEPIDLE, 60},   // seconds without a byte
                  {IPPROTO_TCP, TCP_KEEPINTVL, 20},  // seconds
                  {IPPROTO_TCP, TCP_KEEPCNT, 3}};
  for (const auto& option : kOptions)
    (void)setsockopt(fd, option.level, option.name, &option.value, sizeof(option.value));
}

}  // namespace sallyport::dataplane
