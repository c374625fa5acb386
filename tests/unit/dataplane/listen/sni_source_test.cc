#include "dataplane/listen/sni_source.h"

#include <gtest/gtest.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "shared/cache/generations.h"
#include "tests/fakes/fake_authsvc_client.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::dataplane {
namespace {

using State = ServerSource::Credential::State;
using sallyport::testing::CertBuilder;
using sallyport::testing::TestCert;

class LoopPoster final : public Poster {
 public:
  explicit LoopPoster(Loop& loop) : loop_(loop) {}
  void Post(std::function<void()> work) override { loop_.Post(std::move(work)); }

 private:
  Loop& loop_;
};

// A loop that runs only when the test says so.
class SniSourceTest : public ::testing::Test {
 protected:
  SniSourceTest()
      : certificate_(CertBuilder("CN=srv").Dns("a.test").ServerAuth().SelfSign()),
        library_(*TlsLibrary::Create()),
        loop_(0, clock_),
        poster_(loop_),
        hub_({}, &clock_, &client_, &stream_, &generations_),
        cache_(&hub_, &poster_),
        source_(loop_, *library_, cache_, watch_, poster_) {
    stream_.OnApplied(1, true);
    Beat();
    client_.on_server = [this](const ServerQuestion& question) { return Answer(question); };
  }

  absl::StatusOr<ServerCredentialsPtr> Answer(const ServerQuestion& question) const {
    auto answer = std::make_shared<ServerCredentials>();
    answer->revision = revision_;
    answer->ttl = absl::Minutes(1);
    answer->tags = {"cert:a"};
    if (serve_ && question.sni == "a.test") {
      ServerPair pair;
      pair.chain_der = {certificate_.der};
      pair.key_der = base::Secret(certificate_.KeyDer());
      answer->pairs.push_back(std::move(pair));
    }
    return answer;
  }
  void Beat() { stream_.OnHeartbeat(clock_.Monotonic(), absl::ZeroDuration(), true); }
  ServerSource::Credential Find(const std::string& sni, const std::string& peer = "peer") {
    return source_.FindCredential(sni, "listener", peer, [] {});
  }
  // Answers come by way of the loop, some of them by more than one turn.
  void Run() {
    for (int turn = 0; turn < 4; ++turn) {
      bool done = false;
      loop_.Post([&done] { done = true; });
      while (!done) loop_.RunFor(absl::Milliseconds(1));
    }
  }

  bool serve_ = true;
  uint64_t revision_ = 1;
  base::ManualClock clock_;
  const TestCert certificate_;
  FakeAuthsvcClient client_;
  StreamState stream_;
  cache::TagGenerations generations_;
  std::unique_ptr<TlsLibrary> library_;
  Loop loop_;
  LoopPoster poster_;
  CredentialHub hub_;
  CredentialCache cache_;
  CertificateWatch watch_;
  SniSource source_;
};

TEST_F(SniSourceTest, AsksOnceAndKeeps) {
  EXPECT_EQ(Find("a.test").state, State::kPending);
  Run();
  const auto found = Find("a.test");
  EXPECT_EQ(found.state, State::kFound);
  EXPECT_EQ(Find("a.test").credential, found.credential);
}

// A handshake calls with its own stack and OpenSSL context: nobody else runs in it.
TEST_F(SniSourceTest, AsksNobodyBeforeTheHandshakeHasReturned) {
  std::optional<uint64_t> asked;
  loop_.Post([&] {
    EXPECT_EQ(Find("a.test").state, State::kPending);
    asked = client_.server_calls();
  });
  Run();
  EXPECT_EQ(asked, 0u);
  EXPECT_EQ(client_.server_calls(), 1u);
  EXPECT_EQ(Find("a.test").state, State::kFound);
}

TEST_F(SniSourceTest, AHandshakeWithoutNameIsWhatItsListenerSays) {
  auto names = std::make_shared<FallbackNames>();
  names->Add("of-authsvc", "", 8443, "a.test");
  GatewayView view;
  view.routes = RouteTable::Empty();
  view.fallback_names = names;
  source_.SetView(std::make_shared<const GatewayView>(std::move(view)));
  const auto name = [&](const char* id, const char* address, uint16_t port, uint32_t place = 0) {
    ListenerFacts facts;
    facts.id = id;
    facts.place = place;
    facts.socket = ListenerPlace(address, port);
    return std::string(source_.FallbackName(facts));
  };
  EXPECT_EQ(name("of-authsvc", "::", 1), "a.test");
  EXPECT_EQ(name("of-the-file", "::", 8443), "a.test") << "it stands in that listener's place";
  EXPECT_EQ(name("of-the-file", "127.0.0.1", 8443), "");
  EXPECT_EQ(name("of-the-file", "::", 8444), "");
  EXPECT_EQ(name("of-authsvc", "::", 8443, StreamPlace(8443)), "") << "there names choose the API";
}

// Names are the client's to choose (reference tyk.md Q13): a flood is bounded, and one name costs
// one question.
class StreamNamesTest : public SniSourceTest {
 protected:
  static constexpr uint16_t kPort = 5432;
  // An API of protocol tls for this host ("": any), whose certificates serve these names.
  void Serve(const std::string& host, std::vector<std::string> names) {
    auto route = std::make_shared<Route>();
    route->api_id = "db";
    if (!host.empty()) route->hosts = {host};
    route->listen_port = kPort;
    route->protocol = ApiProtocol::kTls;
    route->static_mtls = Requirement::kMandatory;
    route->server_names = std::move(names);
    GatewayView view;
    view.routes = RouteTable::Empty()->With({route}, {});
    source_.SetView(std::make_shared<const GatewayView>(std::move(view)));
    source_.AddStreams("tcp-5432", StreamPlace(kPort));
  }
  // Once all questions are answered.
  State Found(const std::string& sni) {
    for (int round = 0; round < 3; ++round) {
      const State state = source_.FindCredential(sni, "tcp-5432", "peer", [] {}).state;
      if (state != State::kPending) return state;
      Run();
    }
    return State::kPending;
  }
};

TEST_F(StreamNamesTest, ANameOfNoApiIsServedNothingThoughThereIsACertificate) {
  Serve("db.test", {"a.test"});
  EXPECT_EQ(Found("a.test"), State::kNone);
  EXPECT_EQ(Found(""), State::kNone);
  EXPECT_EQ(client_.server_calls(), 0u) << "nobody needs to be asked";
}

TEST_F(StreamNamesTest, TheApisOwnCertificateServesWhoNamesNone) {
  Serve("", {"a.test"});
  EXPECT_EQ(Found(""), State::kFound);
  EXPECT_EQ(Found("elsewhere.test"), State::kFound);
  EXPECT_EQ(Found("a.test"), State::kFound);
}

// A subject such as "O=x,CN=" is enough for a name without a letter.
TEST_F(StreamNamesTest, AnEmptyNameOfACertificateIsNone) {
  Serve("", {"", "a.test"});
  EXPECT_EQ(Found(""), State::kFound);
  Serve("", {""});
  EXPECT_EQ(Found("elsewhere.test"), State::kNone);
}

TEST_F(StreamNamesTest, WithoutOneThereIsNone) {
  Serve("", {});
  EXPECT_EQ(Found("elsewhere.test"), State::kNone);
}

TEST_F(StreamNamesTest, TheCertificateIsDemandedInTheHandshake) {
  Serve("db.test", {"a.test"});
  EXPECT_TRUE(source_.ClientTls("db.test", {"db", StreamPlace(kPort)}).require_certificate);
  EXPECT_FALSE(source_.ClientTls("db.test", {"front", 0}).require_certificate);
}

TEST_F(SniSourceTest, Q13OnePeersFloodOfNamesIsItsOwnTrouble) {
  ASSERT_EQ(Find("a.test").state, State::kPending);
  Run();
  int pending = 0, overloaded = 0;
  for (int i = 0; i < 250; ++i) {
    const State state = Find(absl::StrCat("n", i, ".test")).state;
    pending += state == State::kPending;
    overloaded += state == State::kOverloaded;
    if (i % 50 == 0) Run();
  }
  EXPECT_LE(pending, 200);
  EXPECT_EQ(pending + overloaded, 250);
  EXPECT_GT(overloaded, 0);
  EXPECT_EQ(Find("another.test", "other peer").state, State::kPending);
  EXPECT_EQ(Find("a.test").state, State::kFound) << "what is known costs no question";
  Run();
}

TEST_F(SniSourceTest, ManyLookUpsAtATimeAreRefusedNotAnsweredOtherwise) {
  for (int i = 0; i < 256; ++i) {
    ASSERT_EQ(Find(absl::StrCat("n", i, ".test"), absl::StrCat("peer", i)).state, State::kPending)
        << i;
  }
  EXPECT_EQ(Find("one.more.test", "late").state, State::kOverloaded);
  Run();
  EXPECT_EQ(Find("one.more.test", "late").state, State::kPending);
  Run();
}

TEST_F(SniSourceTest, LetsGoOfWhatWasEvicted) {
  ASSERT_EQ(Find("a.test").state, State::kPending);
  Run();
  std::weak_ptr<const ServerCredential> held;
  {
    const auto found = Find("a.test");
    ASSERT_EQ(found.state, State::kFound);
    held = found.credential;
  }
  source_.Sweep();
  EXPECT_FALSE(held.expired());
  serve_ = false;
  revision_ = 2;
  generations_.Evict("cert:a", 2);
  clock_.Advance(absl::Seconds(1));
  Beat();
  loop_.RefreshNow();
  source_.Sweep();
  EXPECT_TRUE(held.expired()) << "the private key is gone";
  EXPECT_EQ(Find("a.test").state, State::kPending);
  Run();
  EXPECT_EQ(Find("a.test").state, State::kNone);
}

TEST_F(SniSourceTest, ARevisionIsInForceAtOnce) {
  ASSERT_EQ(Find("a.test").state, State::kPending);
  Run();
  ASSERT_EQ(Find("a.test").state, State::kFound);
  for (const bool serve : {false, true}) {
    serve_ = serve;
    ++revision_;
    generations_.Evict("cert:a", revision_);
    GatewayView view;
    view.revision = revision_;
    source_.SetView(std::make_shared<const GatewayView>(std::move(view)));
    ASSERT_EQ(Find("a.test").state, State::kPending)
        << "neither the certificate nor its absence of a moment ago";
    Run();
    EXPECT_EQ(Find("a.test").state, serve ? State::kFound : State::kNone);
  }
}

TEST_F(SniSourceTest, AStrictNameAsksForACertificateAndHasAnotherVersion) {
  StrictRule rule;
  rule.any_issuer = true;
  const std::vector<StrictNames> names = {{{"strict.test"}, MakeStrictRule(rule)}};
  GatewayView view;
  view.routes = RouteTable::Empty();
  view.strict = StrictTable::Make({{"front", "::1", 8443, names}});
  source_.SetView(std::make_shared<const GatewayView>(view));
  const ListenerFacts front{"front", 0, true, true, ListenerPlace("::1", 8443)};
  const ClientTlsAnswer strict = source_.ClientTls("strict.test", front);
  EXPECT_TRUE(strict.request_certificate) << "though no API can use one";
  ASSERT_NE(strict.strict, nullptr);
  EXPECT_TRUE(strict.strict->any_issuer);
  const ClientTlsAnswer loose = source_.ClientTls("loose.test", front);
  EXPECT_FALSE(loose.request_certificate);
  EXPECT_EQ(loose.strict, nullptr);
  EXPECT_NE(strict.version, loose.version);
  const ClientTlsAnswer elsewhere =
      source_.ClientTls("strict.test", {"back", 0, true, true, "::|1"});
  EXPECT_EQ(elsewhere.strict, nullptr);
  EXPECT_EQ(elsewhere.version, loose.version);
}

}  // namespace
}  // namespace sallyport::dataplane
