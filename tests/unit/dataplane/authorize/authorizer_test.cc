#include "dataplane/authorize/authorizer.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "gtest/gtest.h"
#include "tests/unit/dataplane/authorize/authorize_world.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

TEST(Authorizer, AsksOnceThenMemoThenCache) {
  AuthorizeWorld world;
  ConnectionMemo memo;
  EXPECT_EQ(world.Outcome(&memo), "allow");
  EXPECT_EQ(world.Outcome(&memo), "allow");
  EXPECT_EQ(world.Outcome(), "allow");  // another connection
  EXPECT_EQ(world.client.authorize_calls(), 1u);
  const AuthorizeCounters counters = world.hub.Counters();
  EXPECT_EQ(counters.miss, 1u);
  EXPECT_EQ(counters.memo, 1u);
  EXPECT_EQ(counters.loop, 1u);
  EXPECT_EQ(counters.entries, 1u);
}

TEST(Authorizer, AnotherLoopFindsItInTheProcessCache) {
  AuthorizeWorld world;
  EXPECT_EQ(world.Outcome(), "allow");
  Authorizer other(&world.hub, &world.poster);
  ConnectionMemo memo;
  ASSERT_TRUE(other.TryAuthorize(memo, world.Facts()).has_value());
  EXPECT_EQ(world.hub.Counters().process, 1u);
}

TEST(Authorizer, TheQuestionCarriesWhatWasApplied) {
  AuthorizeWorld world;
  world.stream.OnApplied(77, false);
  (void)world.Outcome();
  ASSERT_EQ(world.client.authorize_calls(), 1u);
  EXPECT_EQ(world.client.authorize_questions()[0].min_revision, 77u);
  EXPECT_EQ(world.client.authorize_questions()[0].api_id, "a");
}

// Each line changes one fact: the decision of one is never used for another.
TEST(Authorizer, EveryFactIsPartOfTheKey) {
  AuthorizeWorld world;
  const auto leaf = MakePeerCertificate({"leaf"});
  const auto other_leaf = MakePeerCertificate({"other"});
  const auto chain = MakePeerCertificate({"leaf", "issuer"});
  Route other_route;
  other_route.api_id = "b";
  const auto token = [](const char* value, absl::string_view place) {
    std::vector<PresentedCredential> list(1);
    list[0] = PresentedCredential{"token", place, base::Secret::CopyOf(value)};
    return list;
  };
  const auto t1 = token("one", "header"), t2 = token("two", "header"), t3 = token("one", "query");
  std::vector<AuthFacts> questions;
  const auto add = [&](auto change) {
    AuthFacts facts = world.Facts();
    change(facts);
    questions.push_back(facts);
  };
  add([&](AuthFacts&) {});
  add([&](AuthFacts& f) { f.route = &other_route; });
  add([&](AuthFacts& f) { f.profile = "ignored"; });
  add([&](AuthFacts& f) { f.tls = false; });
  add([&](AuthFacts& f) { f.peer = leaf.get(), f.proof = Proof::kTls; });
  add([&](AuthFacts& f) { f.peer = other_leaf.get(), f.proof = Proof::kTls; });
  add([&](AuthFacts& f) { f.peer = chain.get(), f.proof = Proof::kTls; });
  add([&](AuthFacts& f) { f.peer = leaf.get(), f.proof = Proof::kHeader, f.proxy = "p1"; });
  add([&](AuthFacts& f) { f.peer = leaf.get(), f.proof = Proof::kHeader, f.proxy = "p2"; });
  add([&](AuthFacts& f) { f.credentials = t1; });
  add([&](AuthFacts& f) { f.credentials = t2; });
  add([&](AuthFacts& f) { f.credentials = t3; });
  ConnectionMemo memo;  // one for all: it must not take one for the other either
  for (int round = 0; round < 2; ++round) {
    for (const AuthFacts& facts : questions) {
      const auto out = world.Start(&memo, facts);
      ASSERT_TRUE(out->has_value());
      EXPECT_EQ(AuthorizeWorld::Name(**out), "allow");
    }
  }
  EXPECT_EQ(world.client.authorize_calls(), questions.size());
}

TEST(Authorizer, TheCallersReadingOfTheClockIsTaken) {
  AuthorizeWorld world;
  ConnectionMemo memo;
  AuthFacts facts = world.Facts();
  (void)world.Start(&memo, facts);
  const int64_t now = world.clock.MonotonicNanoseconds();
  const auto answered = [&](std::optional<int64_t> at, bool remembered) {
    facts.now_ns = at;
    ConnectionMemo fresh;
    ConnectionMemo known = memo;
    return world.authorizer.TryAuthorize(remembered ? known : fresh, facts).has_value();
  };
  for (const bool remembered : {false, true}) {
    EXPECT_TRUE(answered(now, remembered));
    EXPECT_TRUE(answered(std::nullopt, remembered));
    // The stream's last heartbeat is too old by then, whatever the clock says.
    EXPECT_FALSE(answered(now + absl::ToInt64Nanoseconds(absl::Seconds(3)), remembered));
    EXPECT_TRUE(answered(now + absl::ToInt64Nanoseconds(absl::Seconds(3)) - 1, remembered));
  }
  world.clock.Advance(absl::Seconds(3));
  EXPECT_FALSE(answered(std::nullopt, true));
}

TEST(Authorizer, ACertificateWithoutProofIsNotPresented) {
  AuthorizeWorld world;
  const auto leaf = MakePeerCertificate({"leaf"});
  AuthFacts facts = world.Facts();
  facts.peer = leaf.get();
  facts.proof = Proof::kNone;
  ConnectionMemo memo;
  (void)world.Start(&memo, facts);
  ASSERT_EQ(world.client.authorize_calls(), 1u);
  EXPECT_TRUE(world.client.authorize_questions()[0].chain_der.empty());
  EXPECT_EQ(world.client.authorize_questions()[0].proof, Proof::kNone);
}

TEST(Authorizer, ConcurrentMissesShareOneQuestion) {
  AuthorizeWorld world;
  world.client.Hold();
  ConnectionMemo memos[3];
  std::vector<std::shared_ptr<std::optional<Verdict>>> outs;
  for (auto& memo : memos) outs.push_back(world.Start(&memo, world.Facts()));
  EXPECT_EQ(world.client.authorize_calls(), 1u);
  for (const auto& out : outs) EXPECT_FALSE(out->has_value());
  world.client.LetGo();
  world.Run();
  for (const auto& out : outs) {
    ASSERT_TRUE(out->has_value());
    EXPECT_EQ(AuthorizeWorld::Name(**out), "allow");
  }
  EXPECT_EQ(world.hub.Counters().joined, 2u);
}

TEST(Authorizer, OneWaiterLeavingDoesNotCancelTheQuestion) {
  AuthorizeWorld world;
  world.client.Hold();
  boost::asio::cancellation_signal leave;
  ConnectionMemo leaver, stayer;
  auto left = std::make_shared<std::optional<Verdict>>();
  boost::asio::co_spawn(world.context, world.Ask(&leaver, world.Facts(), left),
                        boost::asio::bind_cancellation_slot(leave.slot(), boost::asio::detached));
  world.Run();
  const auto stayed = world.Start(&stayer, world.Facts());
  leave.emit(boost::asio::cancellation_type::terminal);
  world.Run();
  EXPECT_FALSE(stayed->has_value());
  world.client.LetGo();
  world.Run();
  ASSERT_TRUE(stayed->has_value());
  EXPECT_EQ(AuthorizeWorld::Name(**stayed), "allow");
  EXPECT_EQ(world.client.authorize_calls(), 1u);
}

TEST(Authorizer, DenialsCarryTheReasonAndGoByTag) {
  AuthorizeWorld world;
  world.client.AnswerWith(Refuse());
  ConnectionMemo memo;
  const Verdict verdict = world.Authorize(&memo);
  ASSERT_TRUE(std::holds_alternative<Denial>(verdict));
  EXPECT_EQ(std::get<Denial>(verdict).reason, Reason::kCertUnknown);
  ASSERT_NE(std::get<Denial>(verdict).decision, nullptr);
  EXPECT_EQ(world.Outcome(&memo), "CERT_UNKNOWN");
  EXPECT_EQ(world.client.authorize_calls(), 1u);
  // The missing thing appears.
  Decision allowed = Allow();
  allowed.revision = 11;
  world.client.AnswerWith(allowed);
  world.generations.Evict("leaf:00", 11);
  EXPECT_EQ(world.Outcome(&memo), "allow");
}

TEST(Authorizer, EvictionReachesMemoAndCaches) {
  AuthorizeWorld world;
  ConnectionMemo memo;
  EXPECT_EQ(world.Outcome(&memo), "allow");
  world.client.AnswerWith([] {
    Decision refused = Refuse(Reason::kCertNotAllowed);
    refused.revision = 11;
    return refused;
  }());
  EXPECT_EQ(world.Outcome(&memo), "allow");
  world.generations.Evict("key:alice", 11);
  EXPECT_EQ(world.Outcome(&memo), "CERT_NOT_ALLOWED");
}

TEST(Authorizer, EvictionOfAnotherTagCostsALookUpOnly) {
  AuthorizeWorld world;
  ConnectionMemo memo;
  EXPECT_EQ(world.Outcome(&memo), "allow");
  world.generations.Evict("key:bob", 11);
  EXPECT_EQ(world.Outcome(&memo), "allow");
  EXPECT_EQ(world.client.authorize_calls(), 1u);
  EXPECT_EQ(world.hub.Counters().loop, 1u);
}

TEST(Authorizer, AnEvictionThatOvertakesAnAnswerWins) {
  AuthorizeWorld world;
  world.client.Hold();
  ConnectionMemo memo;
  const auto out = world.Start(&memo, world.Facts());
  world.generations.Evict("key:alice", 12);  // the answer on its way was made at 10
  int calls = 0;
  world.client.on_authorize = [&](const AuthorizeQuestion& question) -> absl::StatusOr<Decision> {
    if (++calls == 1) return Allow();
    EXPECT_GE(question.min_revision, 12u);
    Decision refused = Refuse(Reason::kKeyInactive);
    refused.revision = 12;
    return refused;
  };
  world.client.LetGo();
  world.Run();
  ASSERT_TRUE(out->has_value());
  EXPECT_EQ(AuthorizeWorld::Name(**out), "KEY_INACTIVE");
  EXPECT_EQ(calls, 2);
}

// Changes that follow each other more closely than answers come: none of them is a failure.
TEST(Authorizer, AnAnswerThatIsOvertakenAgainAndAgainIsAskedForAgain) {
  AuthorizeWorld world;
  uint64_t revision = 10;
  world.client.on_authorize = [&](const AuthorizeQuestion& question) -> absl::StatusOr<Decision> {
    Decision decision = Allow();
    decision.revision = revision;
    EXPECT_GE(revision, question.min_revision);
    if (++revision <= 15) world.generations.Evict("key:alice", revision);
    return decision;
  };
  EXPECT_EQ(world.Outcome(), "allow");
  EXPECT_EQ(world.client.authorize_calls(), 6u);
  EXPECT_EQ(world.hub.Counters().reasked, 5u);
}

TEST(Authorizer, AnAnswerThatIsAlwaysOvertakenIsRefusedInTheEnd) {
  AuthorizeWorld world;
  uint64_t revision = 10;
  world.client.on_authorize = [&](const AuthorizeQuestion&) -> absl::StatusOr<Decision> {
    Decision decision = Allow();
    decision.revision = revision;
    world.generations.Evict("key:alice", ++revision);
    return decision;
  };
  EXPECT_EQ(world.Outcome(), "AUTHSVC_UNAVAILABLE");
  EXPECT_EQ(world.client.authorize_calls(), 9u);
}

// It had come, and was evicted before the request took it up.
TEST(Authorizer, AnAnswerThatIsEvictedWhileItIsHandedOverIsAskedForAgain) {
  for (const bool still : {true, false}) {
    AuthorizeWorld world;
    world.client.Hold();
    ConnectionMemo memo;
    const auto out = world.Start(&memo, world.Facts());
    int calls = 0;
    world.client.on_authorize = [&](const AuthorizeQuestion&) -> absl::StatusOr<Decision> {
      Decision decision = ++calls == 1 || still ? Allow() : Refuse(Reason::kKeyInactive);
      decision.revision = calls == 1 ? 10 : 12;
      return decision;
    };
    world.client.LetGo();                      // it is posted to the loop
    world.generations.Evict("key:alice", 12);  // the loop has not run since
    EXPECT_FALSE(out->has_value());
    world.Run();
    ASSERT_TRUE(out->has_value());
    EXPECT_EQ(AuthorizeWorld::Name(**out), still ? "allow" : "KEY_INACTIVE");
    EXPECT_EQ(calls, 2);
  }
}

TEST(Authorizer, AnAnswerThatStaysBehindIsNeverUsed) {
  AuthorizeWorld world;
  world.generations.Evict("key:alice", 12);
  EXPECT_EQ(world.Outcome(), "AUTHSVC_UNAVAILABLE");  // asked twice, made at 10 both times
  EXPECT_EQ(world.client.authorize_calls(), 2u);
}

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

TEST(Authorizer, MissesPerConnectionAreLimited) {
  AuthorizeOptions options;
  options.connection_misses_per_second = 1;
  options.connection_miss_burst = 3;
  AuthorizeWorld world(options);
  world.client.AnswerWith(Refuse());
  ConnectionMemo memo;
  int overloaded = 0;
  for (int i = 0; i < 10; ++i) {
    const std::string value = "token" + std::to_string(i);
    std::vector<PresentedCredential> token(1);
    token[0] = PresentedCredential{"token", "header", base::Secret::CopyOf(value)};
    AuthFacts facts = world.Facts();
    facts.credentials = token;
    const auto out = world.Start(&memo, facts);
    ASSERT_TRUE(out->has_value());
    if (AuthorizeWorld::Name(**out) == "OVERLOADED") ++overloaded;
  }
  EXPECT_EQ(overloaded, 7);
  EXPECT_EQ(world.client.authorize_calls(), 3u);
  world.Pass(absl::Seconds(2));
  EXPECT_EQ(world.Outcome(&memo), "CERT_UNKNOWN");
}

TEST(Authorizer, MissesPerAddressAreLimitedOverConnections) {
  AuthorizeOptions options;
  options.address_misses_per_second = 1;
  options.address_miss_burst = 2;
  AuthorizeWorld world(options);
  int overloaded = 0;
  for (int i = 0; i < 6; ++i) {
    world.peer = MakePeerCertificate({"leaf" + std::to_string(i)});
    if (world.Outcome() == "OVERLOADED") ++overloaded;
  }
  EXPECT_EQ(overloaded, 4);
}

TEST(Authorizer, WhatIsKnownMayBeAskedAgainHoweverOften) {
  AuthorizeOptions options;
  options.connection_misses_per_second = 1;
  options.connection_miss_burst = 1;
  AuthorizeWorld world(options);
  ConnectionMemo memo;
  ASSERT_EQ(world.Outcome(&memo), "allow");
  world.PassInSilence(absl::Seconds(4));  // stream broken: each request is asked
  for (int i = 0; i < 20; ++i) EXPECT_EQ(world.Outcome(&memo), "allow");
}

// Many callers behind one address, and a change that concerns all of them.
TEST(Authorizer, WhoWasLetInMayBeAskedAgainAfterAChange) {
  AuthorizeOptions options;
  options.address_misses_per_second = 1;
  options.address_miss_burst = 20;
  AuthorizeWorld world(options);
  std::vector<PeerCertificatePtr> callers;
  for (int i = 0; i < 20; ++i) {
    callers.push_back(MakePeerCertificate({"leaf" + std::to_string(i)}));
    world.peer = callers.back();
    ASSERT_EQ(world.Outcome(), "allow");
  }
  world.generations.Evict("api:a", 11);
  Decision newer = Allow();
  newer.revision = 11;
  world.client.AnswerWith(newer);
  for (const PeerCertificatePtr& caller : callers) {
    world.peer = caller;
    EXPECT_EQ(world.Outcome(), "allow");
  }
  world.peer = MakePeerCertificate({"a stranger"});
  EXPECT_EQ(world.Outcome(), "OVERLOADED") << "but nobody else";

  // Who is let in no more has no such right: its refusal was the last answer.
  world.generations.Evict("api:a", 12);
  Decision refused = Refuse();
  refused.revision = 13;
  world.client.AnswerWith(refused);
  world.peer = callers[0];
  EXPECT_EQ(world.Outcome(), "CERT_UNKNOWN");
  world.generations.Evict("api:a", 14);
  EXPECT_EQ(world.Outcome(), "OVERLOADED");
}

TEST(Authorizer, WhoeverSharesAQuestionCausesNone) {
  AuthorizeOptions options;
  options.connection_misses_per_second = options.address_misses_per_second = 1;
  options.connection_miss_burst = options.address_miss_burst = 2;
  AuthorizeWorld world(options);
  world.client.Hold();
  ConnectionMemo memo;
  std::vector<std::shared_ptr<std::optional<Verdict>>> verdicts;
  for (int i = 0; i < 100; ++i) verdicts.push_back(world.Start(&memo, world.Facts()));
  world.client.LetGo();
  world.Run();
  for (const auto& verdict : verdicts) {
    ASSERT_TRUE(verdict->has_value());
    EXPECT_EQ(AuthorizeWorld::Name(**verdict), "allow");
  }
  EXPECT_EQ(world.client.authorize_calls(), 1u);
  // One question is left to this client.
  world.peer = MakePeerCertificate({"another"});
  EXPECT_EQ(world.Outcome(&memo), "allow");
  world.peer = MakePeerCertificate({"a third"});
  EXPECT_EQ(world.Outcome(&memo), "OVERLOADED");
}

TEST(Authorizer, FourChainsPerLeafAreKept) {
  AuthorizeWorld world;
  for (int i = 0; i < 8; ++i) {
    world.peer = MakePeerCertificate({"leaf", "extra" + std::to_string(i)});
    EXPECT_EQ(world.Outcome(), "allow");
  }
  EXPECT_EQ(world.hub.Counters().entries, 4u);
}

// What is not kept is a question each time: having been let in once must not make it a free one.
TEST(Authorizer, ChainsThatAreNotKeptStayLimited) {
  AuthorizeOptions options;
  options.address_misses_per_second = 1;
  options.address_miss_burst = 8;
  AuthorizeWorld world(options);
  for (int i = 0; i < 8; ++i) {
    world.peer = MakePeerCertificate({"leaf", "extra" + std::to_string(i)});
    EXPECT_EQ(world.Outcome(), "allow");
  }
  EXPECT_EQ(world.Outcome(), "OVERLOADED");
  world.peer = MakePeerCertificate({"leaf", "extra0"});
  EXPECT_EQ(world.Outcome(), "allow") << "known";
  EXPECT_EQ(world.client.authorize_calls(), 8u);
}

TEST(Authorizer, DenialsDoNotPushOutAllows) {
  AuthorizeOptions options;
  options.process_entries = options.denial_entries = 64;
  options.address_misses_per_second = options.connection_misses_per_second = 0;
  AuthorizeWorld world(options);
  ASSERT_EQ(world.Outcome(), "allow");
  world.client.AnswerWith(Refuse());
  for (int i = 0; i < 500; ++i) {
    world.peer = MakePeerCertificate({"attacker" + std::to_string(i)});
    (void)world.Outcome();
  }
  world.peer = nullptr;
  EXPECT_EQ(world.Outcome(), "allow");
  EXPECT_LE(world.hub.Counters().denial_entries, 64u);
}

TEST(Authorizer, AnUnknownReasonIsARefusal) {
  AuthorizeWorld world;
  world.client.on_authorize = [](const AuthorizeQuestion&) -> absl::StatusOr<Decision> {
    return Decision();
  };
  EXPECT_EQ(world.Outcome(), "INTERNAL");
}

TEST(CheckGrants, VersionsAndUrls) {
  Route route;
  Decision decision = Allow();
  EXPECT_FALSE(CheckGrants(decision, route, "", "GET", "/x").has_value());
  route.versioning.enabled = true;
  decision.grants.versions = {"v1"};
  EXPECT_FALSE(CheckGrants(decision, route, "v1", "GET", "/x").has_value());
  EXPECT_EQ(CheckGrants(decision, route, "v2", "GET", "/x")->reason, Reason::kVersionNotGranted);
  decision.grants.all_versions = true;
  EXPECT_FALSE(CheckGrants(decision, route, "v2", "GET", "/x").has_value());
  decision.grants.urls = {CompilePathRule("^/orders", {"GET"}, false),
                          CompilePathRule("(", {}, false)};
  EXPECT_FALSE(CheckGrants(decision, route, "v2", "GET", "/orders/1").has_value());
  EXPECT_EQ(CheckGrants(decision, route, "v2", "POST", "/orders/1")->reason,
            Reason::kOperationNotGranted);
  EXPECT_EQ(CheckGrants(decision, route, "v2", "GET", "/other")->reason,
            Reason::kOperationNotGranted);
}

// ---- a request that is under way

using Kind = Standing::Kind;

// As it stands now; kDenied where nothing came, so that no test passes by that.
Standing StandingOf(AuthorizeWorld& world, const AuthFacts& facts) {
  std::optional<Standing> came;
  world.authorizer.AskAgain(facts, [&came](Standing standing) { came = std::move(standing); });
  EXPECT_FALSE(came.has_value()) << "never inline";
  world.Run();
  EXPECT_TRUE(came.has_value());
  return came.value_or(Standing{Kind::kDenied, nullptr});
}

TEST(AskAgain, WhoIsRevokedMeanwhileIsDenied) {
  AuthorizeWorld world;
  world.peer = MakePeerCertificate({"leaf", "issuer"});
  std::vector<PresentedCredential> token(1);
  token[0] = PresentedCredential{"token", "header", base::Secret::CopyOf("secret")};
  AuthFacts facts = world.Facts();
  facts.credentials = token;
  facts.profile = "p";
  ConnectionMemo memo;
  ASSERT_EQ(world.Name(**world.Start(&memo, facts)), "allow");
  world.generations.DropAll(10);
  world.client.AnswerWith(Refuse());
  const Standing standing = StandingOf(world, facts);
  EXPECT_EQ(standing.kind, Kind::kDenied);
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
    EXPECT_EQ(standing.kind, Kind::kUnknown) << status;
    EXPECT_EQ(standing.decision, nullptr);
  }
}

TEST(AskAgain, AnAuthsvcBehindTheSnapshotIsNotBelieved) {
  AuthorizeWorld world;
  world.generations.DropAll(12);  // the answers come from revision 10
  EXPECT_EQ(StandingOf(world, world.Facts()).kind, Kind::kUnknown);
  const auto questions = world.client.authorize_questions();
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_EQ(questions[1].min_revision, 12u);
  EXPECT_EQ(world.Outcome(), "AUTHSVC_UNAVAILABLE") << "nor by a new request";
  Decision newer = Allow();
  newer.revision = 12;
  world.client.AnswerWith(newer);
  EXPECT_EQ(StandingOf(world, world.Facts()).kind, Kind::kAllowed);
}

TEST(AskAgain, AnEvictionThatArrivesBeforeTheAnswerIsTakenUpWins) {
  AuthorizeWorld world;
  std::optional<Standing> came;
  world.authorizer.AskAgain(world.Facts(),
                            [&came](Standing standing) { came = std::move(standing); });
  world.generations.Evict("key:alice", 11);  // the answer is posted already
  world.Run();
  ASSERT_TRUE(came.has_value());
  EXPECT_EQ(came->kind, Kind::kUnknown);
}

TEST(AskAgain, WhoIsAllowedStillGoesOnAndManyShareOneQuestion) {
  AuthorizeWorld world;
  int allowed = 0;
  world.client.Hold();
  for (int i = 0; i < 1000; ++i) {  // more than any client might cause
    world.authorizer.AskAgain(world.Facts(), [&](const Standing& standing) {
      allowed += standing.kind == Kind::kAllowed && standing.decision != nullptr ? 1 : 0;
    });
  }
  world.client.LetGo();
  world.Run();
  EXPECT_EQ(allowed, 1000);
  EXPECT_EQ(world.client.authorize_calls(), 1u);
  EXPECT_EQ(StandingOf(world, world.Facts()).kind, Kind::kAllowed);
  EXPECT_EQ(world.client.authorize_calls(), 1u) << "a fresh answer is as good";
  EXPECT_EQ(world.hub.Counters().address_limited, 0u);
}

}  // namespace
}  // namespace sallyport::dataplane
