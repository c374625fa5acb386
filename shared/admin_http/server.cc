#include "shared/admin_http/server.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <list>
#include <thread>

#include "absl/strings/str_cat.h"
#include "shared/admin_http/session.h"
#include "shared/base/log.h"

namespace sallyport::admin_http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);  // after EMFILE and the like

}  // namespace

class Server::Core {
 public:
  Core(const ServerOptions& options, Handler handler)
      : acceptor_(io_), reload_timer_(io_), stop_timer_(io_), fresh_timer_(io_), pause_timer_(io_) {
    host_.options = options;
    host_.handler = std::move(handler);
    host_.gate = std::make_shared<Gate>();
    base::MutexLock lock(&host_.gate->mutex);
    host_.gate->io = &io_;
  }

  ~Core() {
    base::MutexLock lock(&host_.gate->mutex);
    host_.gate->io = nullptr;
  }

  absl::Status Open() {
    if (UsesTls()) {
      if (absl::Status status = Reload(); !status.ok()) return status;
    }
    return Listen();
  }

  void Run() {
    Accept();
    if (UsesTls()) WatchFiles();
    thread_ = std::thread([this] { io_.run(); });
  }

  void Stop(absl::Duration grace) {
    base::MutexLock lock(&stop_mutex_);
    if (!thread_.joinable()) return;
    asio::post(io_, [this, grace] { BeginStop(grace); });
    thread_.join();
  }

  absl::Status Reload() {
    if (!UsesTls()) return absl::FailedPreconditionError("this listener has no certificate");
    const std::string stamp = FilesStamp(host_.options);
    absl::StatusOr<std::shared_ptr<SSL_CTX>> made = MakeTlsContext(host_.options);
    base::MutexLock lock(&tls_mutex_);
    stamp_ = stamp;
    if (!made.ok()) return made.status();
    tls_ = *std::move(made);
    return absl::OkStatus();
  }

  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] int CopySocket() const { return fcntl(socket_, F_DUPFD_CLOEXEC, 0); }

 private:
  [[nodiscard]] bool UsesTls() const { return !host_.options.certificate_file.empty(); }

  absl::Status Listen() {
    error_code error;
    const auto address = asio::ip::make_address(host_.options.address, error);
    if (error) {
      return absl::InvalidArgumentError(
          absl::StrCat("listen address is not an IP address: ", host_.options.address));
    }
    if (host_.options.socket >= 0) return Adopt(address);
    Bind(address, &error);
    const bool any = address.is_v6() && address.is_unspecified();
    if (any && (error.value() == EAFNOSUPPORT || error.value() == EADDRNOTAVAIL)) {
      Bind(asio::ip::address_v4::any(), &error);  // a machine without IPv6
    }
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return Remember();
    return absl::UnavailableError(absl::StrCat("cannot listen on ", host_.options.address, " port ",
                                               host_.options.port, ": ", error.message()));
  }

  absl::Status Adopt(const asio::ip::address& address) {
    error_code error;
    acceptor_.assign(address.is_v6() ? tcp::v6() : tcp::v4(), host_.options.socket, error);
    if (!error) return Remember();
    close(host_.options.socket);
    return absl::InternalError(absl::StrCat("cannot take the socket over: ", error.message()));
  }

  absl::Status Remember() {
    error_code error;
    socket_ = acceptor_.native_handle();
    port_ = acceptor_.local_endpoint(error).port();
    return absl::OkStatus();
  }

  void Bind(const asio::ip::address& address, error_code* error) {
    error_code ignored;
    acceptor_.close(ignored);
    const tcp::endpoint endpoint(address, host_.options.port);
    acceptor_.open(endpoint.protocol(), *error);
    if (!*error) acceptor_.set_option(tcp::acceptor::reuse_address(true), *error);
    // "::" takes IPv4 as well, as the other listeners of both services do.
    if (!*error && address.is_v6())
      acceptor_.set_option(asio::ip::v6_only(!address.is_unspecified()), *error);
    if (!*error) acceptor_.bind(endpoint, *error);
  }

  void Accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      // Also one that came off the queue just before the listening socket went: nobody else has it.
      if (!error) Welcome(std::move(socket));
      if (host_.stopping) return;
      error ? PauseThenAccept() : Accept();
    });
  }

  void PauseThenAccept() {
    pause_timer_.expires_after(absl::ToChronoNanoseconds(kAcceptPause));
    pause_timer_.async_wait([this](error_code error) {
      if (!error && !host_.stopping) Accept();
    });
  }

  void Welcome(tcp::socket socket) {
    if (sessions_.size() >= host_.options.max_connections && !DropOne()) return;
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    std::shared_ptr<SSL_CTX> tls;
    {
      base::MutexLock lock(&tls_mutex_);
      tls = tls_;
    }
    const auto place =
        sessions_.insert(sessions_.end(), MakeSession(std::move(socket), tls.get(), &host_));
    (*place)->Start([this, place] {
      sessions_.erase(place);
      if (!host_.stopping || !sessions_.empty()) return;
      fresh_timer_.cancel();
      stop_timer_.cancel();
    });
  }

  // Makes room at the limit: the connection that has waited longest without a request goes, or else
  // one whose request nobody has admitted.
  bool DropOne() {
    for (const auto droppable : {&Session::idle, &Session::unadmitted}) {
      for (const auto& session : sessions_) {
        if (!((*session).*droppable)()) continue;
        session->Close();
        return true;
      }
    }
    return false;
  }

  void WatchFiles() {
    reload_timer_.expires_after(absl::ToChronoNanoseconds(host_.options.reload_interval));
    reload_timer_.async_wait([this](error_code error) {
      if (error || host_.stopping) return;
      ReloadIfChanged();
      WatchFiles();
    });
  }

  void ReloadIfChanged() {
    const std::string now = FilesStamp(host_.options);
    {
      base::MutexLock lock(&tls_mutex_);
      if (now.empty() || now == stamp_) return;
    }
    const absl::Status status = Reload();
    base::Log(status.ok() ? base::Level::kInfo : base::Level::kError,
              "admin_http.certificate_reload",
              {{"listener", host_.options.name}, {"status", status}});
  }

  void BeginStop(absl::Duration grace) {
    host_.stopping = true;
    // Not closed by Asio, whose epoll would go on watching a socket that another process has.
    error_code ignored;
    const int socket = acceptor_.release(ignored);
    if (socket >= 0) close(socket);
    reload_timer_.cancel();
    pause_timer_.cancel();
    asio::post(io_, [this, grace] { EndSessions(grace); });  // behind an accept that is done
  }

  void EndSessions(absl::Duration grace) {
    for (const auto& session : sessions_) {
      if (session->idle() && !session->fresh()) session->Close();
    }
    if (sessions_.empty()) return;
    fresh_timer_.expires_after(
        absl::ToChronoNanoseconds(std::min(grace, host_.options.stop_fresh_after)));
    fresh_timer_.async_wait([this](error_code error) {
      if (error) return;
      for (const auto& session : sessions_) {
        if (session->idle()) session->Close();
      }
    });
    stop_timer_.expires_after(absl::ToChronoNanoseconds(grace));
    stop_timer_.async_wait([this](error_code error) {
      if (error) return;
      for (const auto& session : sessions_) session->Close();
    });
  }

  // Destroyed in reverse: sessions and timers before the context that they live in.
  asio::io_context io_{1};
  SessionHost host_;
  tcp::acceptor acceptor_;
  asio::steady_timer reload_timer_;
  asio::steady_timer stop_timer_;
  asio::steady_timer fresh_timer_;
  asio::steady_timer pause_timer_;
  std::list<std::shared_ptr<Session>> sessions_;
  uint16_t port_ = 0;
  int socket_ = -1;
  base::Mutex tls_mutex_;
  std::shared_ptr<SSL_CTX> tls_ ABSL_GUARDED_BY(tls_mutex_);
  std::string stamp_ ABSL_GUARDED_BY(tls_mutex_);
  base::Mutex stop_mutex_;
  std::thread thread_;
};

Server::Server(std::shared_ptr<Core> core) : core_(std::move(core)) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      Handler handler) {
  if (options.certificate_file.empty() != options.private_key_file.empty()) {
    return absl::InvalidArgumentError("a certificate file and a private key file belong together");
  }
  if (!options.client_ca_file.empty() && options.certificate_file.empty()) {
    return absl::InvalidArgumentError("client certificates need TLS: name a certificate file");
  }
  std::signal(SIGPIPE, SIG_IGN);  // TLS writes to a closed socket must be an error, not the end
  auto core = std::make_shared<Core>(options, std::move(handler));
  if (absl::Status status = core->Open(); !status.ok()) return status;
  core->Run();
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

// NOLINTNEXTLINE(bugprone-exception-escape): without threads and memory to stop it the process ends
Server::~Server() { core_->Stop(absl::ZeroDuration()); }

uint16_t Server::port() const { return core_->port(); }

int Server::CopySocket() const { return core_->CopySocket(); }

void Server::Stop(absl::Duration grace) { core_->Stop(grace); }

absl::Status Server::ReloadCertificate() { return core_->Reload(); }

}  // namespace sallyport::admin_http
