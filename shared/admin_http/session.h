// One connection of an administrative listener: handshake, then request after request. Lives on the
// server's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>

#include "shared/admin_http/message.h"
#include "shared/admin_http/server.h"
#include "shared/admin_http/tls_context.h"
#include "shared/base/mutex.h"

namespace sallyport::admin_http {

// The way back to the server's thread for answers that are made elsewhere: null once the server is
// gone.
struct Gate {
  base::Mutex mutex;
  boost::asio::io_context* io ABSL_GUARDED_BY(mutex) = nullptr;
};

struct SessionHost {
  ServerOptions options;
  Handler handler;
  bool stopping = false;  // no further request on any connection
  std::shared_ptr<Gate> gate;
};

class Session {
 public:
  virtual ~Session() = default;
  // `ended` is called once, on the server's thread.
  virtual void Start(std::function<void()> ended) = 0;
  // Cuts the connection; what runs on it ends soon after.
  virtual void Close() = 0;
  // Open, and no request has begun: in the handshake or between requests.
  [[nodiscard]] virtual bool idle() const = 0;
  // Open, and not one request has begun on it: its client has perhaps just sent one, and would take
  // an end for a failure.
  [[nodiscard]] virtual bool fresh() const = 0;
  // Open, and no request on it has passed AdmitHead: what it holds is a stranger's.
  [[nodiscard]] virtual bool unadmitted() const = 0;
};

// `tls` null: plain; a reference to it is kept. `host` must outlive the session.
[[nodiscard]] std::shared_ptr<Session> MakeSession(boost::asio::ip::tcp::socket socket,
                                                   SSL_CTX* tls, SessionHost* host);

}  // namespace sallyport::admin_http
