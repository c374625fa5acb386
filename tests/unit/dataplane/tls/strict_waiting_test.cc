// Handshakes at strict SNIs while they wait for authsvc: what they hold up, cost and end with.
#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/tls/address_group.h"
#include "tests/unit/dataplane/tls/strict_world.h"

namespace sallyport::dataplane {
namespace {

TEST_P(StrictVersions, ASlowAnswerHoldsUpNobodyElse) {
  Beat();
  client_.Hold();
  std::future<Both> slow = Begin(WithLeaf());
  Await([&] { return Asked() == 1; });
  ClientOptions other = WithLeaf();
  other.sni = "other.example.com";
  const Both fast = Run(other);
  EXPECT_TRUE(fast.server.shaken) << "on the same loop";
  EXPECT_EQ(OnLoop<size_t>([this] { return strict_->waiting(); }), 1u);
  client_.LetGo();
  const Both both = slow.get();
  EXPECT_TRUE(both.client.shaken && both.server.shaken) << both.server.label;
  EXPECT_EQ(OnLoop<size_t>([this] { return strict_->waiting(); }), 0u);
}

// OpenSSL's default library context is the thread's: what it is for one handshake must not be that
// of others, nor of upstream TLS, and must not stay behind in whatever order they end.
TEST_P(StrictVersions, WhoWaitsLeavesTheThreadItsLibraryContext) {
  const auto is_global = [this] {
    return OnLoop<bool>(
        [] { return OSSL_LIB_CTX_set0_default(nullptr) == OSSL_LIB_CTX_get0_global_default(); });
  };
  Beat();
  client_.Hold();
  const TestCert bob = CertBuilder("CN=bob").SignBy(ca_);
  std::vector<std::future<Both>> held;
  for (const TestCert* leaf : {&leaf_, &bob}) {
    ClientOptions options = WithLeaf();
    options.chain = {leaf};
    held.push_back(Begin(options));
    Await([&] { return OnLoop<size_t>([this] { return strict_->waiting(); }) == held.size(); });
    EXPECT_TRUE(is_global()) << held.size();
  }
  client_.LetGo();  // the first to wait is the first to end
  for (auto& one : held) EXPECT_TRUE(one.get().server.shaken);
  EXPECT_TRUE(is_global());
}

TEST_P(StrictVersions, AnAnswerThatComesTooLateIsARefusal) {
  loop_->Stop();
  loop_->Join();
  server_tls_.reset();
  source_.credentials.clear();
  limits_.wait = absl::Milliseconds(100);
  Start({});
  Strict(Rule());
  client_.Hold();
  Beat();
  const Both both = Run(WithLeaf());
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.client.alert, SSL_AD_INTERNAL_ERROR);
  EXPECT_EQ(both.server.label, "validation_timeout");
  client_.LetGo();
  EXPECT_EQ(StacksInUse(), 0u);
}

TEST_P(StrictVersions, TheHandshakesOwnTimeHoldsAsWell) {
  client_.Hold();
  const Both both = Run(WithLeaf(), absl::Milliseconds(300));
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(StacksInUse(), 0u);
}

TEST_P(StrictVersions, OneAddressCannotMakeAllWait) {
  loop_->Stop();
  loop_->Join();
  server_tls_.reset();
  source_.credentials.clear();
  limits_.waiting_of_address = 2;
  Start({});
  Strict(Rule());
  Beat();
  client_.Hold();
  address_ = "2001:db8::1";
  std::vector<std::future<Both>> held;
  for (size_t i = 1; i <= 2; ++i) {
    held.push_back(Begin(WithLeaf()));
    Await([&] { return OnLoop<size_t>([this] { return strict_->waiting(); }) == i; });
  }
  address_ = "2001:db8::ffff";  // the same host's
  const Both third = Run(WithLeaf());
  EXPECT_FALSE(third.server.shaken);
  EXPECT_EQ(third.client.alert, SSL_AD_INTERNAL_ERROR);
  EXPECT_EQ(third.server.label, "overloaded");
  // One of them waits in another loop, so to speak.
  EXPECT_FALSE(addresses_.Enter(AddressGroup("2001:db8::2"), 2)) << "it is known there, too";
  address_ = "2001:db8:0:1::1";
  held.push_back(Begin(WithLeaf()));
  Await([&] { return OnLoop<size_t>([this] { return strict_->waiting(); }) == 3; });
  client_.LetGo();
  for (auto& one : held) EXPECT_TRUE(one.get().server.shaken);
}

// How many may wait for authsvc does not count for those whose answer is known.
TEST_P(StrictVersions, KnownClientsThatComeAtOnceDoNotWait) {
  loop_->Stop();
  loop_->Join();
  server_tls_.reset();
  source_.credentials.clear();
  limits_.waiting = limits_.waiting_of_address = 1;
  Start({});
  Strict(Rule());
  ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  std::vector<std::future<Both>> all;
  all.reserve(60);
  for (int i = 0; i < 60; ++i) all.push_back(Begin(WithLeaf()));
  for (auto& one : all) {
    const Both both = one.get();
    EXPECT_TRUE(both.server.shaken) << both.server.label;
  }
  EXPECT_EQ(StacksInUse(), 0u);
}

TEST_P(StrictVersions, AFloodIsBoundedAndEnds) {
  Beat();
  client_.Hold();
  constexpr int kFlood = 120;
  std::vector<std::future<Both>> all;
  for (int i = 0; i < kFlood; ++i) all.push_back(Begin(WithLeaf()));
  Await([&] { return OnLoop<size_t>([this] { return strict_->waiting(); }) == limits_.waiting; });
  ClientOptions other = WithLeaf();
  other.sni = "other.example.com";
  EXPECT_TRUE(Run(other).server.shaken);
  EXPECT_LE(OnLoop<size_t>([this] { return strict_->stacks().mapped_bytes(); }),
            (limits_.waiting + 1 + FiberStacks::kKept) * FiberStacks::kBytes);
  // Who is too many is told at once.
  const auto ended = [&all] {
    return std::count_if(all.begin(), all.end(), [](std::future<Both>& one) {
      return one.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    });
  };
  Await([&] { return ended() == kFlood - static_cast<int>(limits_.waiting); });
  client_.LetGo();
  size_t shaken = 0;
  for (auto& one : all) {
    const Both both = one.get();
    shaken += both.server.shaken ? 1 : 0;
    if (both.server.shaken) continue;
    EXPECT_EQ(both.client.alert, SSL_AD_INTERNAL_ERROR);
    EXPECT_EQ(both.server.label, "overloaded");
  }
  EXPECT_EQ(shaken, limits_.waiting);
  EXPECT_EQ(StacksInUse(), 0u);
  EXPECT_LE(OnLoop<size_t>([this] { return strict_->stacks().mapped_bytes(); }),
            FiberStacks::kKept * FiberStacks::kBytes)
      << "given back";
}

TEST_P(StrictVersions, WhoTalksOrLeavesMeanwhileHarmsNobody) {
  for (const bool leaves : {false, true}) {
    hub_->Drop();
    Beat();
    client_.Hold();
    const size_t before = Asked();
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    SetNonBlocking(ends[0]);
    std::future<ServerView> server = Serve(ends[0], absl::Minutes(1));
    std::future<ClientView> client = std::async(
        std::launch::async, [&, options = WithLeaf()] { return Connect(ends[1], options); });
    Await([&] { return Asked() == before + 1; });
    if (leaves) {
      shutdown(ends[1], SHUT_RDWR);
    } else {
      const std::string junk(40'000, '\x17');
      ASSERT_EQ(write(ends[1], junk.data(), junk.size()), static_cast<ssize_t>(junk.size()));
    }
    client_.LetGo();
    (void)server.get();
    (void)client.get();
    close(ends[1]);
    EXPECT_EQ(StacksInUse(), 0u);
    EXPECT_TRUE(RunNow(WithLeaf()).server.shaken);
  }
}

TEST_P(StrictVersions, TheEndOfALoopEndsWhoWaits) {
  Beat();
  client_.Hold();
  std::vector<std::future<Both>> held;
  for (size_t i = 1; i <= 3; ++i) {
    held.push_back(Begin(WithLeaf()));
    Await([&] { return OnLoop<size_t>([this] { return strict_->waiting(); }) == i; });
  }
  (void)OnLoop<bool>([this] {
    strict_->EndAll();
    return true;
  });
  for (auto& one : held) {
    const Both both = one.get();
    EXPECT_FALSE(both.server.shaken);
    EXPECT_EQ(both.client.alert, SSL_AD_INTERNAL_ERROR);
    EXPECT_EQ(both.server.label, "cancelled");
  }
  EXPECT_EQ(StacksInUse(), 0u);
  const Both later = Run(WithLeaf());
  EXPECT_EQ(later.server.label, "overloaded") << "nobody waits any more";
}

// A handshake that waits, and whose coroutine is given up: here on the test's own thread.
TEST_P(StrictVersions, AConnectionThatIsDestroyedMeanwhileRunsToItsEnd) {
  loop_->Stop();
  loop_->Join();
  Beat();
  client_.Hold();
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  SetNonBlocking(ends[0]);
  (void)Serve(ends[0], absl::Minutes(1));
  std::future<ClientView> client = std::async(
      std::launch::async, [&, options = WithLeaf()] { return Connect(ends[1], options); });
  Await([&] {
    loop_->RunFor(absl::Milliseconds(1));
    return strict_->waiting() == 1;
  });
  loop_->Discard();
  EXPECT_EQ(client.get().alert, SSL_AD_INTERNAL_ERROR);
  EXPECT_EQ(strict_->stacks().in_use(), 0u);
  EXPECT_EQ(strict_->waiting(), 0u);
  close(ends[1]);
}

}  // namespace
}  // namespace sallyport::dataplane
