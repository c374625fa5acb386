#include "dataplane/forward/forward.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>

#include "absl/strings/match.h"
#include "dataplane/forward/http1_client.h"
#include "dataplane/http/head_parser.h"
#include "tests/fakes/permit_for_tests.h"
#include "tests/unit/dataplane/upstream/loop_for_tests.h"
#include "tests/unit/dataplane/upstream/origin_for_tests.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using boost::asio::awaitable;
using boost::asio::ip::make_address;
using testing::Origin;
using testing::OriginConnection;
using testing::Pair;

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

bool SendAll(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t put = send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (put <= 0) return false;
    done += static_cast<size_t>(put);
  }
  return true;
}
bool ReadSome(int fd, std::string* into) {
  char block[65536];
  const ssize_t got = read(fd, block, sizeof block);
  if (got > 0) into->append(block, static_cast<size_t>(got));
  return got > 0;
}
void ReadAll(int fd, std::string* into) {
  while (ReadSome(fd, into)) {
  }
}
bool ReadUntil(int fd, const std::string& mark, std::string* into) {
  while (into->find(mark) == std::string::npos) {
    if (!ReadSome(fd, into)) return false;
  }
  return true;
}
Caller::Script Sends(std::string request) {
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
      : resolver_({}, [](const std::string&) {
          return std::vector<boost::asio::ip::address>{make_address("127.0.0.1")};
        }),
        trust_({.directories = {"/nonexistent"}}), pool_(loop_, {}, resolver_, trust_) {
    timeouts_.connect = timeouts_.first_byte = timeouts_.idle = absl::Seconds(20);
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
    *outcome = co_await Forward(pool_, target, credentials_, permit_, request, timeouts_, sink);
    if (outcome->reason == Reason::kAllowed) EXPECT_EQ(out, "") << "all was flushed";
  }

  Result Run(Caller::Script script, const UpstreamTargetPtr& target) {
    Result result;
    Caller caller(std::move(script));
    testing::RunOn(loop_, [&]() -> awaitable<void> {
      co_await Serve(caller.gateway_fd(), target, &result.outcome);
    });
    result.answer = caller.Answer();
    return result;
  }
  Result Run(const std::string& request, const UpstreamTargetPtr& target) {
    return Run(Sends(request), target);
  }

  Loop loop_{0};
  Resolver resolver_;
  SystemTrust trust_;
  UpstreamPool pool_;
  Permit permit_ = PermitForTests::Of();
  UpstreamCredentialsPtr credentials_;
  ForwardTimeouts timeouts_;
  uint64_t max_body_ = UINT64_MAX;
  std::atomic<bool> draining_{false};
};

// Request and answer ---------------------------------------------------------------------------------

TEST_F(ForwardTest, RequestIsWrittenAnewAndAnswerComesBack) {
  std::string seen;
  Origin origin([&](OriginConnection& connection) {
    seen = connection.ReadHead();
    connection.Answer("hello", "X-A: 1\r\nConnection: X-B\r\nX-B: 2\r\n");
  });
  const Result result =
      Run("GET /x?y=1 HTTP/1.1\r\nHost: public\r\nConnection: X-C\r\nX-C: 1\r\nAccept: */*\r\n\r\n",
          Target(origin));
  EXPECT_EQ(seen, absl::StrCat("GET /x?y=1 HTTP/1.1\r\nHost: origin.example:", origin.port(),
                               "\r\nAccept: */*\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"));
  EXPECT_EQ(result.answer, "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed);
  EXPECT_EQ(result.outcome.status, 200);
  EXPECT_EQ(result.outcome.response_bytes, 5u);
  EXPECT_TRUE(result.outcome.request_read);
  EXPECT_FALSE(result.outcome.cut);
  EXPECT_EQ(pool_.counts().idle, 1u);
}

TEST_F(ForwardTest, BodiesByLength) {
  std::string head;
  std::string body;
  Origin origin([&](OriginConnection& connection) {
    head = connection.ReadHead();
    body = connection.ReadBytes(5);
    connection.Answer("");
  });
  const Result result =
      Run("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed);
  EXPECT_TRUE(absl::StrContains(head, "Content-Length: 5\r\n"));
  EXPECT_EQ(body, "hello");
  EXPECT_EQ(result.outcome.request_bytes, 5u);
  EXPECT_EQ(pool_.counts().idle, 1u);
}

TEST_F(ForwardTest, ChunkedBodiesAreFramedAnewWithTrailers) {
  std::string head;
  std::string body;
  Origin origin([&](OriginConnection& connection) {
    head = connection.ReadHead();
    body = connection.ReadUntil("0\r\nX-Sum: 7\r\n\r\n");
    connection.Answer("");
  });
  const Result result = Run(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 7\r\nClient-Cert: forged\r\n\r\n",
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed);
  EXPECT_TRUE(absl::StrContains(head, "Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(body, "5\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 7\r\n\r\n");
}

TEST_F(ForwardTest, AnswerSaysCloseWhenADrainBeganAfterTheRequest) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    draining_ = true;
    connection.Answer("hello");
  });
  EXPECT_EQ(Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin)).answer,
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
}

TEST_F(ForwardTest, PostWithoutBodySaysSo) {
  std::string head;
  Origin origin([&](OriginConnection& connection) {
    head = connection.ReadHead();
    connection.Answer("");
  });
  EXPECT_EQ(Run("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin)).outcome.status, 200);
  EXPECT_TRUE(absl::StrContains(head, "Content-Length: 0\r\n"));
}

struct AnswerCase {
  const char* name;
  const char* request;
  const char* answer;
  const char* expected;
  bool kept;
};
TEST_F(ForwardTest, Answers) {
  const char* const kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const AnswerCase cases[] = {
      {"chunked with trailers", kGet,
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
       true},
      {"until close", kGet, "HTTP/1.1 200 OK\r\n\r\nabc",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false},
      {"until close to HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nabc",
       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", false},
      {"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", true},
      {"HEAD chunked", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", true},
      {"204", kGet, "HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", "HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n",
       true},
      {"304", kGet, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
       "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", true},
      {"empty", kGet, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
      {"interim before the answer", kGet,
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
       "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
      {"upstream closes", kGet, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", false},
      {"bytes after the answer", kGet,
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", false}};
  for (const AnswerCase& one : cases) {
    SCOPED_TRACE(one.name);
    Origin origin([&](OriginConnection& connection) {
      connection.ReadHead();
      connection.Write(one.answer);
      if (one.kept) connection.ReadHead();
    });
    const Result result = Run(one.request, Target(origin));
    EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
    EXPECT_EQ(result.answer, one.expected);
    EXPECT_EQ(pool_.counts().idle, one.kept ? 1u : 0u);
    pool_.RetireAll();
  }
}

TEST_F(ForwardTest, MalformedAnswersAreRefusedAndNothingOfThemPasses) {
  const std::string big_head = absl::StrCat("HTTP/1.1 200 OK\r\nX: ", std::string(200'000, 'x'), "\r\n\r\n");
  const std::string answers[] = {
      "garbage\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      big_head};
  for (const std::string& answer : answers) {
    SCOPED_TRACE(answer.substr(0, 80));
    Origin origin([&](OriginConnection& connection) {
      connection.ReadHead();
      connection.Write(answer);
    });
    const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
    EXPECT_EQ(result.outcome.reason, Reason::kUpstreamProtocol);
    EXPECT_FALSE(result.outcome.answer_started);
    EXPECT_EQ(result.answer, "");
    EXPECT_EQ(pool_.counts().idle, 0u);
  }
}

TEST_F(ForwardTest, EndlessInterimAnswersEnd) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    while (connection.Write("HTTP/1.1 102 Processing\r\n\r\n")) {
    }
  });
  EXPECT_EQ(Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin)).outcome.reason,
            Reason::kUpstreamProtocol);
}

// Large bodies ---------------------------------------------------------------------------------------

TEST_F(ForwardTest, LargeBodiesBothWaysAtOnce) {
  constexpr size_t kBytes = 20u << 20;
  Origin origin([&](OriginConnection& connection) {  // an echo that never holds more than a block
    connection.ReadHead();
    connection.Write(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", kBytes, "\r\n\r\n"));
    for (size_t done = 0; done < kBytes;) {
      if (connection.buffer().empty() && !connection.ReadSome()) return;
      done += connection.buffer().size();
      if (!connection.Write(connection.buffer())) return;
      connection.buffer().clear();
    }
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        std::thread writer([fd] {
          SendAll(fd, absl::StrCat("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ", kBytes, "\r\n\r\n"));
          for (size_t done = 0; done < kBytes; done += 65536) SendAll(fd, std::string(65536, 'x'));
        });
        ReadAll(fd, answer);
        writer.join();
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.outcome.request_bytes, kBytes);
  EXPECT_EQ(result.outcome.response_bytes, kBytes);
  EXPECT_GT(result.answer.size(), kBytes);
  EXPECT_TRUE(result.outcome.request_read);
}

TEST_F(ForwardTest, AnswerBeforeTheBodyIsSentComesThrough) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
    connection.ReadUntil("never");
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
        SendAll(fd, std::string(100'000, 'x'));
        ReadUntil(fd, "big", answer);  // and the rest is never sent
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.outcome.status, 413);
  EXPECT_FALSE(result.outcome.request_read);
  EXPECT_TRUE(absl::StrContains(result.answer, "\r\n\r\nbig"));
  EXPECT_EQ(pool_.counts().idle, 0u);
}

TEST_F(ForwardTest, ExpectContinueIsPassedOn) {
  Origin origin([&](OriginConnection& connection) {
    if (!absl::StrContains(connection.ReadHead(), "Expect: 100-continue\r\n")) return;
    connection.Write("HTTP/1.1 100 Continue\r\n\r\n");
    connection.Answer(connection.ReadBytes(5));
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        ReadUntil(fd, "100 Continue\r\n\r\n", answer);
        SendAll(fd, "hello");
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.answer,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

TEST_F(ForwardTest, ExpectContinueIsAnsweredHereWhenTheUpstreamDoesNot) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Answer(connection.ReadBytes(5));
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        ReadUntil(fd, "100 Continue\r\n\r\n", answer);
        SendAll(fd, "hello");
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(result.outcome.status, 200) << result.outcome.detail;
}

TEST_F(ForwardTest, RefusedExpectationTakesNoBody) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    connection.ReadHead();
  });
  const Result result =
      Run("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", Target(origin));
  EXPECT_EQ(result.outcome.status, 403);
  EXPECT_FALSE(result.outcome.request_read);
  EXPECT_EQ(pool_.counts().idle, 0u) << "a request that was never finished";
}

// Failures -------------------------------------------------------------------------------------------

TEST_F(ForwardTest, ResetInsideTheBodyCutsTheClient) {
  // The script cannot reset before the gateway has read: the caller tells when.
  std::atomic<bool> arrived{false};
  Origin resetting([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", std::string(50'000, 'x')));
    while (!arrived) absl::SleepFor(absl::Milliseconds(1));
    connection.Reset();
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        while (answer->size() < 50'000 && ReadSome(fd, answer)) {
        }
        arrived = true;
        ReadAll(fd, answer);
      },
      Target(resetting));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamReset);
  EXPECT_TRUE(result.outcome.answer_started);
  EXPECT_TRUE(result.outcome.cut);
  EXPECT_LT(result.answer.size(), 100'000u);
}

TEST_F(ForwardTest, CutChunkedAnswerHasNoEnd) {
  std::atomic<bool> arrived{false};
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    while (!arrived) absl::SleepFor(absl::Milliseconds(1));
  });
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        ReadUntil(fd, "abc\r\n", answer);
        arrived = true;
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamReset);
  EXPECT_TRUE(result.outcome.cut);
  EXPECT_FALSE(absl::StrContains(result.answer, "\r\n0\r\n"));
}

TEST_F(ForwardTest, AnswerThatBreaksBeforeAnythingWasSentCanStillBeRefused) {
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  });
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamProtocol);
  EXPECT_FALSE(result.outcome.answer_started);
  EXPECT_FALSE(result.outcome.cut);
  EXPECT_EQ(result.answer, "");
}

TEST_F(ForwardTest, CloseBeforeAnAnswerIsAReset) {
  Origin origin([&](OriginConnection& connection) { connection.ReadHead(); });
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamReset);
  EXPECT_EQ(result.outcome.attempts, 1) << "a fresh connection is not tried again";
}

TEST_F(ForwardTest, SilentUpstreamTimesOut) {
  timeouts_.first_byte = absl::Milliseconds(100);
  Origin origin([&](OriginConnection& connection) { connection.ReadUntil("never"); });
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTimeout);
  EXPECT_FALSE(result.outcome.answer_started);
}

TEST_F(ForwardTest, TheTimeForAnAnswerBeginsWhenTheRequestHasEnded) {
  timeouts_.first_byte = absl::Milliseconds(200);
  std::atomic<bool> silent{false};
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    const std::string body = connection.ReadBytes(10);
    if (silent) connection.ReadUntil("never");
    connection.Answer(body);
  });
  const Caller::Script slow = [](int fd, std::string* answer) {
    SendAll(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; ++i) {
      SendAll(fd, "x");
      absl::SleepFor(absl::Milliseconds(50));
    }
    ReadAll(fd, answer);
  };
  Result result = Run(slow, Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.outcome.status, 200);
  silent = true;
  result = Run(slow, Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTimeout);
}

TEST_F(ForwardTest, TotalTimeHoldsForASlowAnswer) {
  timeouts_.total = absl::Milliseconds(300);
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (connection.Write("x")) absl::SleepFor(absl::Milliseconds(5));
  });
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTimeout);
  EXPECT_TRUE(result.outcome.cut);
}

TEST_F(ForwardTest, SilenceInsideTheBodyTimesOutAndCuts) {
  timeouts_.idle = absl::Milliseconds(100);
  Origin origin([&](OriginConnection& connection) {
    connection.ReadHead();
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    connection.ReadUntil("never");
  });
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTimeout);
  EXPECT_TRUE(result.outcome.cut);
}

TEST_F(ForwardTest, NobodyListens) {
  const UpstreamTargetPtr target = *ParseUpstreamTarget("http://127.0.0.1:1");
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", target);
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamConnect);
  EXPECT_EQ(result.outcome.upstream, nullptr);
}

// The caller -----------------------------------------------------------------------------------------

TEST_F(ForwardTest, CallerThatLeavesWhileWeWaitEndsTheExchange) {
  std::atomic<bool> ended{false};
  Origin origin([&](OriginConnection& connection) {
    connection.ReadUntil("never");
    ended = true;
  });
  const Result result = Run(
      [](int fd, std::string*) { SendAll(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); }, Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kClientGone);
  for (const absl::Time end = absl::Now() + absl::Seconds(20); !ended && absl::Now() < end;) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_TRUE(ended) << "the upstream's connection is closed";
}

TEST_F(ForwardTest, CallerThatLeavesInsideItsBodyIsNotFinishedForIt) {
  std::string seen;
  Origin origin([&](OriginConnection& connection) {
    while (connection.ReadSome()) {
    }
    seen = connection.buffer();
  });
  const Result result = Run(
      [](int fd, std::string*) {
        SendAll(fd, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kClientGone);
  EXPECT_FALSE(absl::StrContains(seen, "\r\n0\r\n"));
}

TEST_F(ForwardTest, MalformedBodyIsTheCallersFault) {
  Origin origin([&](OriginConnection& connection) { connection.ReadUntil("never"); });
  const Result result = Run(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kBadRequest);
  EXPECT_FALSE(result.outcome.answer_started);
}

TEST_F(ForwardTest, TooLargeBodyIsRefusedAlsoWhenItsSizeIsNotSaid) {
  max_body_ = 1'000'000;
  Origin origin([&](OriginConnection& connection) {
    while (connection.ReadSome()) connection.buffer().clear();
  });
  const Result result = Run(
      [](int fd, std::string* answer) {
        SendAll(fd, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        const std::string chunk = absl::StrCat("10000\r\n", std::string(65536, 'x'), "\r\n");
        for (int i = 0; i < 100 && SendAll(fd, chunk); ++i) {
        }
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kBodyTooLarge);
  EXPECT_FALSE(result.outcome.request_read);
}

TEST_F(ForwardTest, SlowBodyTimesOut) {
  timeouts_.idle = absl::Milliseconds(100);
  Origin origin([&](OriginConnection& connection) { connection.ReadUntil("never"); });
  const Result result = Run(
      [](int fd, std::string* answer) {
        SendAll(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(result.outcome.reason, Reason::kRequestTimeout);
}

// Retries --------------------------------------------------------------------------------------------

// Answers the first request of the first connection, and closes it at the second without an answer.
Origin::Script ClosesAtTheSecond(std::atomic<int>* connections) {
  return [connections](OriginConnection& connection) {
    const bool first = ++*connections == 1;
    for (int i = 0; !connection.ReadHead().empty(); ++i) {
      if (first && i == 1) return;
      connection.Answer("ok");
    }
  };
}

TEST_F(ForwardTest, IdempotentRequestIsSentAgainOnAFreshConnection) {
  std::atomic<int> connections{0};
  Origin origin(ClosesAtTheSecond(&connections));
  EXPECT_EQ(Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin)).outcome.attempts, 1);
  const Result second = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(second.outcome.reason, Reason::kAllowed);
  EXPECT_EQ(second.outcome.attempts, 2);
  EXPECT_FALSE(second.outcome.reused);
  EXPECT_TRUE(absl::StrContains(second.answer, "\r\n\r\nok"));
}

TEST_F(ForwardTest, PostIsNeverSentTwice) {
  std::atomic<int> connections{0};
  Origin origin(ClosesAtTheSecond(&connections));
  (void)Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  const Result second = Run("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  EXPECT_EQ(second.outcome.reason, Reason::kUpstreamReset);
  EXPECT_EQ(second.outcome.attempts, 1);
  EXPECT_EQ(connections, 1);
}

TEST_F(ForwardTest, RequestWhoseBodyWasTakenIsNotSentTwice) {
  std::atomic<int> connections{0};
  Origin origin(ClosesAtTheSecond(&connections));
  (void)Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin));
  const Result second =
      Run("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", Target(origin));
  EXPECT_EQ(second.outcome.reason, Reason::kUpstreamReset);
  EXPECT_EQ(connections, 1);
}

// TLS ------------------------------------------------------------------------------------------------

struct TlsWorld {
  Pair server = testing::SelfSigned("DNS:origin.example");
  Pair client_root = testing::Root("client root");
};
const TlsWorld& T() {
  static const TlsWorld* const world = new TlsWorld();
  return *world;
}

class ForwardTlsTest : public ForwardTest {
 protected:
  ForwardTlsTest() {
    auto credentials = std::make_shared<UpstreamCredentials>();
    credentials->reason = Reason::kAllowed;
    credentials->trust_der = {T().server.Der()};
    credentials_ = credentials;
  }
};

TEST_F(ForwardTlsTest, RefusedClientCertificateIsATlsFailureNotAReset) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Origin origin(testing::Serves(""), {.chain = {&T().server}, .client_ca = &T().client_root,
                                        .require = true, .max_version = version});
    const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin, "https"));
    EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTlsHandshake);
    EXPECT_TRUE(absl::StrContains(result.outcome.detail, "asked for a client certificate"))
        << result.outcome.detail;
  }
}

TEST_F(ForwardTlsTest, LargeAnswersOverTls) {
  const std::string body(5u << 20, 'y');
  Origin origin(testing::Serves(body), {.chain = {&T().server}});
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin, "https"));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.outcome.response_bytes, body.size());
  EXPECT_EQ(result.outcome.upstream->spki_sha256.size(), 64u);
}

TEST_F(ForwardTlsTest, TruncatedUntilCloseAnswerIsCut) {
  for (const bool clean : {false, true}) {
    Origin origin(
        [&](OriginConnection& connection) {
          connection.ReadHead();
          connection.Write("HTTP/1.1 200 OK\r\n\r\nabc");
          if (!clean) connection.CloseWithoutNotify();
        },
        {.chain = {&T().server}});
    const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin, "https"));
    EXPECT_EQ(result.outcome.reason, clean ? Reason::kAllowed : Reason::kUpstreamReset);
    EXPECT_EQ(absl::StrContains(result.answer, "\r\n0\r\n\r\n"), clean);
  }
}

TEST_F(ForwardTlsTest, PinMismatchSendsNothing) {
  auto credentials = std::make_shared<UpstreamCredentials>();
  credentials->reason = Reason::kAllowed;
  credentials->trust_der = {T().server.Der()};
  credentials->pinned = true;
  credentials->pin_spki_sha256 = {SpkiSha256(T().client_root.certificate.get())};
  credentials_ = credentials;
  std::atomic<int> requests{0};
  Origin origin([&](OriginConnection& connection) { requests += connection.ReadSome() ? 1 : 0; },
                {.chain = {&T().server}});
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin, "https"));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamPin);
  EXPECT_EQ(result.outcome.upstream->spki_sha256.size(), 64u);
  EXPECT_EQ(requests, 0);
}

}  // namespace
}  // namespace sallyport::dataplane
