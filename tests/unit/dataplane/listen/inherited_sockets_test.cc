#include "dataplane/listen/inherited_sockets.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/listen/listening_socket.h"

namespace sallyport::dataplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kAddress[] = "127.0.0.1";

// Descriptors at numbers that follow each other, as a predecessor hands them over. What is adopted
// is closed by who adopts it; closing twice does no harm here: nothing else is opened meanwhile.
class Inheritance {
 public:
  Inheritance() {
    EXPECT_EQ(pipe(pipe_.data()), 0);
    EXPECT_EQ(dup2(pipe_[1], kReady), kReady);
    close(pipe_[1]);
  }
  ~Inheritance() {
    close(pipe_[0]);
    close(kReady);
    for (int fd = kFirst; fd < next_; ++fd) close(fd);
  }
  // Takes `fd`.
  int Add(int fd) {
    EXPECT_EQ(dup2(fd, next_), next_);
    close(fd);
    return next_++;
  }
  int Listener(uint16_t port = 0) { return Add(*OpenListener(kAddress, port)); }
  [[nodiscard]] std::string Text() const {
    return InheritanceText(kReady, kFirst, static_cast<size_t>(next_ - kFirst));
  }
  [[nodiscard]] absl::StatusOr<std::unique_ptr<InheritedSockets>> Read() const {
    return Read(Text());
  }
  static absl::StatusOr<std::unique_ptr<InheritedSockets>> Read(const std::string& text) {
    std::vector<std::string> environment = {absl::StrCat(kInheritanceVariable, "=", text)};
    return InheritedSockets::FromEnvironment(&environment);
  }
  // What was written to the pipe by now; "" also at its end.
  [[nodiscard]] std::string Heard() const {
    std::array<char, 8> text = {};
    fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
    const ssize_t size = read(pipe_[0], text.data(), text.size());
    return std::string(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
  }

  static constexpr int kReady = 200;
  static constexpr int kFirst = 201;

 private:
  std::array<int, 2> pipe_ = {};
  int next_ = kFirst;
};

void ExpectRefused(const std::string& text, const std::string& why) {
  const auto read = Inheritance::Read(text);
  ASSERT_FALSE(read.ok()) << text;
  EXPECT_THAT(std::string(read.status().message()), HasSubstr(why)) << text;
}

TEST(InheritedSockets, NothingIsSaid) {
  std::vector<std::string> environment = {"PATH=/bin", "SALLYPORT_INHERITED_SOCKETS_2=x",
                                          "LISTEN_PID=1", "LISTEN_FDS=1"};
  const auto read = InheritedSockets::FromEnvironment(&environment);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, nullptr) << "what systemd says to another process is not for this one";
  EXPECT_THAT(environment, ElementsAre("PATH=/bin", "SALLYPORT_INHERITED_SOCKETS_2=x"));
}

TEST(InheritedSockets, HandsOutByPlaceAndNothingTwice) {
  Inheritance from;
  const int first = from.Listener();
  const uint16_t port = BoundPort(first);
  const int second = from.Listener(port);
  const int other = from.Listener();
  auto sockets = from.Read();
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_TRUE((*sockets)->from_predecessor());
  EXPECT_THAT((*sockets)->Take("127.0.0.2", port, 0, 1), IsEmpty()) << "another address";
  EXPECT_THAT((*sockets)->Take("0.0.0.0", port, 0, 1), IsEmpty()) << "also a wider one";
  EXPECT_THAT((*sockets)->Take("::", port, 0, 1), IsEmpty());
  EXPECT_THAT((*sockets)->Take("not an address", port, 0, 1), IsEmpty());
  EXPECT_THAT((*sockets)->Take(kAddress, 1, 0, 1), IsEmpty()) << "another port";
  EXPECT_THAT((*sockets)->Take(kAddress, port, 0, 1), ElementsAre(first, second));
  EXPECT_THAT((*sockets)->Take(kAddress, port, 0, 1), IsEmpty());
  EXPECT_NE(fcntl(other, F_GETFD), -1);
  (*sockets)->CloseRest();
  EXPECT_EQ(fcntl(other, F_GETFD), -1) << "nobody asked for it";
  EXPECT_NE(fcntl(first, F_GETFD), -1) << "it is the receiver's";
}

TEST(InheritedSockets, EverySocketBelongsToOneShare) {
  for (const size_t shares : {1u, 2u, 3u, 5u, 8u}) {
    Inheritance from;
    const uint16_t port = BoundPort(from.Listener());
    for (int i = 1; i < 5; ++i) from.Listener(port);
    const auto sockets = from.Read();
    ASSERT_TRUE(sockets.ok()) << sockets.status();
    size_t taken = 0;
    for (size_t index = 0; index < shares; ++index) {
      const std::vector<int> mine = (*sockets)->Take(kAddress, port, index, shares);
      taken += mine.size();
      EXPECT_LE(mine.size(), (5 + shares - 1) / shares) << index << " of " << shares;
      for (const int fd : mine) close(fd);
    }
    EXPECT_EQ(taken, 5u) << "of " << shares;
  }
}

TEST(InheritedSockets, PassesNothingOnAndDoesNotBlock) {
  Inheritance from;
  const int listener = from.Listener();
  fcntl(listener, F_SETFD, 0);
  fcntl(listener, F_SETFL, 0);
  const auto sockets = from.Read();
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  for (const int fd : {listener, Inheritance::kReady})
    EXPECT_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC) << fd;
  EXPECT_EQ(fcntl(listener, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}

TEST(InheritedSockets, SaysItIsReadyOnce) {
  Inheritance from;
  from.Listener();
  const auto sockets = from.Read();
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_EQ(from.Heard(), "");
  (*sockets)->TellReady();
  (*sockets)->TellReady();
  EXPECT_EQ(from.Heard(), "R");
  EXPECT_EQ(fcntl(Inheritance::kReady, F_GETFD), -1);
}

TEST(InheritedSockets, JunkIsRefused) {
  Inheritance from;
  from.Listener();
  for (const char* text : {"x", "v1", "v1:200:201", "v1:200:201:1:", "v2:200:201:1",
                           "v1:200:201:-1", "v1:200:201:1x", "v1:200:201: 1", "v1:+200:201:1",
                           "v1:200::1", "v1:200:201:99999999999999999999", " v1:200:201:1"}) {
    ExpectRefused(text, "v1:READY:FIRST:COUNT");
  }
  ExpectRefused("v1:200:2:1", "no such descriptors");
  ExpectRefused("v1:200:0:1", "no such descriptors");
  ExpectRefused("v1:200:201:100000", "no such descriptors");
  ExpectRefused("v1:200:2147483647:1", "no such descriptors");
  ExpectRefused("v1:200:199:3", "no such descriptors");
  EXPECT_TRUE(from.Read().ok()) << "and as it should be it is taken";
}

TEST(InheritedSockets, WhatIsNoPipeToWriteToIsRefused) {
  Inheritance from;
  const int listener = from.Listener();
  std::array<int, 2> ends = {};
  ASSERT_EQ(pipe(ends.data()), 0);
  ExpectRefused(InheritanceText(ends[0], listener, 1), "is not a pipe to write to");
  ExpectRefused(InheritanceText(listener, listener, 1), "is not a pipe to write to");
  ExpectRefused(InheritanceText(999, listener, 1), "is not a pipe to write to");
  ExpectRefused(InheritanceText(1, listener, 1), "is not a pipe to write to");
  close(ends[0]);
  close(ends[1]);
}

TEST(InheritedSockets, WhatDoesNotListenIsRefusedWithAllOthers) {
  const int null = open("/dev/null", O_RDONLY);
  std::array<int, 2> local = {};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, local.data()), 0);
  close(local[1]);
  const int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  const int bound = *BindListener(kAddress, 0);
  for (const int wrong : {null, local[0], datagrams, bound}) {
    Inheritance from;
    const int good = from.Listener();
    from.Add(wrong);
    ExpectRefused(from.Text(), "is not a TCP socket that listens");
    EXPECT_NE(fcntl(good, F_GETFD), -1) << "nothing was taken";
  }
  Inheritance from;
  from.Listener();
  ExpectRefused(InheritanceText(Inheritance::kReady, Inheritance::kFirst, 2),
                "is not a TCP socket that listens");
}

TEST(InheritedSockets, SystemdsSocketsAreThoseFromThree) {
  std::vector<std::string> environment = {absl::StrCat("LISTEN_PID=", getpid()), "LISTEN_FDS=1",
                                          "LISTEN_FDNAMES=https"};
  // Whatever the test runner has open there stays as it is.
  const int kept = fcntl(3, F_DUPFD_CLOEXEC, 10);
  ASSERT_EQ(dup2(*OpenListener(kAddress, 0), 3), 3);
  const uint16_t port = BoundPort(3);
  {
    auto sockets = InheritedSockets::FromEnvironment(&environment);
    ASSERT_TRUE(sockets.ok()) << sockets.status();
    ASSERT_NE(*sockets, nullptr);
    EXPECT_FALSE((*sockets)->from_predecessor());
    EXPECT_THAT(environment, IsEmpty()) << "none of it is for who is started by this one";
    EXPECT_THAT((*sockets)->Take(kAddress, port, 0, 1), ElementsAre(3));
    (*sockets)->TellReady();
  }
  const int off = 0;
  setsockopt(3, SOL_SOCKET, SO_REUSEPORT, &off, sizeof(off));
  environment = {absl::StrCat("LISTEN_PID=", getpid()), "LISTEN_FDS=1"};
  const auto alone = InheritedSockets::FromEnvironment(&environment);
  ASSERT_FALSE(alone.ok()) << "the other loops could not have sockets of their own";
  EXPECT_THAT(std::string(alone.status().message()), HasSubstr("ReusePort=yes"));
  close(3);
  if (kept >= 0) {
    dup2(kept, 3);
    close(kept);
  }
}

TEST(ListeningSocket, OneThatIsOnlyBoundGetsNoConnections) {
  const int bound = *BindListener(kAddress, 0);
  EXPECT_FALSE(IsListening(bound));
  sockaddr_in where = {};
  where.sin_family = AF_INET;
  where.sin_port = htons(BoundPort(bound));
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto connects = [&where] {
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    const int code = connect(client, reinterpret_cast<sockaddr*>(&where), sizeof(where));
    close(client);
    return code == 0;
  };
  EXPECT_FALSE(connects());
  ASSERT_TRUE(Listen(bound).ok());
  EXPECT_TRUE(IsListening(bound));
  EXPECT_TRUE(connects());
  EXPECT_TRUE(Listen(bound).ok()) << "again";
  EXPECT_TRUE(SharesItsPort(bound));
  EXPECT_TRUE(IsBoundTo(bound, kAddress, BoundPort(bound)));
  close(bound);
}

TEST(ListeningSocket, AnIpv6AddressIsNoOther) {
  const absl::StatusOr<int> any = OpenListener("::", 0);
  ASSERT_TRUE(any.ok()) << any.status();
  const uint16_t port = BoundPort(*any);
  EXPECT_TRUE(IsBoundTo(*any, UsableAddress("::"), port));
  EXPECT_FALSE(IsBoundTo(*any, "::1", port));
  EXPECT_FALSE(IsBoundTo(*any, "127.0.0.1", port));
  EXPECT_EQ(UsableAddress("127.0.0.1"), "127.0.0.1");
  close(*any);
  if (UsableAddress("::") != "::") return;  // this machine has no IPv6
  const int only = socket(AF_INET6, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  sockaddr_in6 where = {};
  where.sin6_family = AF_INET6;
  ASSERT_EQ(bind(only, reinterpret_cast<sockaddr*>(&where), sizeof(where)), 0);
  EXPECT_FALSE(IsBoundTo(only, "::", BoundPort(only))) << "it takes no IPv4";
  close(only);
}

}  // namespace
}  // namespace sallyport::dataplane
