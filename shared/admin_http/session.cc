#include "shared/admin_http/session.h"

#include <openssl/rand.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "absl/strings/match.h"
#include "shared/admin_http/answer.h"
#include "shared/admin_http/request_parser.h"
#include "shared/admin_http/stream.h"
#include "shared/admin_http/target.h"
#include "shared/base/log.h"
#include "shared/base/text.h"

namespace sallyport::admin_http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Step = RequestParser::Step;

// Of a refused body, so that the client reads the answer before the connection is reset: anybody's,
// and where the head was admitted.
struct Drained {
  size_t bytes;
  absl::Duration time;
};
constexpr Drained kOfAnybody = {64 * 1024, absl::Seconds(1)};
constexpr Drained kOfAdmitted = {256 << 20, absl::Seconds(10)};

constexpr size_t kReadAtOnce = 16 * 1024;

// An IPv4 client of a "::" listener as IPv4.
std::string PeerText(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address.to_string();
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
}

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

Responder MakeResponder(const std::shared_ptr<Gate>& gate,
                        const std::shared_ptr<Pending>& pending) {
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

class HttpSession final : public Session, public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(asio::ip::tcp::socket socket, SSL_CTX* tls, SessionHost* host) : host_(host) {
    error_code ignored;
    peer_ = PeerText(socket.remote_endpoint(ignored).address());
    stream_ = std::make_shared<Stream>(std::move(socket), tls);
  }

  void Start(std::function<void()> ended) override {
    auto self = shared_from_this();
    asio::co_spawn(stream_->executor(), Run(self),
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
    stream_->Close();
    if (pending_ != nullptr) pending_->timer.cancel();
    closed_ = true;
  }

  [[nodiscard]] bool idle() const override { return idle_ && !closed_; }
  [[nodiscard]] bool fresh() const override { return fresh_ && !closed_; }
  [[nodiscard]] bool unadmitted() const override { return !admitted_ && !closed_; }

 private:
  // Keeps `self` alive to the end.
  asio::awaitable<void> Run([[maybe_unused]] std::shared_ptr<HttpSession> self) {
    const bool tls = stream_->ssl() != nullptr;
    if (tls && !co_await Handshake()) co_return;
    bool more = true;
    for (bool first = true; more && !closed_ && (first || !host_->stopping); first = false) {
      more = co_await ServeOne(first);
    }
    if (!tls || closed_) co_return;
    stream_->Within(absl::Seconds(1));
    co_await stream_->Shutdown();
  }

  asio::awaitable<bool> Handshake() {
    stream_->Within(host_->options.head_timeout);
    idle_ = true;
    const bool done = co_await stream_->Handshake();
    idle_ = false;
    if (done) peer_error_ = PeerError(stream_->ssl());
    if (done && peer_error_.empty()) chain_ = PeerChain(stream_->ssl());
    co_return done;
  }

  // Adds what comes next to the buffer; false: nothing will.
  asio::awaitable<bool> Fill() {
    const size_t held = buffer_.size();
    buffer_.resize(held + kReadAtOnce);
    const absl::Span<char> space(&buffer_[held], kReadAtOnce);
    const size_t count = co_await stream_->Read(space);
    buffer_.resize(held + count);
    co_return count != 0;
  }

  // Until the first byte of the next request is there.
  asio::awaitable<bool> WaitForRequest(bool first) {
    if (!buffer_.empty()) co_return true;
    idle_ = true;
    stream_->Within(first ? host_->options.head_timeout : host_->options.idle_timeout);
    const bool filled = co_await Fill();
    idle_ = fresh_ = false;
    co_return filled;
  }

  // Reads until there is more to say than kMore; kMore: the connection ended or stalled before.
  asio::awaitable<Step> Parse(RequestParser& parser) {
    for (;;) {
      const Step step = buffer_.empty() ? Step::kMore : parser.Feed(&buffer_);
      if (step != Step::kMore) co_return step;
      if (!co_await Fill()) co_return Step::kMore;
    }
  }

  asio::awaitable<bool> ServeOne(bool first) {
    if (!co_await WaitForRequest(first)) co_return false;
    RequestParser parser(host_->options.max_head_bytes, host_->options.max_body_bytes);
    const std::string request_id = NewRequestId();
    stream_->Within(host_->options.head_timeout);
    const Step step = co_await Parse(parser);
    if (step == Step::kBodyTooLarge) co_return co_await RefuseBody(parser, request_id);
    if (step != Step::kHead && step != Step::kDone) co_return co_await Reject(step, request_id);
    if (!parser.FramingIsPlain()) {
      co_return co_await Answer(Problem(400, "bad framing"), request_id, 11, false, false);
    }
    Request& request = parser.request();
    if (!CompleteHead(request_id, &request)) {
      co_return co_await Answer(Problem(400, "bad request target"), request_id, 11, false, false);
    }
    const bool body_follows = step == Step::kHead;
    if (host_->options.admit_head) {
      std::optional<Response> refusal = host_->options.admit_head(request);
      if (refusal.has_value())
        co_return co_await RefuseHead(*std::move(refusal), parser, body_follows);
      admitted_ = true;
    }
    if (body_follows && !co_await ReadBody(parser)) co_return false;
    admitted_ = true;  // all of it is here: its answer is waited for
    const bool more = co_await Dispatch(parser);
    admitted_ = false;
    co_return more;
  }

  // Answers without the body; a little of it is read and thrown away.
  asio::awaitable<bool> RefuseHead(Response refusal, RequestParser& parser, bool body_follows) {
    const Request& request = parser.request();
    const bool head_only = request.method == "HEAD";
    co_await Answer(std::move(refusal), request.request_id, parser.version(), false, head_only);
    if (!body_follows || closed_) co_return false;
    co_await Drain(kOfAnybody);
    co_return false;
  }

  // What the client sends is read and thrown away.
  asio::awaitable<void> Drain(Drained most) {
    if (stream_->ssl() == nullptr) stream_->ShutdownSend();
    stream_->Within(most.time);
    char bytes[kReadAtOnce];
    const absl::Span<char> space(bytes, sizeof(bytes));
    for (size_t read = 0; read < most.bytes;) {
      const size_t now = co_await stream_->Read(space);
      if (now == 0) break;
      read += now;
    }
  }

  asio::awaitable<bool> ReadBody(RequestParser& parser) {
    stream_->Within(host_->options.body_timeout);
    const absl::string_view expected = parser.request().Header("expect").value_or("");
    if (absl::EqualsIgnoreCase(expected, "100-continue") &&
        !co_await stream_->Write("HTTP/1.1 100 Continue\r\n\r\n")) {
      co_return false;
    }
    const Step step = co_await Parse(parser);
    if (step == Step::kDone) co_return true;
    co_await Reject(step, parser.request().request_id);
    if (step == Step::kBodyTooLarge) co_await Drain(admitted_ ? kOfAdmitted : kOfAnybody);
    co_return false;
  }

  // One that says in its head that it is too large.
  asio::awaitable<bool> RefuseBody(RequestParser& parser, const std::string& request_id) {
    Request& request = parser.request();
    const bool complete = parser.FramingIsPlain() && CompleteHead(request_id, &request);
    const auto& admit = host_->options.admit_head;
    const bool admitted = complete && admit && !admit(request).has_value();
    co_await Reject(Step::kBodyTooLarge, request_id);
    co_await Drain(admitted ? kOfAdmitted : kOfAnybody);
    co_return false;
  }

  // What can still be answered is; the connection ends.
  asio::awaitable<bool> Reject(Step step, const std::string& request_id) {
    Response problem;
    switch (step) {
      case Step::kHeadTooLarge: problem = Problem(431, "request head too large"); break;
      case Step::kBodyTooLarge: problem = Problem(413, "request body too large"); break;
      case Step::kMalformed: problem = Problem(400, "bad request"); break;
      default: co_return false;
    }
    co_return co_await Answer(std::move(problem), request_id, 11, false, false);
  }

  asio::awaitable<bool> Dispatch(RequestParser& parser) {
    Request request = std::move(parser.request());
    const bool head_only = request.method == "HEAD";
    const std::string request_id = request.request_id;
    Response response = co_await AskHandler(std::move(request));
    if (closed_) co_return false;
    co_return co_await Answer(std::move(response), request_id, parser.version(),
                              parser.keep_alive(), head_only);
  }

  // What the parser does not know.
  bool CompleteHead(const std::string& request_id, Request* request) {
    Target target;
    if (!ParseTarget(request->target, &target)) return false;
    request->path = std::move(target.path);
    request->query = std::move(target.query);
    request->tls = stream_->ssl() != nullptr;
    request->peer_address = peer_;
    request->peer_chain_der = chain_;
    request->peer_error = peer_error_;
    request->request_id = request_id;
    return true;
  }

  asio::awaitable<Response> AskHandler(Request request) {
    auto pending = std::make_shared<Pending>(stream_->executor());
    pending_ = pending;
    if (host_->options.answer_timeout > absl::ZeroDuration()) {
      pending->timer.expires_after(absl::ToChronoNanoseconds(host_->options.answer_timeout));
    } else {
      pending->timer.expires_at(asio::steady_timer::time_point::max());
    }
    host_->handler(std::move(request), MakeResponder(host_->gate, pending));
    constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
    co_await pending->timer.async_wait(kAwait);
    pending_ = nullptr;
    if (pending->response.has_value()) co_return std::move(*pending->response);
    pending->response.emplace();
    co_return Problem(504, "no answer in time");
  }

  asio::awaitable<bool> Answer(Response answer, const std::string& request_id, unsigned version,
                               bool keep_alive, bool head_only) {
    keep_alive = keep_alive && !host_->stopping;
    const std::string bytes = RenderAnswer(answer, request_id, version, keep_alive, head_only);
    stream_->Within(host_->options.write_timeout);
    co_return co_await stream_->Write(bytes) && keep_alive;
  }

  std::shared_ptr<Stream> stream_;
  SessionHost* host_;
  std::string peer_;
  std::vector<std::string> chain_;
  std::string peer_error_;
  std::string buffer_;  // read and not yet parsed
  std::shared_ptr<Pending> pending_;
  bool idle_ = false;
  bool fresh_ = true;
  bool admitted_ = false;
  bool closed_ = false;
};

}  // namespace

std::shared_ptr<Session> MakeSession(asio::ip::tcp::socket socket, SSL_CTX* tls,
                                     SessionHost* host) {
  return std::make_shared<HttpSession>(std::move(socket), tls, host);
}

}  // namespace sallyport::admin_http
