// What an authorizer does when authsvc or its stream does not answer, and how long an answer holds.
#include "gtest/gtest.h"
#include "tests/unit/dataplane/authorize/authorize_world.h"

namespace sallyport::dataplane {
namespace {

// What happens after `wait` of the given kind, when authsvc then answers with `status`.
TEST(Authorizer, FailureRules) {
  enum class Line { kHealthy, kSilent };
  struct Case {
    const char* name;
    absl::Duration ttl, stale;
    absl::Duration hard;  // after the start
    Line line;
    absl::Duration wait;
    absl::Status status;  // of what authsvc says then; OK: refuses by decision
    const char* outcome;
    bool asked;
  };
  const absl::Duration never = absl::InfiniteDuration();
  const absl::Status gone = absl::UnavailableError(""), late = absl::DeadlineExceededError(""),
                     full = absl::ResourceExhaustedError(""), bug = absl::InternalError(""),
                     banned = absl::PermissionDeniedError(""),
                     unknown = absl::UnauthenticatedError(""), ok = absl::OkStatus();
  const absl::Duration s1 = absl::Seconds(1), ttl = absl::Seconds(60), m5 = absl::Minutes(5);
  const Case cases[] = {
      {"fresh, healthy: not asked", ttl, m5, never, Line::kHealthy, 40 * s1, ok, "allow", false},
      {"ttl passed: asked", ttl, m5, never, Line::kHealthy, 61 * s1, ok, "CERT_UNKNOWN", true},
      {"broken stream, authsvc answers: asked", ttl, m5, never, Line::kSilent, 4 * s1, ok,
       "CERT_UNKNOWN", true},
      {"stream silent under 3 s: not asked", ttl, m5, never, Line::kSilent, 2 * s1, ok, "allow",
       false},
      {"nobody answers", ttl, m5, never, Line::kSilent, 4 * s1, gone, "stale", true},
      {"deadline", ttl, m5, never, Line::kSilent, 4 * s1, late, "stale", true},
      {"exhausted", ttl, m5, never, Line::kSilent, 4 * s1, full, "stale", true},
      {"just within stale_if_error", ttl, m5, never, Line::kSilent, 299 * s1, gone, "stale", true},
      {"stale_if_error passed", ttl, m5, never, Line::kSilent, 301 * s1, gone,
       "AUTHSVC_UNAVAILABLE", true},
      {"fail closed at once", ttl, 0 * s1, never, Line::kSilent, 4 * s1, gone,
       "AUTHSVC_UNAVAILABLE", true},
      {"hard bound while healthy", ttl, m5, 30 * s1, Line::kHealthy, 31 * s1, gone,
       "AUTHSVC_UNAVAILABLE", true},
      {"hard bound while stale", ttl, m5, 90 * s1, Line::kSilent, 91 * s1, gone,
       "AUTHSVC_UNAVAILABLE", true},
      {"stale from the end of the ttl on", ttl, m5, never, Line::kHealthy, 350 * s1, gone, "stale",
       true},
      {"and no longer", ttl, m5, never, Line::kHealthy, 361 * s1, gone, "AUTHSVC_UNAVAILABLE",
       true},
      {"a defect is no reason for stale", ttl, m5, never, Line::kSilent, 4 * s1, bug,
       "AUTHSVC_ERROR", true},
      {"refused", ttl, m5, never, Line::kSilent, 4 * s1, banned, "AUTHSVC_REFUSED", true},
      {"unauthenticated", ttl, m5, never, Line::kSilent, 4 * s1, unknown, "AUTHSVC_REFUSED", true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    AuthorizeWorld world;
    Decision decision = Allow(c.ttl, c.stale);
    if (c.hard != never) decision.hard_expiry = world.clock.Now() + c.hard;
    world.client.AnswerWith(decision);
    ConnectionMemo memo;
    ASSERT_EQ(world.Outcome(&memo), "allow");
    if (c.line == Line::kHealthy)
      world.Pass(c.wait);
    else
      world.PassInSilence(c.wait);
    if (c.status.ok())
      world.client.AnswerWith(Refuse());
    else
      world.client.FailWith(c.status);
    EXPECT_EQ(world.Outcome(&memo), c.outcome);
    EXPECT_EQ(world.client.authorize_calls(), c.asked ? 2u : 1u);
  }
}

TEST(Authorizer, RefusalByAuthsvcDropsEverything) {
  AuthorizeWorld world;
  int refused = 0;
  world.hub.OnRefused([&] { ++refused; });
  ConnectionMemo memo;
  ASSERT_EQ(world.Outcome(&memo), "allow");
  world.PassInSilence(absl::Seconds(4));
  world.client.FailWith(absl::PermissionDeniedError("revoked"));
  EXPECT_EQ(world.Outcome(), "AUTHSVC_REFUSED");
  EXPECT_EQ(refused, 1);
  // Not even stale afterwards, also not by the memo and with a live stream.
  world.client.FailWith(absl::UnavailableError(""));
  world.Beat();
  EXPECT_EQ(world.Outcome(&memo), "AUTHSVC_UNAVAILABLE");
  EXPECT_EQ(world.hub.Counters().entries, 0u);
}

TEST(Authorizer, UnavailableSaysWhenToTryAgain) {
  AuthorizeWorld world;
  world.client.FailWith(absl::UnavailableError(""));
  const Verdict verdict = world.Authorize();
  ASSERT_TRUE(std::holds_alternative<Denial>(verdict));
  EXPECT_GT(std::get<Denial>(verdict).retry_after, absl::ZeroDuration());
}

TEST(Authorizer, AStalePermitIsRememberedForSeverButNotUsedAgain) {
  AuthorizeWorld world;
  ConnectionMemo memo;
  ASSERT_EQ(world.Outcome(&memo), "allow");
  const DecisionPtr decision = memo.decision;
  memo = {};
  world.PassInSilence(absl::Seconds(4));
  world.client.FailWith(absl::UnavailableError(""));
  ASSERT_EQ(world.Outcome(&memo), "stale");
  EXPECT_EQ(memo.decision, decision);
  world.client.AnswerWith(Refuse());
  world.Beat();
  world.generations.Evict("key:alice", 11);
  EXPECT_NE(world.Outcome(&memo), "allow");
  EXPECT_EQ(memo.decision, nullptr);
}

TEST(Authorizer, AnEvictedAnswerIsNotUsedStale) {
  AuthorizeWorld world;
  ASSERT_EQ(world.Outcome(), "allow");
  world.generations.Evict("key:alice", 11);
  world.client.FailWith(absl::UnavailableError(""));
  EXPECT_EQ(world.Outcome(), "AUTHSVC_UNAVAILABLE");
}

TEST(Authorizer, DenialsLiveForTheNegativeTtlAndAreNeverStale) {
  AuthorizeWorld world;
  world.client.AnswerWith(Refuse());
  ASSERT_EQ(world.Outcome(), "CERT_UNKNOWN");
  world.Pass(absl::Seconds(4));
  EXPECT_EQ(world.Outcome(), "CERT_UNKNOWN");
  EXPECT_EQ(world.client.authorize_calls(), 1u);
  world.Pass(absl::Seconds(2));
  world.client.FailWith(absl::UnavailableError(""));
  EXPECT_EQ(world.Outcome(), "AUTHSVC_UNAVAILABLE");
}

TEST(Authorizer, WallClockJumpsDoNotExtendAHardBound) {
  AuthorizeWorld world;
  Decision decision = Allow();
  decision.hard_expiry = world.clock.Now() + absl::Seconds(90);
  world.client.AnswerWith(decision);
  ASSERT_EQ(world.Outcome(), "allow");
  world.client.FailWith(absl::UnavailableError(""));
  world.PassInSilence(absl::Seconds(10));
  world.clock.JumpWall(-absl::Hours(1));
  EXPECT_EQ(world.Outcome(), "stale");
  world.PassInSilence(absl::Seconds(81));
  EXPECT_EQ(world.Outcome(), "AUTHSVC_UNAVAILABLE");
}

TEST(Authorizer, RefreshedAheadOfItsEnd) {
  AuthorizeWorld world;
  ConnectionMemo memo;
  ASSERT_EQ(world.Outcome(&memo), "allow");
  world.Pass(absl::Seconds(58));
  EXPECT_EQ(world.Outcome(&memo), "allow");  // answered from the cache, and asked behind it
  EXPECT_EQ(world.client.authorize_calls(), 2u);
  world.Pass(absl::Seconds(10));
  EXPECT_EQ(world.Outcome(&memo), "allow");
  EXPECT_EQ(world.client.authorize_calls(), 2u);
  EXPECT_EQ(world.hub.Counters().refreshed, 1u);
}

}  // namespace
}  // namespace sallyport::dataplane
