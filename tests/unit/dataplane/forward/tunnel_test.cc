#include "dataplane/forward/tunnel.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "dataplane/forward/forward.h"
#include "tests/unit/dataplane/forward/forward_fixture.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using testing::ForwardTest;
using testing::Origin;
using testing::OriginConnection;
using testing::PassTimeUntilClosed;
using testing::ReadAll;
using testing::ReadSome;
using testing::ReadUntil;
using testing::Result;
using testing::SendAll;

constexpr char kAsks[] =
    "GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";
constexpr char kSwitches[] =
    "HTTP/1.1 101 Go\r\nUpgrade: chat\r\nConnection: upgrade\r\nX-A: 1\r\n\r\n";
constexpr char kSwitched[] =
    "HTTP/1.1 101 Go\r\nX-A: 1\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n";

class TunnelTest : public ForwardTest {
 protected:
  // The upstream switches, and `then` it speaks.
  static Origin::Script Switching(Origin::Script then) {
    return [then = std::move(then)](OriginConnection& connection) {
      connection.ReadHead();
      connection.Write(kSwitches);
      then(connection);
    };
  }
  // On the loop, as the registry of connections does it.
  void CutClient() {
    loop_.Post([this] {
      if (client_ != nullptr) client_->Cancel();
    });
  }
};

TEST_F(TunnelTest, TheRequestIsWrittenAnewAndTheAnswerSwitches) {
  std::string seen;
  std::string heard;
  Origin origin([&](OriginConnection& connection) {
    seen = connection.ReadHead();
    connection.Write(absl::StrCat(kSwitches, "first"));
    heard = connection.ReadUntil("second");
    connection.Write("third");
  });
  const Result result = Run(
      [](int fd, std::string* answer) {
        SendAll(fd, absl::StrCat(kAsks, "early "));
        ReadUntil(fd, "first", answer);
        SendAll(fd, "second");
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(seen, absl::StrCat("GET /x HTTP/1.1\r\nHost: origin.example:", origin.port(),
                               "\r\nX-Forwarded-For: 192.0.2.1\r\nUpgrade: chat\r\n"
                               "Connection: Upgrade\r\n\r\n"));
  EXPECT_EQ(heard, "early second");
  EXPECT_EQ(result.answer, absl::StrCat(kSwitched, "firstthird"));
  EXPECT_EQ(result.outcome.status, 101);
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed);
  EXPECT_EQ(tunnel_.to_upstream, 12u);
  EXPECT_EQ(tunnel_.to_client, 10u);
  EXPECT_EQ(pool_.counts().in_use, 0u);
  EXPECT_EQ(pool_.counts().idle, 0u);
}

TEST_F(TunnelTest, AnotherAnswerIsOneAndItsConnectionIsNotUsedAgain) {
  std::string after;
  {
    Origin origin([&](OriginConnection& connection) {
      connection.ReadHead();
      connection.Answer("no");
      after = connection.ReadBytes(1);
    });
    const Result result =
        Run(absl::StrCat(kAsks, "GET /smuggled HTTP/1.1\r\n\r\n"), Target(origin));
    EXPECT_TRUE(absl::StrContains(result.answer, "HTTP/1.1 200 OK\r\n")) << result.answer;
    EXPECT_EQ(pool_.counts().idle, 0u);
  }
  EXPECT_EQ(after, "");
}

TEST_F(TunnelTest, AKeptConnectionIsNotUsedForIt) {
  Origin origin([&](OriginConnection& connection) {
    while (true) {
      const std::string head = connection.ReadHead();
      if (head.empty()) return;
      if (absl::StrContains(head, "Upgrade")) return connection.Answer("no");
      connection.Answer("yes");
    }
  });
  const UpstreamTargetPtr target = Target(origin);
  Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", target);
  EXPECT_EQ(pool_.counts().idle, 1u);
  EXPECT_FALSE(Run(kAsks, target).outcome.reused);
  EXPECT_EQ(origin.accepted(), 2);
  EXPECT_EQ(pool_.counts().idle, 1u);
}

TEST_F(TunnelTest, ABadSwitchIsABadAnswer) {
  for (const std::string bad :
       {"HTTP/1.1 101 Go\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 101 Go\r\nConnection: upgrade\r\n\r\n", "HTTP/1.1 101 Go\r\n\r\n"}) {
    std::string after;
    {
      Origin origin([&](OriginConnection& connection) {
        connection.ReadHead();
        connection.Write(bad);
        after = connection.ReadBytes(1);
      });
      const Result result = Run(absl::StrCat(kAsks, "early"), Target(origin));
      EXPECT_EQ(result.outcome.reason, Reason::kUpstreamProtocol) << bad;
      EXPECT_EQ(result.answer, "") << bad;
    }
    EXPECT_EQ(after, "") << bad;
  }
}

TEST_F(TunnelTest, AnEndOfEitherSideIsPassedOnAlone) {
  for (const bool client_first : {true, false}) {
    std::string heard;
    {
      Origin origin(Switching([&](OriginConnection& connection) {
        if (!client_first) shutdown(connection.fd(), SHUT_WR);
        while (connection.ReadSome()) {
        }
        heard = connection.buffer();
        if (client_first) connection.Write("after your end");
      }));
      const Result result = Run(
          [&](int fd, std::string* answer) {
            SendAll(fd, kAsks);
            if (client_first) {
              ReadUntil(fd, "\r\n\r\n", answer);
              SendAll(fd, "before my end");
              shutdown(fd, SHUT_WR);
              ReadAll(fd, answer);
            } else {
              ReadAll(fd, answer);
              SendAll(fd, "after your end");
            }
          },
          Target(origin));
      EXPECT_EQ(tunnel_.end, TunnelEnd::kClosed);
      EXPECT_EQ(result.answer, absl::StrCat(kSwitched, client_first ? "after your end" : ""));
    }
    EXPECT_EQ(heard, client_first ? "before my end" : "after your end");
  }
}

TEST_F(TunnelTest, ManyBytesBothWaysAtOnce) {
  constexpr size_t kBytes = 8u << 20;
  size_t counted[2] = {0, 0};
  tunnel_settings_.passed = [&](bool to_client, size_t bytes) { counted[to_client] += bytes; };
  Origin origin(Switching([&](OriginConnection& connection) {
    for (size_t done = 0; done < kBytes;) {
      if (connection.buffer().empty() && !connection.ReadSome()) return;
      done += connection.buffer().size();
      if (!connection.Write(connection.buffer())) return;
      connection.buffer().clear();
    }
  }));
  const Result result = Run(
      [&](int fd, std::string* answer) {
        SendAll(fd, kAsks);
        std::thread writer([fd] {
          for (size_t done = 0; done < kBytes; done += 65536) SendAll(fd, std::string(65536, 'x'));
        });
        ReadAll(fd, answer);
        writer.join();
      },
      Target(origin));
  EXPECT_EQ(result.answer.size(), sizeof kSwitched - 1 + kBytes);
  EXPECT_EQ(tunnel_.to_upstream, kBytes);
  EXPECT_EQ(tunnel_.to_client, kBytes);
  EXPECT_EQ(counted[0], kBytes);
  EXPECT_EQ(counted[1], kBytes);
}

TEST_F(TunnelTest, SilenceEndsIt) {
  tunnel_settings_.idle = absl::Seconds(2);
  const absl::Duration began = time_.Monotonic();
  Origin origin(
      Switching([&](OriginConnection& connection) { PassTimeUntilClosed(connection, &time_); }));
  Run(kAsks, Target(origin));
  EXPECT_EQ(tunnel_.end, TunnelEnd::kIdle);
  EXPECT_GE(time_.Monotonic() - began, absl::Seconds(2));
}

TEST_F(TunnelTest, AWordInOneDirectionKeepsBothOpen) {
  tunnel_settings_.idle = absl::Minutes(5);
  Origin origin(Switching([&](OriginConnection& connection) {
    for (int i = 0; i < 4; ++i) {
      time_.Advance(absl::Minutes(4));
      connection.Write("x");
      connection.ReadBytes(1);
    }
  }));
  const Result result = Run(
      [](int fd, std::string* answer) {
        SendAll(fd, kAsks);
        ReadUntil(fd, "\r\n\r\n", answer);
        for (int i = 0; i < 4; ++i) {
          ReadUntil(fd, std::string(static_cast<size_t>(i + 1), 'x'), answer);
          SendAll(fd, "y");
        }
        ReadAll(fd, answer);
      },
      Target(origin));
  EXPECT_EQ(tunnel_.end, TunnelEnd::kClosed);
  EXPECT_TRUE(absl::StrContains(result.answer, "xxxx"));
}

TEST_F(TunnelTest, AHalfThatIsLeftIsNotWaitedForAsLong) {
  tunnel_settings_.idle = absl::Hours(10);
  tunnel_settings_.half_closed = absl::Seconds(2);
  const absl::Duration began = time_.Monotonic();
  Origin origin(Switching([&](OriginConnection& connection) {
    shutdown(connection.fd(), SHUT_WR);
    PassTimeUntilClosed(connection, &time_);
  }));
  Run(
      [](int fd, std::string* answer) {
        SendAll(fd, kAsks);
        ReadAll(fd, answer);
        pollfd closed{fd, 0, 0};
        poll(&closed, 1, -1);  // says nothing and stays
      },
      Target(origin));
  EXPECT_EQ(tunnel_.end, TunnelEnd::kIdle);
  EXPECT_LT(time_.Monotonic() - began, absl::Hours(1));
}

TEST_F(TunnelTest, TheLongestLifeEndsOneThatIsBusy) {
  tunnel_settings_.total = absl::Minutes(10);
  Origin origin(Switching([&](OriginConnection& connection) {
    connection.ReadBytes(1);  // it has begun
    while (connection.Write("x")) time_.Advance(absl::Seconds(1));
  }));
  Run(absl::StrCat(kAsks, "y"), Target(origin));
  EXPECT_EQ(tunnel_.end, TunnelEnd::kTotal);
}

// Whatever it waits for, and wherever.
TEST_F(TunnelTest, AClientThatIsCutOffEndsIt) {
  enum class Flow { kSilent, kUpstreamTakesNothing, kClientTakesNothing, kHalfClosed, kBusy };
  for (const Flow flow : {Flow::kSilent, Flow::kUpstreamTakesNothing, Flow::kClientTakesNothing,
                          Flow::kHalfClosed, Flow::kBusy}) {
    Origin origin(Switching([&](OriginConnection& connection) {
      if (flow == Flow::kClientTakesNothing) {
        while (connection.Write(std::string(65536, 'x'))) {
        }
      } else if (flow == Flow::kUpstreamTakesNothing) {
        pollfd gone{connection.fd(), POLLRDHUP, 0};
        while (poll(&gone, 1, 1) == 0) time_.Advance(absl::Milliseconds(50));
      } else if (flow == Flow::kBusy) {
        while (connection.Write("x") && connection.ReadSome()) connection.buffer().clear();
      } else {
        PassTimeUntilClosed(connection, &time_);
      }
    }));
    tunnel_settings_.idle = absl::Hours(10'000);
    Run(
        [&](int fd, std::string* answer) {
          SendAll(fd, kAsks);
          ReadUntil(fd, "\r\n\r\n", answer);
          if (flow == Flow::kHalfClosed) shutdown(fd, SHUT_WR);
          if (flow == Flow::kUpstreamTakesNothing) {
            const timeval slice{0, 100'000};
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof slice);
            EXPECT_FALSE(SendAll(fd, std::string(64u << 20, 'y'))) << "it is held up";
          }
          if (flow == Flow::kBusy) {
            // A word first: the upstream's may have come with the head.
            for (int i = 0; i < 100 && SendAll(fd, "y") && ReadSome(fd, answer); ++i) {
            }
          }
          CutClient();
          time_.Advance(absl::Seconds(1));
          ReadAll(fd, answer);
        },
        Target(origin));
    EXPECT_EQ(tunnel_.end, TunnelEnd::kCut) << static_cast<int>(flow);
  }
}

TEST_F(TunnelTest, ABreakOfTheUpstreamIsNoEnd) {
  Origin origin(Switching([](OriginConnection& connection) {
    connection.ReadBytes(1);
    connection.Reset();
  }));
  Run(absl::StrCat(kAsks, "x"), Target(origin));
  EXPECT_EQ(tunnel_.end, TunnelEnd::kUpstream);
}

}  // namespace
}  // namespace sallyport::dataplane
