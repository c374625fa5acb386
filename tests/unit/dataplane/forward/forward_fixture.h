// A caller, the gateway's forwarding on a loop whose time stands still until a test moves it, and
// (of the test) an upstream.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "dataplane/forward/forward.h"
#include "dataplane/forward/http1_client.h"
#include "dataplane/forward/tunnel.h"
#include "dataplane/http/head_parser.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/permit_for_tests.h"
#include "tests/unit/dataplane/upstream/loop_for_tests.h"
#include "tests/unit/dataplane/upstream/origin_for_tests.h"

namespace sallyport::dataplane::testing {

using base::Reason;
using boost::asio::awaitable;
using boost::asio::ip::make_address;

// The caller: a blocking thread at the other end of a socket pair.
class Caller {
 public:
  using Script = std::function<void(int fd, std::string* answer)>;

  explicit Caller(Script script) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    const int flags = fcntl(ends[0], F_GETFL);
    fcntl(ends[0], F_SETFL, flags | O_NONBLOCK);
    gateway_fd_ = ends[0];
    thread_ = std::thread([fd = ends[1], script = std::move(script), answer = &answer_] {
      script(fd, answer);
      close(fd);
    });
  }
  ~Caller() {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] int gateway_fd() const { return gateway_fd_; }
  // After the gateway's end is closed.
  std::string Answer() {
    thread_.join();
    return answer_;
  }

 private:
  int gateway_fd_ = -1;
  std::string answer_;
  std::thread thread_;
};

inline bool SendAll(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t put = send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (put <= 0) return false;
    done += static_cast<size_t>(put);
  }
  return true;
}
inline bool ReadSome(int fd, std::string* into) {
  char block[65536];
  const ssize_t got = read(fd, block, sizeof block);
  if (got > 0) into->append(block, static_cast<size_t>(got));
  return got > 0;
}
inline void ReadAll(int fd, std::string* into) {
  while (ReadSome(fd, into)) {
  }
}
inline bool ReadUntil(int fd, const std::string& mark, std::string* into) {
  while (into->find(mark) == std::string::npos) {
    if (!ReadSome(fd, into)) return false;
  }
  return true;
}
inline Caller::Script Sends(std::string request) {
  return [request = std::move(request)](int fd, std::string* answer) {
    SendAll(fd, request);
    ReadAll(fd, answer);
  };
}

struct Result {
  ForwardOutcome outcome;
  std::string answer;  // all that the caller got
};

class ForwardTest : public ::testing::Test {
 protected:
  ForwardTest()
      : resolver_({},
                  [](const std::string&) {
                    return std::vector<boost::asio::ip::address>{make_address("127.0.0.1")};
                  }),
        trust_({.directories = {"/nonexistent"}}),
        pool_(loop_, {}, resolver_, trust_) {
    timeouts_.connect = timeouts_.first_byte = timeouts_.idle =
        absl::Minutes(10);  // nobody waits for them
  }

  static UpstreamTargetPtr Target(const Origin& origin, const std::string& scheme = "http") {
    return *ParseUpstreamTarget(absl::StrCat(scheme, "://origin.example:", origin.port()));
  }

  // As dataplane/exchange does it for one request; the caller's connection is closed at the end.
  awaitable<void> Serve(int fd, UpstreamTargetPtr target, ForwardOutcome* outcome) {
    PlainStream stream(loop_, fd);
    ReadBuffer buffer(loop_.buffers());
    RequestHead head;
    RequestParser parser;
    for (;;) {
      const ParseOutcome parsed = parser.Parse(buffer.data(), &head);
      EXPECT_NE(parsed.kind, ParseOutcome::Kind::kBad) << parsed.detail;
      if (parsed.kind != ParseOutcome::Kind::kIncomplete) {
        buffer.Consume(parsed.consumed);
        break;
      }
      const IoResult result = co_await Read(stream, buffer.Space(65536), Deadline::Never());
      if (!result.ok()) co_return;
      buffer.Commit(result.bytes);
    }
    BodyReader reader(stream, buffer);
    reader.Start(head.framing, head.content_length, max_body_);
    Http1RequestBody body(stream, reader, head.framing, head.content_length);
    std::string out;
    Http1ResponseSink::Options options{head.minor_version, head.keep_alive};
    options.is_last = [this] { return draining_.load(); };
    Http1ResponseSink sink(stream, std::move(options), &out);
    const HeaderFields set = {{"X-Forwarded-For", "192.0.2.1"}};
    ForwardRequest request;
    request.method = head.method;
    request.target = head.target;
    request.host = target->authority;
    request.fields = &head.fields;
    request.set = set;
    request.body = head.framing == Framing::kNone ? nullptr : &body;
    request.expect_continue = head.expect_continue;
    request.upgrade = head.upgrade;
    request.retries = retries_;
    *outcome = co_await Forward(pool_, target, credentials_, permit_, request, timeouts_, sink);
    if (outcome->reason == Reason::kAllowed) {
      EXPECT_EQ(out, "") << "all was flushed";
    }
    if (outcome->tunnel == nullptr) co_return;
    UpstreamConnection& upstream = *outcome->tunnel;
    client_ = &stream;
    const TunnelSide near{stream, buffer};
    const TunnelSide far{*upstream.stream, upstream.buffer};
    tunnel_ = co_await RunTunnel(near, far, tunnel_settings_);
    client_ = nullptr;
    outcome->tunnel = nullptr;
  }

  Result Run(Caller::Script script, const UpstreamTargetPtr& target) {
    Result result;
    Caller caller(std::move(script));
    RunOn(loop_, [&]() -> awaitable<void> {
      co_await Serve(caller.gateway_fd(), target, &result.outcome);
    });
    result.answer = caller.Answer();
    return result;
  }
  Result Run(const std::string& request, const UpstreamTargetPtr& target) {
    return Run(Sends(request), target);
  }

  base::ManualClock time_;
  Loop loop_{0, time_};
  Resolver resolver_;
  SystemTrust trust_;
  UpstreamPool pool_;
  Permit permit_ = PermitForTests::Of();
  UpstreamCredentialsPtr credentials_;
  ForwardTimeouts timeouts_;
  uint64_t max_body_ = UINT64_MAX;
  std::atomic<bool> draining_{false};
  RetryBudget* retries_ = nullptr;
  TunnelSettings tunnel_settings_;
  TunnelOutcome tunnel_;
  Stream* client_ = nullptr;  // while there is a tunnel; on the loop's thread
};

}  // namespace sallyport::dataplane::testing
