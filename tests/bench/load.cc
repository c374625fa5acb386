// Load generator for tests/bench/run: one thread, N mutual-TLS connections, closed loop, checked
// answers.
//
//   bench_load MODE HOST PORT SNI CA CERT KEY CONNECTIONS SECONDS [PATH [EXPECTED_BYTES [RATE]]]
//
// MODE: keepalive      one GET after another on each connection; with a RATE (of all, per second)
// an
//                      open loop: each is due at its time, and its latency counts from there
//       idle           one GET on each connection; then they rest until standard input ends
//       handshake      full handshake, close_notify, wait for the server's end of the connection
//       (so that
//                      the server has processed our Finished), no session offered; the client made
//                      one checked GET before, so that the servers know it where they remember any
//       handshake_get  full handshake, one checked GET, close
//       resumed        as handshake, but each resumes the session of a first handshake_get
// The client sends its leaf only. Prints one JSON object. `wrong` counts answers that are not a 200
// of the expected length, and connections that were not (or were) resumed as the mode demands.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr double kWarmUp = 0.2;  // of an open loop: its handshakes

enum class Mode { kKeepalive, kIdle, kHandshake, kHandshakeGet, kResumed };

double NowSeconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Options {
  Mode mode = Mode::kKeepalive;
  sockaddr_in address{};
  std::string sni, ca, cert, key, path = "/";
  int connections = 1;
  double seconds = 1;
  size_t expected_bytes = 0;
  double rate = 0;  // 0: as fast as it goes
};

struct Totals {
  uint64_t operations = 0, wrong = 0, errors = 0;
  std::vector<float> latencies_us;
};

// Serialised, because OpenSSL lets a TLS 1.3 session object be used once only.
std::vector<unsigned char> g_session;

int KeepSession(SSL*, SSL_SESSION* session) {
  if (!g_session.empty()) return 0;
  g_session.resize(static_cast<size_t>(i2d_SSL_SESSION(session, nullptr)));
  unsigned char* out = g_session.data();
  i2d_SSL_SESSION(session, &out);
  return 0;
}

void OfferSession(SSL* ssl) {
  const unsigned char* in = g_session.data();
  SSL_SESSION* session = d2i_SSL_SESSION(nullptr, &in, static_cast<long>(g_session.size()));
  SSL_set_session(ssl, session);
  SSL_SESSION_free(session);
}

class Connection {
 public:
  Connection(const Options& options, SSL_CTX* context, int epoll, Totals* totals)
      : options_(options), context_(context), epoll_(epoll), totals_(totals) {}
  ~Connection() { Close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Open(Mode mode) {
    Close();
    mode_ = mode;
    started_ = NowSeconds();
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int one = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&options_.address),
                sizeof options_.address) != 0 &&
        errno != EINPROGRESS) {
      perror("connect");
      exit(1);
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = this;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd_);
    SSL_set_connect_state(ssl_);
    SSL_set_tlsext_host_name(ssl_, options_.sni.c_str());
    if (mode_ == Mode::kResumed) OfferSession(ssl_);
    state_ = State::kHandshake;
  }

  void OnReady() {
    while (Step()) {
    }
  }

  [[nodiscard]] bool done() const { return state_ == State::kIdle; }
  [[nodiscard]] bool resting() const { return state_ == State::kRest; }

  // Open loop: when its first request is due, and how long after each the next.
  void Pace(double first, double every) {
    due_ = first;
    every_ = every;
  }
  // Never, while nothing is.
  [[nodiscard]] double due() const {
    return state_ == State::kRest && every_ > 0 ? due_ : std::numeric_limits<double>::infinity();
  }
  void GoOnIfDue(double now) {
    if (state_ != State::kRest || every_ == 0 || now < due_) return;
    state_ = State::kWrite;
    OnReady();
  }

 private:
  enum class State { kIdle, kHandshake, kWrite, kRead, kRest, kEnd };

  // One move of the state machine; false: wait for the socket, or done.
  bool Step() {
    switch (state_) {
      case State::kIdle:
      case State::kRest: return false;
      case State::kHandshake: return StepHandshake();
      case State::kWrite: return StepWrite();
      case State::kRead: return StepRead();
      case State::kEnd: return StepEnd();
    }
    return false;
  }

  bool WouldBlock(int result) {
    const int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return true;
    return false;
  }

  bool StepHandshake() {
    const int result = SSL_do_handshake(ssl_);
    if (result != 1) return WouldBlock(result) ? false : Fail();
    if ((SSL_session_reused(ssl_) == 1) != (mode_ == Mode::kResumed)) ++totals_->wrong;
    if (mode_ == Mode::kHandshake || mode_ == Mode::kResumed) {
      SSL_shutdown(ssl_);
      state_ = State::kEnd;
    } else {
      state_ = every_ > 0 ? State::kRest : State::kWrite;
    }
    return true;
  }

  bool StepWrite() {
    const bool keep = mode_ == Mode::kKeepalive || mode_ == Mode::kIdle;
    if (keep) started_ = every_ > 0 ? due_ : NowSeconds();
    const std::string request = "GET " + options_.path + " HTTP/1.1\r\nHost: " + options_.sni +
                                (keep ? "" : "\r\nConnection: close") + "\r\n\r\n";
    const int result = SSL_write(ssl_, request.data(), static_cast<int>(request.size()));
    if (result <= 0) return WouldBlock(result) ? false : Fail();
    answer_.clear();
    head_end_ = std::string::npos;
    state_ = State::kRead;
    return true;
  }

  bool StepRead() {
    char buffer[65536];
    const int result = SSL_read(ssl_, buffer, sizeof buffer);
    if (result <= 0) return WouldBlock(result) ? false : Fail();
    answer_.append(buffer, static_cast<size_t>(result));
    if (head_end_ == std::string::npos && !ReadHead()) return true;
    if (answer_.size() < head_end_ + body_bytes_) return true;
    if (answer_.compare(0, 13, "HTTP/1.1 200 ") != 0 || body_bytes_ != options_.expected_bytes ||
        answer_.size() != head_end_ + body_bytes_) {
      ++totals_->wrong;
    }
    if (mode_ == Mode::kKeepalive || mode_ == Mode::kIdle) {
      Count();
      due_ += every_;
      state_ = mode_ == Mode::kIdle || every_ > 0 ? State::kRest : State::kWrite;
      return true;
    }
    SSL_shutdown(ssl_);
    state_ = State::kEnd;
    return true;
  }

  bool ReadHead() {
    const size_t end = answer_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    head_end_ = end + 4;
    body_bytes_ = 0;
    for (const char* name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
      const size_t at = answer_.find(name);
      if (at != std::string::npos && at < head_end_)
        body_bytes_ = strtoul(&answer_[at + strlen(name)], nullptr, 10);
    }
    return true;
  }

  // Reads until the server ends the connection.
  bool StepEnd() {
    char buffer[4096];
    const ssize_t result = read(fd_, buffer, sizeof buffer);
    if (result > 0) return true;
    if (result < 0 && errno == EAGAIN) return false;
    Count();
    Close();
    return false;
  }

  void Count() {
    ++totals_->operations;
    totals_->latencies_us.push_back(static_cast<float>((NowSeconds() - started_) * 1e6));
  }

  bool Fail() {
    if (totals_->errors++ == 0) ERR_print_errors_fp(stderr);
    ERR_clear_error();
    Close();
    return false;
  }

  void Close() {
    if (ssl_ != nullptr) SSL_free(ssl_);
    if (fd_ >= 0) close(fd_);
    ssl_ = nullptr;
    fd_ = -1;
    state_ = State::kIdle;
  }

  const Options& options_;
  SSL_CTX* const context_;
  const int epoll_;
  Totals* const totals_;
  Mode mode_ = Mode::kKeepalive;
  State state_ = State::kIdle;
  int fd_ = -1;
  SSL* ssl_ = nullptr;
  double started_ = 0, due_ = 0, every_ = 0;
  std::string answer_;
  size_t head_end_ = std::string::npos, body_bytes_ = 0;
};

SSL_CTX* MakeContext(const Options& options) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, KeepSession);
  if (SSL_CTX_load_verify_file(context, options.ca.c_str()) != 1 ||
      SSL_CTX_use_certificate_file(context, options.cert.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, options.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    ERR_print_errors_fp(stderr);
    exit(1);
  }
  return context;
}

void RunEvents(int epoll, double seconds) {
  epoll_event events[256];
  timespec wait{};
  wait.tv_nsec = static_cast<long>(std::clamp(seconds, 0.0, 0.5) * 1e9);
  const int count = epoll_pwait2(epoll, events, 256, &wait, nullptr);
  for (int i = 0; i < count; ++i) static_cast<Connection*>(events[i].data.ptr)->OnReady();
}

// The client is known by it, and the session is the one that every resumed connection uses.
void MakeFirstRequest(const Options& options, SSL_CTX* context, int epoll) {
  Totals first;
  Connection connection(options, context, epoll, &first);
  connection.Open(Mode::kHandshakeGet);
  const double end = NowSeconds() + 5;
  while (!connection.done() && NowSeconds() < end) RunEvents(epoll, 0.1);
  if (first.operations != 1 || first.wrong + first.errors > 0) {
    fprintf(stderr, "bench_load: the first request was not answered as it should be\n");
    exit(1);
  }
  if (options.mode == Mode::kResumed && g_session.empty()) {
    fprintf(stderr, "bench_load: the server gave no session ticket\n");
    exit(1);
  }
}

void Report(Totals* totals, double seconds) {
  std::sort(totals->latencies_us.begin(), totals->latencies_us.end());
  const auto at = [&](double share) {
    if (totals->latencies_us.empty()) return 0.0F;
    return totals->latencies_us[static_cast<size_t>(
        share * static_cast<double>(totals->latencies_us.size() - 1))];
  };
  printf(
      "{\"operations\":%lu,\"wrong\":%lu,\"errors\":%lu,\"seconds\":%.3f,\"p50_us\":%.0f,\"p99_"
      "us\":%.0f,"
      "\"p999_us\":%.0f}\n",
      totals->operations, totals->wrong, totals->errors, seconds, static_cast<double>(at(0.5)),
      static_cast<double>(at(0.99)), static_cast<double>(at(0.999)));
  fflush(stdout);
}

Options ParseOptions(int argc, char** argv) {
  if (argc < 10) {
    fprintf(stderr,
            "usage: bench_load MODE HOST PORT SNI CA CERT KEY CONNECTIONS SECONDS [PATH [BYTES "
            "[RATE]]]\n");
    exit(2);
  }
  Options options;
  const std::string mode = argv[1];
  options.mode = mode == "keepalive"       ? Mode::kKeepalive
                 : mode == "idle"          ? Mode::kIdle
                 : mode == "handshake"     ? Mode::kHandshake
                 : mode == "handshake_get" ? Mode::kHandshakeGet
                                           : Mode::kResumed;
  options.address.sin_family = AF_INET;
  inet_pton(AF_INET, argv[2], &options.address.sin_addr);
  options.address.sin_port = htons(static_cast<uint16_t>(atoi(argv[3])));
  options.sni = argv[4];
  options.ca = argv[5];
  options.cert = argv[6];
  options.key = argv[7];
  options.connections = atoi(argv[8]);
  options.seconds = atof(argv[9]);
  if (argc > 10) options.path = argv[10];
  if (argc > 11) options.expected_bytes = strtoul(argv[11], nullptr, 10);
  if (argc > 12) options.rate = atof(argv[12]);
  return options;
}

}  // namespace

using Connections = std::vector<std::unique_ptr<Connection>>;

// A few handshakes at a time; then nothing but what the server may still have to say.
void Rest(const Options& options, SSL_CTX* context, int epoll, Totals* totals,
          Connections* connections) {
  constexpr size_t kAtOnce = 32;
  const double end = NowSeconds() + options.seconds;
  while (NowSeconds() < end && totals->errors == 0) {
    const auto rest = static_cast<size_t>(std::count_if(
        connections->begin(), connections->end(), [](const auto& one) { return one->resting(); }));
    if (rest == static_cast<size_t>(options.connections)) break;
    while (connections->size() < static_cast<size_t>(options.connections) &&
           connections->size() < rest + kAtOnce) {
      connections->push_back(std::make_unique<Connection>(options, context, epoll, totals));
      connections->back()->Open(options.mode);
    }
    RunEvents(epoll, 0.01);
  }
}

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  SSL_CTX* context = MakeContext(options);
  const int epoll = epoll_create1(0);
  if (options.mode == Mode::kHandshake || options.mode == Mode::kResumed)
    MakeFirstRequest(options, context, epoll);
  Totals totals;
  Connections connections;
  const double start = NowSeconds(), end = start + options.seconds;
  if (options.mode == Mode::kIdle) {
    Rest(options, context, epoll, &totals, &connections);
    Report(&totals, NowSeconds() - start);
    while (getchar() != EOF) {
    }
    return totals.wrong == 0 && totals.errors == 0 ? 0 : 1;
  }
  for (int i = 0; i < options.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(options, context, epoll, &totals));
    const double every = options.rate > 0 ? options.connections / options.rate : 0;
    connections.back()->Pace(start + kWarmUp + every * i / options.connections, every);
    connections.back()->Open(options.mode);
  }
  while (NowSeconds() < end && totals.errors < 1000) {
    double next = NowSeconds() + 0.01;
    for (const auto& connection : connections) next = std::min(next, connection->due());
    RunEvents(epoll, next - NowSeconds());
    const double now = NowSeconds();
    for (auto& connection : connections) {
      if (connection->done()) connection->Open(options.mode);
      connection->GoOnIfDue(now);
    }
  }
  Report(&totals, NowSeconds() - start);
  connections.clear();
  SSL_CTX_free(context);
  return totals.wrong == 0 && totals.errors == 0 ? 0 : 1;
}
