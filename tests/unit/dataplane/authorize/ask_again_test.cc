// How the caller of a request that is under way stands by now.
#include "gtest/gtest.h"
#include "tests/unit/dataplane/authorize/authorize_world.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using StandingKind = Standing::Kind;

// As it stands now; kDenied where nothing came, so that no test passes by that.
Standing StandingOf(AuthorizeWorld& world, const AuthFacts& facts) {
  std::optional<Standing> came;
  world.authorizer.AskAgain(facts, [&came](Standing standing) { came = std::move(standing); });
  EXPECT_FALSE(came.has_value()) << "never inline";
  world.Run();
  EXPECT_TRUE(came.has_value());
  return came.value_or(Standing{StandingKind::kDenied, nullptr});
}

TEST(AskAgain, WhoIsRevokedMeanwhileIsDenied) {
  AuthorizeWorld world;
  world.peer = MakePeerCertificate({"leaf", "issuer"});
  std::vector<PresentedCredential> token(1);
  token[0] = PresentedCredential{TokenKind::kToken, "header", base::Secret::CopyOf("secret")};
  AuthFacts facts = world.Facts();
  facts.credentials = token;
  facts.profile = "p";
  ConnectionMemo memo;
  ASSERT_EQ(world.Name(**world.Start(&memo, facts)), "allow");
  world.generations.DropAll(10);
  world.client.AnswerWith(Refuse());
  const Standing standing = StandingOf(world, facts);
  EXPECT_EQ(standing.kind, StandingKind::kDenied);
  ASSERT_NE(standing.decision, nullptr);
  EXPECT_EQ(standing.decision->reason, Reason::kCertUnknown);
  // The very same question.
  const auto questions = world.client.authorize_questions();
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_EQ(questions[1].api_id, "a");
  EXPECT_EQ(questions[1].profile, "p");
  EXPECT_EQ(questions[1].proof, Proof::kTls);
  EXPECT_EQ(questions[1].chain_der, questions[0].chain_der);
  EXPECT_EQ(questions[1].chain_der.size(), 2u);
  ASSERT_EQ(questions[1].credentials.size(), 1u);
  EXPECT_EQ(questions[1].credentials[0].sha256, questions[0].credentials[0].sha256);
  // And what was asked holds for the next request.
  EXPECT_EQ(world.Name(**world.Start(&memo, facts)), "CERT_UNKNOWN");
}

TEST(AskAgain, NobodyAnsweringIsNoLeave) {
  for (const absl::Status& status :
       {absl::UnavailableError("away"), absl::DeadlineExceededError("slow"),
        absl::InternalError("broken"), absl::PermissionDeniedError("you are not ours")}) {
    AuthorizeWorld world;
    ASSERT_EQ(world.Outcome(), "allow");
    world.stream.OnBroken();  // what is cached could be used by stale_if_error
    world.client.FailWith(status);
    const Standing standing = StandingOf(world, world.Facts());
    EXPECT_EQ(standing.kind, StandingKind::kUnknown) << status;
    EXPECT_EQ(standing.decision, nullptr);
  }
}

TEST(AskAgain, AnAuthsvcBehindTheSnapshotIsNotBelieved) {
  AuthorizeWorld world;
  world.generations.DropAll(12);  // the answers come from revision 10
  EXPECT_EQ(StandingOf(world, world.Facts()).kind, StandingKind::kUnknown);
  const auto questions = world.client.authorize_questions();
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_EQ(questions[1].min_revision, 12u);
  EXPECT_EQ(world.Outcome(), "AUTHSVC_UNAVAILABLE") << "nor by a new request";
  Decision newer = Allow();
  newer.revision = 12;
  world.client.AnswerWith(newer);
  EXPECT_EQ(StandingOf(world, world.Facts()).kind, StandingKind::kAllowed);
}

TEST(AskAgain, AnEvictionThatArrivesBeforeTheAnswerIsTakenUpWins) {
  AuthorizeWorld world;
  std::optional<Standing> came;
  world.authorizer.AskAgain(world.Facts(),
                            [&came](Standing standing) { came = std::move(standing); });
  world.generations.Evict("key:alice", 11);  // the answer is posted already
  world.Run();
  ASSERT_TRUE(came.has_value());
  EXPECT_EQ(came->kind, StandingKind::kUnknown);
}

TEST(AskAgain, WhoIsAllowedStillGoesOnAndManyShareOneQuestion) {
  AuthorizeWorld world;
  int allowed = 0;
  world.client.Hold();
  for (int i = 0; i < 1000; ++i) {  // more than any client might cause
    world.authorizer.AskAgain(world.Facts(), [&](const Standing& standing) {
      allowed += standing.kind == StandingKind::kAllowed && standing.decision != nullptr ? 1 : 0;
    });
  }
  world.client.LetGo();
  world.Run();
  EXPECT_EQ(allowed, 1000);
  EXPECT_EQ(world.client.authorize_calls(), 1u);
  EXPECT_EQ(StandingOf(world, world.Facts()).kind, StandingKind::kAllowed);
  EXPECT_EQ(world.client.authorize_calls(), 1u) << "a fresh answer is as good";
  EXPECT_EQ(world.hub.Counters().address_limited, 0u);
}

}  // namespace
}  // namespace sallyport::dataplane
