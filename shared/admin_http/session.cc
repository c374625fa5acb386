#include "shared/admin_http/session.h"

#include <chrono>
#include <type_traits>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <openssl/rand.h>

#include "absl/strings/ascii.h"
#include "shared/admin_http/target.h"
#include "shared/base/log.h"
#include "shared/base/text.h"

namespace sallyport::admin_http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Plain = beast::tcp_stream;
using Tls = asio::ssl::stream<beast::tcp_stream>;
using HttpRequest = http::request<http::string_body>;
using HttpResponse = http::response<http::string_body>;

// Of a refused body, so that the client reads the answer before the connection is reset.
constexpr size_t kMostDrained = 64 * 1024;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

std::string NewRequestId() {
  std::string bytes(16, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return base::Hex(bytes);
}

Response Problem(int status, absl::string_view message) {
  Response response;
  response.status = status;
  response.body = "{\"status\":\"error\",\"message\":" + base::JsonQuote(message) + "}\n";
  return response;
}

// The answer to one request on its way from the handler, wherever that made it.
struct Pending {
  explicit Pending(const asio::any_io_executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  std::optional<Response> response;
};

Responder MakeResponder(const std::shared_ptr<Gate>& gate, const std::shared_ptr<Pending>& pending) {
  std::weak_ptr<Pending> weak = pending;
  return Responder([gate, weak](Response response) {
    base::MutexLock lock(&gate->mutex);
    if (gate->io == nullptr) return;
    asio::post(*gate->io, [weak, response = std::move(response)]() mutable {
      const std::shared_ptr<Pending> alive = weak.lock();
      if (alive == nullptr || alive->response.has_value()) return;
      alive->response = std::move(response);
      alive->timer.cancel();
    });
  });
}

HttpResponse Render(const Response& answer, const std::string& request_id, unsigned version,
                    bool keep_alive) {
  HttpResponse out;
  out.version(version);
  out.result(static_cast<unsigned>(answer.status));
  out.set(http::field::content_type, answer.content_type);
  out.set("X-Request-Id", request_id);
  out.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : answer.headers) out.insert(name, value);
  out.keep_alive(keep_alive);
  out.body() = answer.body;
  out.prepare_payload();
  return out;
}

// RFC 9112 §6.3: anything but exactly `chunked` could be read otherwise by a proxy in front.
bool FramingIsPlain(const HttpRequest& head) {
  const auto encoding = head.find(http::field::transfer_encoding);
  if (encoding == head.end()) return true;
  return head.version() == 11 && head.count(http::field::transfer_encoding) == 1 &&
         head.find(http::field::content_length) == head.end() &&
         beast::iequals(encoding->value(), "chunked");
}

template <typename Stream>
class HttpSession final : public Session, public std::enable_shared_from_this<HttpSession<Stream>> {
 public:
  HttpSession(Stream stream, std::shared_ptr<TlsContext> tls, SessionHost* host)
      : tls_(std::move(tls)), stream_(std::move(stream)), host_(host) {
    error_code ignored;
    peer_ = Lowest().socket().remote_endpoint(ignored).address().to_string();
  }

  void Start(std::function<void()> ended) override {
    auto self = this->shared_from_this();
    asio::co_spawn(stream_.get_executor(), Run(self),
                   [self, ended = std::move(ended)](const std::exception_ptr& failure) {
                     if (failure != nullptr) {
                       base::Log(base::Level::kError, "admin_http.session_failed",
                                 {{"listener", self->host_->options.name}});
                     }
                     self->Close();
                     ended();
                   });
  }

  void Close() override {
    error_code ignored;
    Lowest().socket().close(ignored);
    if (pending_ != nullptr) pending_->timer.cancel();
    closed_ = true;
  }

  [[nodiscard]] bool idle() const override { return idle_ && !closed_; }
  [[nodiscard]] bool unadmitted() const override { return !admitted_ && !closed_; }

 private:
  beast::tcp_stream& Lowest() { return beast::get_lowest_layer(stream_); }

  void Within(absl::Duration time) { Lowest().expires_after(absl::ToChronoNanoseconds(time)); }

  // Keeps `self` alive to the end.
  asio::awaitable<void> Run(std::shared_ptr<HttpSession> self) {
    if constexpr (std::is_same_v<Stream, Tls>) {
      Within(self->host_->options.head_timeout);
      idle_ = true;
      const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
      idle_ = false;
      if (error) co_return;
      chain_ = PeerChain(stream_.native_handle());
    }
    bool more = true;
    for (bool first = true; more && !closed_ && !host_->stopping; first = false) {
      more = co_await ServeOne(first);
    }
    if constexpr (std::is_same_v<Stream, Tls>) {
      if (closed_) co_return;
      Within(absl::Seconds(1));
      co_await stream_.async_shutdown(kAwait);
    }
  }

  // Until the first byte of the next request is there.
  asio::awaitable<bool> WaitForRequest(bool first) {
    if (buffer_.size() != 0) co_return true;
    idle_ = true;
    Within(first ? host_->options.head_timeout : host_->options.idle_timeout);
    const auto space = buffer_.prepare(4096);
    const auto [error, count] = co_await stream_.async_read_some(space, kAwait);
    buffer_.commit(count);
    idle_ = false;
    co_return !error;
  }

  asio::awaitable<bool> ServeOne(bool first) {
    if (!co_await WaitForRequest(first)) co_return false;
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<uint32_t>(host_->options.max_head_bytes));
    parser.body_limit(host_->options.max_body_bytes);
    const std::string request_id = NewRequestId();
    Within(host_->options.head_timeout);
    const auto [head_error, head_size] = co_await http::async_read_header(stream_, buffer_, parser, kAwait);
    if (head_error) co_return co_await Reject(head_error, request_id);
    if (!FramingIsPlain(parser.get())) {
      co_return co_await Answer(Problem(400, "bad framing"), request_id, 11, false, false);
    }
    Request request;
    if (!FillHead(parser.get(), request_id, &request)) {
      co_return co_await Answer(Problem(400, "bad request target"), request_id, 11, false, false);
    }
    if (host_->options.admit_head) {
      std::optional<Response> refusal = host_->options.admit_head(request);
      if (refusal.has_value()) co_return co_await RefuseHead(*std::move(refusal), parser, request_id);
      admitted_ = true;
    }
    if (!co_await ReadBody(parser, request_id)) co_return false;
    admitted_ = true;  // all of it is here: its answer is waited for
    const bool more = co_await Dispatch(parser.release(), std::move(request));
    admitted_ = false;
    co_return more;
  }

  // Answers without the body; a little of it is read and thrown away.
  asio::awaitable<bool> RefuseHead(Response refusal, const http::request_parser<http::string_body>& parser,
                                   const std::string& request_id) {
    const bool head_only = parser.get().method() == http::verb::head;
    co_await Answer(std::move(refusal), request_id, parser.get().version(), false, head_only);
    if (parser.is_done() || closed_) co_return false;
    error_code ignored;
    if constexpr (std::is_same_v<Stream, Plain>) {
      Lowest().socket().shutdown(asio::socket_base::shutdown_send, ignored);
    }
    Within(absl::Seconds(1));
    char bytes[4096];
    const auto space = asio::buffer(bytes);
    for (size_t left = kMostDrained; left >= sizeof(bytes); left -= sizeof(bytes)) {
      const auto [error, count] = co_await stream_.async_read_some(space, kAwait);
      if (error) break;
    }
    co_return false;
  }

  asio::awaitable<bool> ReadBody(http::request_parser<http::string_body>& parser,
                                 const std::string& request_id) {
    if (parser.is_done()) co_return true;
    Within(host_->options.body_timeout);
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      http::response<http::empty_body> go_on(http::status::continue_, 11);
      const auto [error, count] = co_await http::async_write(stream_, go_on, kAwait);
      if (error) co_return false;
    }
    const auto [error, count] = co_await http::async_read(stream_, buffer_, parser, kAwait);
    if (!error) co_return true;
    co_await Reject(error, request_id);
    co_return false;
  }

  // What can still be answered is; the connection ends.
  asio::awaitable<bool> Reject(error_code error, const std::string& request_id) {
    int status = 0;
    if (error == http::error::header_limit) status = 431;
    else if (error == http::error::body_limit) status = 413;
    else if (error == beast::error::timeout) status = 0;
    else if (error.category() == error_code(http::error::bad_target).category() &&
             error != http::error::end_of_stream && error != http::error::partial_message) status = 400;
    if (status == 0) co_return false;
    const char* message = status == 431 ? "request head too large"
                          : status == 413 ? "request body too large" : "bad request";
    co_return co_await Answer(Problem(status, message), request_id, 11, false, false);
  }

  asio::awaitable<bool> Dispatch(HttpRequest message, Request request) {
    const bool head_only = message.method() == http::verb::head;
    const bool keep_alive = message.keep_alive();
    const std::string request_id = request.request_id;
    request.body = std::move(message.body());
    Response response = co_await AskHandler(std::move(request));
    if (closed_) co_return false;
    co_return co_await Answer(response, request_id, message.version(), keep_alive, head_only);
  }

  // All but the body.
  bool FillHead(const HttpRequest& message, const std::string& request_id, Request* request) {
    Target target;
    if (!ParseTarget(base::ViewOf(message.target()), &target)) return false;
    request->method = std::string(message.method_string());
    request->target = std::string(message.target());
    request->path = std::move(target.path);
    request->query = std::move(target.query);
    for (const auto& field : message) {
      request->headers.emplace_back(absl::AsciiStrToLower(base::ViewOf(field.name_string())),
                                    std::string(field.value()));
    }
    request->tls = std::is_same_v<Stream, Tls>;
    request->peer_address = peer_;
    request->peer_chain_der = chain_;
    request->request_id = request_id;
    return true;
  }

  asio::awaitable<Response> AskHandler(Request request) {
    Lowest().expires_never();
    auto pending = std::make_shared<Pending>(stream_.get_executor());
    pending_ = pending;
    if (host_->options.answer_timeout > absl::ZeroDuration()) {
      pending->timer.expires_after(absl::ToChronoNanoseconds(host_->options.answer_timeout));
    } else {
      pending->timer.expires_at(asio::steady_timer::time_point::max());
    }
    host_->handler(std::move(request), MakeResponder(host_->gate, pending));
    co_await pending->timer.async_wait(kAwait);
    pending_ = nullptr;
    if (pending->response.has_value()) co_return std::move(*pending->response);
    pending->response.emplace();
    co_return Problem(504, "no answer in time");
  }

  asio::awaitable<bool> Answer(Response answer, const std::string& request_id, unsigned version,
                               bool keep_alive, bool head_only) {
    keep_alive = keep_alive && !host_->stopping;
    HttpResponse out = Render(answer, request_id, version, keep_alive);
    Within(host_->options.write_timeout);
    http::serializer<false, http::string_body> serializer(out);
    error_code failed;
    if (head_only) {
      const auto [error, count] = co_await http::async_write_header(stream_, serializer, kAwait);
      failed = error;
    } else {
      const auto [error, count] = co_await http::async_write(stream_, serializer, kAwait);
      failed = error;
    }
    co_return !failed && keep_alive;
  }

  std::shared_ptr<TlsContext> tls_;  // before stream_: the stream refers to it
  Stream stream_;
  SessionHost* host_;
  std::string peer_;
  std::vector<std::string> chain_;
  beast::flat_buffer buffer_;
  std::shared_ptr<Pending> pending_;
  bool idle_ = false;
  bool admitted_ = false;
  bool closed_ = false;
};

}  // namespace

std::shared_ptr<Session> MakeSession(asio::ip::tcp::socket socket, std::shared_ptr<TlsContext> tls,
                                     SessionHost* host) {
  beast::tcp_stream lowest(std::move(socket));
  if (tls == nullptr) {
    return std::make_shared<HttpSession<Plain>>(std::move(lowest), nullptr, host);
  }
  Tls stream(std::move(lowest), *tls);
  return std::make_shared<HttpSession<Tls>>(std::move(stream), std::move(tls), host);
}

}  // namespace sallyport::admin_http
