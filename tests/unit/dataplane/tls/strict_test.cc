// Handshakes at strict SNIs, with an authsvc that answers as the test says.
#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/authorize/client_validation.h"
#include "dataplane/sync/stream_state.h"
#include "dataplane/tls/address_group.h"
#include "dataplane/tls/strict_handshakes.h"
#include "shared/cache/generations.h"
#include "tests/fakes/fake_authsvc_client.h"
#include "tests/unit/dataplane/tls/server_tls_world.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

class StrictPoster final : public Poster {
 public:
  explicit StrictPoster(Loop& loop) : loop_(loop) {}
  void Post(std::function<void()> work) override { loop_.Post(std::move(work)); }

 private:
  Loop& loop_;
};

ValidationPtr Said(Reason reason) {
  auto validation = std::make_shared<Validation>();
  validation->reason = reason;
  validation->ttl = absl::Seconds(60);
  validation->tags = {"settings", "trust:partners"};
  validation->revision = 10;
  return validation;
}

StrictRulePtr Rule(bool optional = false) {
  StrictRule rule;
  rule.trust_bundle_ids = {"partners"};
  rule.optional = optional;
  return MakeStrictRule(std::move(rule));
}

class StrictTest : public ServerTlsTest {
 protected:
  StrictTest() {
    limits_.waiting = 50;
    limits_.wait = absl::Seconds(30);
    stream_.OnApplied(10, true);
    client_.on_validate = [](const ValidationQuestion&) { return Said(Reason::kAllowed); };
  }
  void SetUp() override {
    ServerTlsTest::SetUp();
    Strict(Rule());
  }
  void TearDown() override {
    client_.LetGo();
    ServerTlsTest::TearDown();
  }
  StrictHandshakes* MakeStrict() override {
    poster_ = std::make_unique<StrictPoster>(*loop_);
    hub_ = std::make_unique<ValidationHub>(ValidationOptions(), &clock_, &client_, &stream_,
                                           &generations_);
    validation_ = std::make_unique<ClientValidation>(hub_.get(), poster_.get());
    strict_ = std::make_unique<StrictHandshakes>(limits_, *validation_);
    return strict_.get();
  }
  void Strict(const StrictRulePtr& rule) {
    source_.client_tls["api.example.com"] = {true, WithStrictness(7, rule.get()), nullptr, rule};
  }
  void Answer(Reason reason) {
    client_.on_validate = [reason](const ValidationQuestion&) { return Said(reason); };
  }
  // Nothing else keeps an answer fresh.
  Both RunNow(const ClientOptions& options) {
    Beat();
    return Run(options);
  }
  void Beat() { stream_.OnHeartbeat(clock_.Monotonic(), absl::ZeroDuration(), true); }
  void Evict(const std::string& tag) {
    ++revision_;
    generations_.Evict(tag, revision_);
    client_.on_validate = [inner = client_.on_validate,
                           revision = revision_](const ValidationQuestion& question) {
      absl::StatusOr<ValidationPtr> said = inner(question);
      auto newer = std::make_shared<Validation>(**said);
      newer->revision = revision;
      return absl::StatusOr<ValidationPtr>(std::move(newer));
    };
  }
  std::future<Both> Begin(const ClientOptions& options) {
    return std::async(std::launch::async, [this, options] { return Run(options); });
  }
  template <typename Condition>
  static void Await(Condition condition) {
    const absl::Time end = absl::Now() + absl::Minutes(1);
    while (!condition() && absl::Now() < end) std::this_thread::yield();
    ASSERT_TRUE(condition());
  }
  size_t Asked() const { return client_.validation_questions().size(); }
  // On the loop's thread.
  template <typename T>
  T OnLoop(std::function<T()> read) {
    std::promise<T> promise;
    loop_->Post([&] { promise.set_value(read()); });
    return promise.get_future().get();
  }
  size_t StacksInUse() {
    return OnLoop<size_t>([this] { return strict_->stacks().in_use(); });
  }

  StrictHandshakes::Limits limits_;
  cache::TagGenerations generations_;
  StreamState stream_;
  FakeAuthsvcClient client_;
  uint64_t revision_ = 10;
  std::unique_ptr<StrictPoster> poster_;
  std::unique_ptr<ValidationHub> hub_;
  std::unique_ptr<ClientValidation> validation_;
  std::unique_ptr<StrictHandshakes> strict_;
};

class StrictVersions : public StrictTest, public ::testing::WithParamInterface<int> {
 protected:
  ClientOptions WithLeaf() const {
    ClientOptions options;
    options.chain = {&leaf_};
    options.max_version = GetParam();
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(Tls, StrictVersions, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(StrictVersions, AValidChainGoesOn) {
  ClientOptions options = WithLeaf();
  options.chain = {&leaf_, &ca_};
  const Both both = RunNow(options);
  ASSERT_TRUE(both.client.shaken && both.server.shaken) << both.server.label;
  ASSERT_TRUE(both.server.peer.ok()) << both.server.peer.status();
  ASSERT_NE(both.server.peer->chain, nullptr);
  EXPECT_EQ(both.server.peer->chain->chain_der, (std::vector<std::string>{leaf_.der, ca_.der}));
  EXPECT_EQ(both.server.peer->client_tls_version, WithStrictness(7, Rule().get()));
  EXPECT_EQ(both.client.read, "hi");
  ASSERT_EQ(Asked(), 1u);
  const ValidationQuestion question = client_.validation_questions()[0];
  EXPECT_EQ(question.chain_der, (std::vector<std::string>{leaf_.der, ca_.der}));
  EXPECT_EQ(question.trust_bundle_ids, std::vector<std::string>{"partners"});
  EXPECT_FALSE(question.any_issuer);
  EXPECT_EQ(question.min_revision, 10u);
  EXPECT_EQ(StacksInUse(), 0u);
}

TEST_P(StrictVersions, RefusalsHaveTheirAlert) {
  const struct {
    Reason reason;
    int alert;
    const char* label;
  } kCases[] = {
      {Reason::kCertExpired, SSL_AD_CERTIFICATE_EXPIRED, "certificate_expired"},
      {Reason::kCertNotYetValid, SSL_AD_BAD_CERTIFICATE, "certificate_not_yet_valid"},
      {Reason::kCertRevoked, SSL_AD_CERTIFICATE_REVOKED, "certificate_revoked"},
      {Reason::kCertUntrusted, SSL_AD_UNKNOWN_CA, "certificate_untrusted"},
      {Reason::kCertPathTooLong, SSL_AD_UNKNOWN_CA, "certificate_path_too_long"},
      {Reason::kCertWrongUsage, SSL_AD_UNSUPPORTED_CERTIFICATE, "certificate_wrong_usage"},
      {Reason::kCertKeyUsage, SSL_AD_UNSUPPORTED_CERTIFICATE, "certificate_wrong_usage"},
      {Reason::kCertWeakKey, SSL_AD_BAD_CERTIFICATE, "certificate_weak"},
      {Reason::kCertMalformed, SSL_AD_BAD_CERTIFICATE, "certificate_malformed"},
      {Reason::kCertNameConstraint, SSL_AD_BAD_CERTIFICATE, "certificate_refused"},
      {Reason::kInternal, SSL_AD_BAD_CERTIFICATE, "certificate_refused"}};
  for (const auto& one : kCases) {
    hub_->Drop();
    Answer(one.reason);
    const Both both = RunNow(WithLeaf());
    EXPECT_FALSE(both.server.shaken) << one.label;
    EXPECT_EQ(both.client.alert, one.alert) << one.label;
    EXPECT_EQ(both.server.label, one.label);
    ASSERT_TRUE(both.server.report.presented.has_value());
    EXPECT_EQ(both.server.report.presented->sha256, base::Hex(leaf_.cert->fingerprint));
    EXPECT_TRUE(both.client.read.empty());
  }
}

TEST_P(StrictVersions, WithoutACertificateOnlyWhereItIsOptional) {
  ClientOptions options;
  options.max_version = GetParam();
  const Both refused = RunNow(options);
  EXPECT_FALSE(refused.server.shaken);
  constexpr int kCertificateRequired = 116;
  EXPECT_EQ(refused.client.alert,
            GetParam() == TLS1_3_VERSION ? kCertificateRequired : SSL_AD_HANDSHAKE_FAILURE);
  EXPECT_EQ(refused.server.label, "no_client_certificate");
  Strict(Rule(/*optional=*/true));
  const Both taken = RunNow(options);
  ASSERT_TRUE(taken.server.shaken) << taken.server.label;
  EXPECT_EQ(taken.server.peer->chain, nullptr);
  EXPECT_EQ(Asked(), 0u);
  Answer(Reason::kCertExpired);
  EXPECT_EQ(RunNow(WithLeaf()).client.alert, SSL_AD_CERTIFICATE_EXPIRED) << "a bad one is refused";
}

TEST_P(StrictVersions, WhereNobodyAnswersNobodyComesIn) {
  ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  client_.FailWith(absl::UnavailableError("gone"));
  stream_.OnBroken();
  const Both both = Run(WithLeaf());
  EXPECT_FALSE(both.server.shaken) << "also who was let in a moment ago";
  EXPECT_EQ(both.client.alert, SSL_AD_INTERNAL_ERROR);
  EXPECT_EQ(both.server.label, "validation_unavailable");
}

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

TEST_P(StrictVersions, AnAnswerIsKeptUntilSomethingThatItRestsOnChanges) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  EXPECT_EQ(Asked(), 1u);
  Evict("key:nobody");
  ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  EXPECT_EQ(Asked(), 1u);
  Evict("trust:partners");
  ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  EXPECT_EQ(Asked(), 2u);
  // Another rule, and another chain with the same leaf, are other questions.
  Strict(Rule(/*optional=*/true));
  ASSERT_TRUE(RunNow(WithLeaf()).server.shaken);
  EXPECT_EQ(Asked(), 3u);
  ClientOptions longer = WithLeaf();
  longer.chain = {&leaf_, &ca_};
  ASSERT_TRUE(RunNow(longer).server.shaken);
  EXPECT_EQ(Asked(), 4u);
}

TEST_P(StrictVersions, ResumesOnlyWithAnAllowThatHolds) {
  ClientOptions options = WithLeaf();
  options.chain = {&leaf_, &ca_};
  const Both first = RunNow(options);
  ASSERT_NE(first.client.session, nullptr);
  options.session = first.client.session.get();
  const Both resumed = RunNow(options);
  ASSERT_TRUE(resumed.client.resumed);
  EXPECT_EQ(resumed.server.peer->chain->chain_der, first.server.peer->chain->chain_der);
  EXPECT_EQ(Asked(), 1u);
  // Something was revoked, or the bundle changed: the whole handshake, and authsvc is asked.
  Evict("settings");
  const Both full = RunNow(options);
  ASSERT_TRUE(full.server.shaken);
  EXPECT_FALSE(full.client.resumed);
  EXPECT_EQ(Asked(), 2u);
  options.session = full.client.session.get();
  ASSERT_TRUE(RunNow(options).client.resumed);
  Answer(Reason::kCertRevoked);
  Evict("settings");
  const Both revoked = RunNow(options);
  EXPECT_FALSE(revoked.server.shaken);
  EXPECT_EQ(revoked.client.alert, SSL_AD_CERTIFICATE_REVOKED);
}

TEST_P(StrictVersions, NoTicketOfOtherSettingsIsTaken) {
  source_.client_tls["api.example.com"] = {true, 7, nullptr};
  ClientOptions options = WithLeaf();
  const Both loose = RunNow(options);
  ASSERT_NE(loose.client.session, nullptr);
  ASSERT_EQ(Asked(), 0u);
  Strict(Rule());
  options.session = loose.client.session.get();
  const Both strict = RunNow(options);
  EXPECT_FALSE(strict.client.resumed);
  EXPECT_EQ(Asked(), 1u);
}

TEST_P(StrictVersions, ASessionWithoutCertificateIsResumedWhereNoneIsNeeded) {
  Strict(Rule(/*optional=*/true));
  ClientOptions options;
  options.max_version = GetParam();
  const Both first = RunNow(options);
  ASSERT_NE(first.client.session, nullptr);
  options.session = first.client.session.get();
  EXPECT_TRUE(RunNow(options).client.resumed);
  Strict(Rule());
  const Both refused = RunNow(options);
  EXPECT_FALSE(refused.server.shaken);
  EXPECT_EQ(refused.server.label, "no_client_certificate");
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
  address_ = "2001:db8:0:1::1";
  held.push_back(Begin(WithLeaf()));
  Await([&] { return OnLoop<size_t>([this] { return strict_->waiting(); }) == 3; });
  client_.LetGo();
  for (auto& one : held) EXPECT_TRUE(one.get().server.shaken);
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

// What OpenSSL does between hello and end, on a stack of ours: also a second hello and large keys.
TEST_F(StrictTest, EveryKeyAndASecondHelloHaveRoom) {
  for (const KeyType type : {KeyType::kP384, KeyType::kP521, KeyType::kEd25519, KeyType::kEd448,
                             KeyType::kRsa2048, KeyType::kRsa4096}) {
    const TestCert client = CertBuilder("CN=c").Key(type).SignBy(ca_);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      ClientOptions options;
      options.chain = {&client, &ca_, &server_, &leaf_};
      options.max_version = version;
      options.groups = "X448:P-521:P-384:P-256:X25519";  // the first one is not the server's
      Both both = RunNow(options);
      ASSERT_TRUE(both.server.shaken) << static_cast<int>(type) << " " << both.server.label;
      EXPECT_EQ(both.server.peer->chain->chain_der.size(), 4u);
      ASSERT_NE(both.client.session, nullptr);
      options.session = both.client.session.get();
      EXPECT_TRUE(RunNow(options).client.resumed);
    }
  }
}

TEST_F(StrictTest, OthersPayNothing) {
  for (int i = 0; i < 3; ++i) {
    ClientOptions other;
    other.chain = {&leaf_};
    other.sni = "other.example.com";
    ASSERT_TRUE(RunNow(other).server.shaken);
  }
  EXPECT_EQ(strict_->stacks().mapped_bytes(), 0u);
  EXPECT_EQ(Asked(), 0u);
}

// TLS 1.2 sends certificates in the clear: nothing keeps a client from sending them unasked, before
// there is a stack to wait on.
TEST_F(StrictTest, CertificatesThatComeWithTheHelloAreRefused) {
  Beat();
  ClientOptions options;
  options.max_version = TLS1_2_VERSION;
  const crypto::UniqueSslCtx context = ClientContext(options);
  const crypto::UniqueSsl ssl(SSL_new(context.get()));
  ClientView view;
  SSL_set_app_data(ssl.get(), &view);
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  SSL_set_tlsext_host_name(ssl.get(), "api.example.com");
  ASSERT_EQ(SSL_connect(ssl.get()), -1);
  char* hello = nullptr;
  const long size = BIO_get_mem_data(out, &hello);
  std::string bytes(hello, static_cast<size_t>(size));
  const auto number = [](size_t value, int width) {
    std::string text;
    for (int i = width - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
    return text;
  };
  const std::string list = number(leaf_.der.size(), 3) + leaf_.der;
  const std::string body = number(list.size(), 3) + list;
  const std::string message = "\x0b" + number(body.size(), 3) + body;
  bytes += std::string("\x16\x03\x03") + number(message.size(), 2) + message;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  SetNonBlocking(ends[0]);
  ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  std::future<ServerView> server = Serve(ends[0], absl::Minutes(1));
  const ServerView seen = server.get();
  EXPECT_FALSE(seen.shaken);
  EXPECT_EQ(seen.label, "overloaded");
  EXPECT_EQ(seen.report.alert, "sent internal error (80)");
  EXPECT_EQ(Asked(), 0u);
  close(ends[1]);
}

TEST(FiberTest, PausesAndGoesOnInAnyOrder) {
  FiberStacks stacks(3);
  std::string trace;
  std::vector<std::unique_ptr<Fiber>> fibers;
  for (const char name : {'a', 'b', 'c'}) {
    fibers.push_back(Fiber::Make(stacks, [&trace, name] {
      const std::string own(100, name);
      for (int i = 0; i < 2; ++i) {
        trace += own.substr(0, 1);
        Fiber::Current()->Pause();
      }
      trace += own.substr(0, 1);
    }));
    ASSERT_NE(fibers.back(), nullptr);
  }
  EXPECT_EQ(Fiber::Make(stacks, [] {}), nullptr) << "no more than that";
  for (const int i : {0, 1, 2, 2, 0, 1}) EXPECT_FALSE(fibers[i]->Resume());
  for (const int i : {1, 0, 2}) EXPECT_TRUE(fibers[i]->Resume());
  EXPECT_EQ(trace, "abccabbac");
  EXPECT_EQ(Fiber::Current(), nullptr);
  fibers.clear();
  EXPECT_EQ(stacks.in_use(), 0u);
  EXPECT_NE(Fiber::Make(stacks, [] {}), nullptr);
}

TEST(FiberTest, HasOpensslsStateOfTheThreadForItself) {
  const auto current = [] { return OSSL_LIB_CTX_set0_default(nullptr); };
  OSSL_LIB_CTX* const before = current();
  OSSL_LIB_CTX* const own[] = {OSSL_LIB_CTX_new(), OSSL_LIB_CTX_new()};
  FiberStacks stacks(2);
  int kept = 0;
  std::vector<std::unique_ptr<Fiber>> fibers;
  for (OSSL_LIB_CTX* const context : own) {
    fibers.push_back(Fiber::Make(stacks, [&kept, &current, context] {
      OSSL_LIB_CTX* const found = OSSL_LIB_CTX_set0_default(context);
      Fiber::Current()->Pause();
      kept += current() == context && ERR_peek_error() == 0 ? 1 : 0;
      OSSL_LIB_CTX_set0_default(found);
    }));
  }
  for (const auto& fiber : fibers) {
    EXPECT_FALSE(fiber->Resume());
    EXPECT_EQ(current(), before);
  }
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);  // somebody else's
  for (const auto& fiber : fibers) {
    EXPECT_TRUE(fiber->Resume());
    EXPECT_EQ(current(), before);
  }
  EXPECT_EQ(kept, 2);
  ERR_clear_error();
  for (OSSL_LIB_CTX* const context : own) OSSL_LIB_CTX_free(context);
}

TEST(FiberDeathTest, AStackHasAGuard) {
  FiberStacks stacks(1);
  char* const stack = stacks.Take();
  ASSERT_NE(stack, nullptr);
  stack[0] = 1;
  EXPECT_DEATH(static_cast<volatile char*>(stack)[-1] = 1, "");
  stacks.Give(stack);
}

TEST(AddressGroupTest, IsTheAddressOrTheNetworkOfOneHost) {
  EXPECT_EQ(AddressGroup("192.0.2.1"), std::string("\xc0\x00\x02\x01", 4));
  EXPECT_EQ(AddressGroup("::ffff:192.0.2.1"), AddressGroup("192.0.2.1"));
  EXPECT_EQ(AddressGroup("2001:db8::1"), AddressGroup("2001:db8::2:3"));
  EXPECT_NE(AddressGroup("2001:db8::1"), AddressGroup("2001:db8:0:1::1"));
  EXPECT_EQ(AddressGroup("api.example.com"), "");
  EXPECT_EQ(AddressGroup(""), "");
}

}  // namespace
}  // namespace sallyport::dataplane
