// Requests in flight after a snapshot, with a fake authsvc and a clock that the test moves.
#include "dataplane/exchange/recheck.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/sync/stream_state.h"
#include "shared/cache/generations.h"
#include "tests/fakes/fake_authsvc_client.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {
namespace {

class LoopPoster final : public Poster {
 public:
  explicit LoopPoster(Loop& loop) : loop_(loop) {}
  void Post(std::function<void()> work) override { loop_.Post(std::move(work)); }

 private:
  Loop& loop_;
};

// A connection with a download that the client of this name was let in for.
struct Download {
  Download(ConnectionRegistry& registry, Loop& loop, const Route* route, const std::string& client,
           DecisionPtr by = nullptr)
      : peer(MakePeerCertificate({client})) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    far = ends[1];
    stream = std::make_unique<PlainStream>(loop, ends[0]);
    facts.route = route;
    facts.tls = true;
    facts.proof = Proof::kTls;
    facts.peer = peer.get();
    connection = std::make_unique<RegisteredConnection>();
    connection->memo = &memo;
    connection->idle = false;
    registry.Add(connection.get(), stream.get());
    request = std::make_unique<RegisteredRequest>(*connection, nullptr);
    request->LetIn(&facts, std::move(by));
  }
  ~Download() {
    request.reset();
    connection.reset();
    close(far);
  }
  [[nodiscard]] bool cut() const { return stream->readiness().cancelled(); }
  [[nodiscard]] bool ending() const { return connection->last_request; }

  int far = -1;
  PeerCertificatePtr peer;
  AuthFacts facts;
  ConnectionMemo memo;
  std::unique_ptr<PlainStream> stream;
  std::unique_ptr<RegisteredConnection> connection;
  std::unique_ptr<RegisteredRequest> request;
};

class RecheckTest : public ::testing::Test {
 protected:
  RecheckTest() {
    route_.api_id = "a";
    client_.on_authorize = [this](const AuthorizeQuestion& question) { return Decide(question); };
    stream_.OnApplied(7, true);
    generations_.DropAll(7);
  }
  absl::StatusOr<Decision> Decide(const AuthorizeQuestion& question) {
    if (away_) return absl::UnavailableError("away");
    Decision decision;
    decision.revision = 7;
    decision.ttl = absl::Minutes(1);
    decision.stale_if_error = absl::Minutes(5);
    const bool revoked = question.chain_der.size() != 1 || question.chain_der[0] == revoked_;
    decision.reason = revoked ? base::Reason::kCertUnknown : base::Reason::kAllowed;
    return decision;
  }
  // The wheel fires, and what comes of it is done: in several turns, since one runs only some of
  // what was posted.
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    for (int turn = 0; turn < 8; ++turn) loop_.RunFor(absl::ZeroDuration());
  }
  std::unique_ptr<Download> Of(const std::string& client) {
    return std::make_unique<Download>(registry_, loop_, &route_, client);
  }

  std::unique_ptr<Download> By(const std::string& tag, const std::string& client) {
    Decision decision;
    decision.tags = {tag, "api:a"};
    return std::make_unique<Download>(registry_, loop_, &route_, client,
                                      std::make_shared<const Decision>(std::move(decision)));
  }

  base::ManualClock clock_;
  Loop loop_{0, clock_};
  LoopPoster poster_{loop_};
  cache::TagGenerations generations_;
  StreamState stream_;
  FakeAuthsvcClient client_;
  AuthorizeHub hub_{AuthorizeOptions(), &clock_, &client_, &stream_, &generations_};
  Authorizer authorizer_{&hub_, &poster_};
  metrics::Book book_;
  LoopMetrics metrics_{&book_};
  ConnectionRegistry registry_{loop_};
  Recheck recheck_{loop_, authorizer_, registry_, metrics_};
  Route route_;
  std::string revoked_ = "mallory";
  bool away_ = false;
};

TEST_F(RecheckTest, WhoIsRevokedIsCutAfterTheGraceAndNobodyElse) {
  const auto alice = Of("alice"), mallory = Of("mallory");
  recheck_.Start(absl::Seconds(3));
  Pass(absl::Milliseconds(60));
  EXPECT_TRUE(mallory->ending());
  EXPECT_FALSE(mallory->cut());
  EXPECT_FALSE(alice->ending());
  Pass(absl::Seconds(2));
  EXPECT_FALSE(mallory->cut());
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(mallory->cut());
  Pass(absl::Minutes(1));
  EXPECT_FALSE(alice->ending());
  EXPECT_FALSE(alice->cut());
  EXPECT_EQ(client_.authorize_calls(), 2u);
  EXPECT_EQ(recheck_.in_doubt(), 0u);
}

TEST_F(RecheckTest, WhomNobodyAnswersForIsCut) {
  const auto alice = Of("alice");
  away_ = true;
  recheck_.Start(absl::Seconds(2));
  for (int round = 0; round < 4; ++round) Pass(absl::Milliseconds(1050));
  EXPECT_FALSE(alice->ending());
  EXPECT_GE(client_.authorize_calls(), 4u) << "asked each second";
  Pass(absl::Milliseconds(1100));
  EXPECT_TRUE(alice->ending());
  EXPECT_FALSE(alice->cut());
  Pass(absl::Milliseconds(2200));
  EXPECT_TRUE(alice->cut());
}

TEST_F(RecheckTest, AQuestionThatIsNeverAnsweredIsNoLeave) {
  const auto alice = Of("alice");
  client_.Hold();
  recheck_.Start(absl::Seconds(1));
  for (int second = 0; second < 5; ++second) Pass(absl::Milliseconds(1100));
  EXPECT_TRUE(alice->ending());
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(alice->cut());
  EXPECT_EQ(client_.authorize_calls(), 1u);
  client_.LetGo();
  Pass(absl::Milliseconds(60));
}

TEST_F(RecheckTest, SnapshotAfterSnapshotDoesNotPutItOff) {
  const auto alice = Of("alice");
  away_ = true;
  for (int round = 0; round < 11; ++round) {
    recheck_.Start(absl::Seconds(1));
    Pass(absl::Milliseconds(600));
  }
  EXPECT_TRUE(alice->ending());
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(alice->cut());
}

TEST_F(RecheckTest, AnAnswerFromBeforeTheNextSnapshotDoesNotSettleIt) {
  const auto mallory = Of("mallory");
  revoked_ = "";
  client_.on_authorize = [this](const AuthorizeQuestion& question) {
    auto decision = Decide(question);
    revoked_ = "mallory";  // from the second answer on
    return decision;
  };
  client_.Hold();
  recheck_.Start(absl::Seconds(1));
  Pass(absl::Milliseconds(60));
  generations_.DropAll(7);  // another snapshot
  recheck_.Start(absl::Seconds(1));
  client_.LetGo();
  Pass(absl::Milliseconds(60));
  EXPECT_TRUE(mallory->ending());
  EXPECT_EQ(client_.authorize_calls(), 2u);
}

TEST_F(RecheckTest, AnAuthsvcThatComesBackInTimeSaves) {
  const auto alice = Of("alice"), mallory = Of("mallory");
  away_ = true;
  recheck_.Start(absl::Seconds(1));
  Pass(absl::Milliseconds(1100));
  EXPECT_EQ(recheck_.in_doubt(), 2u);
  away_ = false;
  Pass(absl::Milliseconds(1100));
  EXPECT_TRUE(mallory->ending());
  for (int second = 0; second < 8; ++second) Pass(absl::Seconds(1));
  EXPECT_FALSE(alice->ending());
  EXPECT_TRUE(mallory->cut());
}

TEST_F(RecheckTest, EveryOneOfManyIsAsked) {
  std::vector<std::unique_ptr<Download>> all;
  for (int i = 0; i < 600; ++i) {
    all.push_back(std::make_unique<Download>(registry_, loop_, &route_, std::to_string(i)));
  }
  all.push_back(Of("mallory"));
  all.push_back(Of("alice"));
  client_.Hold();
  recheck_.Start(absl::Seconds(1));
  EXPECT_EQ(client_.authorize_calls(), 256u) << "so many at a time";
  all[100].reset();  // ends before its turn
  client_.LetGo();
  Pass(absl::Milliseconds(60));
  Pass(absl::Milliseconds(60));
  EXPECT_EQ(client_.authorize_calls(), 601u);
  size_t ending = 0;
  for (const auto& download : all) ending += download != nullptr && download->ending() ? 1 : 0;
  EXPECT_EQ(ending, 1u);
  EXPECT_TRUE(all[600]->ending());
}

// Of what was changed
// ------------------------------------------------------------------------------

TEST_F(RecheckTest, WhoeverRestsOnAChangeIsAskedAboutASecondLater) {
  const auto alice = By("key:1", "alice"), mallory = By("key:1", "mallory");
  const auto other = By("key:2", "mallory");
  recheck_.AskAbout({"key:1", "policy:x"}, absl::Seconds(3));
  Pass(absl::Milliseconds(500));
  EXPECT_EQ(client_.authorize_calls(), 0u) << "most are over by then";
  Pass(absl::Milliseconds(600));
  EXPECT_EQ(client_.authorize_calls(), 2u);
  EXPECT_TRUE(mallory->ending());
  EXPECT_FALSE(mallory->cut());
  Pass(absl::Seconds(4));
  EXPECT_TRUE(mallory->cut());
  EXPECT_FALSE(alice->ending());
  EXPECT_FALSE(other->ending()) << "it rests on something else";
  EXPECT_EQ(recheck_.in_doubt(), 0u);
}

TEST_F(RecheckTest, AChangeThatNobodyRestsOnAsksNothing) {
  recheck_.AskAbout({"key:1"}, absl::Seconds(3));
  const auto mallory = By("key:2", "mallory");
  recheck_.AskAbout({"key:1"}, absl::Seconds(3));
  Pass(absl::Seconds(3));
  EXPECT_EQ(client_.authorize_calls(), 0u);
  EXPECT_FALSE(mallory->ending());
}

TEST_F(RecheckTest, WhomNobodyAnswersForAfterAChangeGoesOnUntilSomebodyDoes) {
  const auto mallory = By("key:1", "mallory");
  away_ = true;
  recheck_.AskAbout({"key:1"}, absl::Seconds(1));
  for (int second = 0; second < 20; ++second) Pass(absl::Seconds(1));
  EXPECT_FALSE(mallory->ending());
  EXPECT_EQ(recheck_.in_doubt(), 1u);
  away_ = false;
  for (int second = 0; second < 20 && !mallory->cut(); ++second) Pass(absl::Seconds(1));
  EXPECT_TRUE(mallory->cut());
}

TEST_F(RecheckTest, ASnapshotAfterAChangeBoundsTheDoubt) {
  const auto mallory = By("key:1", "mallory");
  away_ = true;
  recheck_.AskAbout({"key:1"}, absl::Seconds(1));
  Pass(absl::Seconds(2));
  recheck_.Start(absl::Seconds(1));
  for (int second = 0; second < 8; ++second) Pass(absl::Seconds(1));
  EXPECT_TRUE(mallory->cut());
}

TEST_F(RecheckTest, ChangesOneAfterTheOtherDoNotPutItOff) {
  const auto mallory = By("key:1", "mallory");
  for (int i = 0; i < 6; ++i) {
    recheck_.AskAbout({"key:1"}, absl::Seconds(1));
    Pass(absl::Milliseconds(400));
  }
  EXPECT_TRUE(mallory->ending());
}

}  // namespace
}  // namespace sallyport::dataplane
