// A small HTTP/1.1 server, with or without TLS, for administration, metrics and health. One thread
// of its own. Everything is bounded: head, body, connections, time of each phase. Not for traffic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "shared/admin_http/message.h"

namespace sallyport::admin_http {

struct ServerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6 literal; "::" takes both
  uint16_t port = 0;                  // 0: any free one, see port()
  // A TCP socket that listens there already, taken; -1: one is opened.
  int socket = -1;
  // Both or neither. PEM. Read again within `reload_interval` after either changes; a pair that
  // cannot be used leaves the old one in force and is logged.
  std::string certificate_file;
  std::string private_key_file;
  absl::Duration reload_interval = absl::Seconds(5);
  // Ask the client for a certificate (it may send none). With `client_ca_file` a certificate that
  // does not verify against it for client use counts as none (Request::peer_error); without, any is
  // taken and the handler judges. Without TLS nothing is asked for and a CA file is an error.
  bool request_client_certificate = false;
  std::string client_ca_file;

  size_t max_head_bytes = 16 * 1024;
  size_t max_body_bytes = 8 * 1024 * 1024;
  size_t max_connections = 256;
  absl::Duration head_timeout = absl::Seconds(10);   // handshake, and one whole head
  absl::Duration body_timeout = absl::Seconds(60);   // one whole body
  absl::Duration idle_timeout = absl::Seconds(60);   // between requests
  absl::Duration write_timeout = absl::Seconds(60);  // one whole answer
  // How long a handler may take before the client gets a 504; zero: for ever.
  absl::Duration answer_timeout = absl::Seconds(120);
  // At Stop, a connection without any request so far has this long to bring one, within the grace.
  absl::Duration stop_fresh_after = absl::Milliseconds(250);
  std::string name = "admin";  // in log lines
  // Not set: every request goes on, but at `max_connections` one that is still sending its body may
  // be cut.
  AdmitHead admit_head;
};

class Server {
 public:
  // Binds, listens and starts the thread. Errors: certificate not usable, address in use
  // (kUnavailable, the message names the address and port).
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                                     Handler handler);
  ~Server();  // Stop(zero)
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] uint16_t port() const;
  // Of the listening socket, before Stop: the caller's to close, close-on-exec; -1 when no
  // descriptor is left. What waits in its queue outlives Stop.
  [[nodiscard]] int CopySocket() const;
  // Takes no new connection, closes idle ones (those without a request so far after
  // `stop_fresh_after`), lets requests in flight finish for up to `grace`, then cuts. Blocks until
  // the thread has ended. May be called more than once, not from the handler.
  void Stop(absl::Duration grace);
  // Reads the certificate files now. Thread-safe; the outcome is that of the reading.
  absl::Status ReloadCertificate();

 private:
  class Core;
  explicit Server(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace sallyport::admin_http
