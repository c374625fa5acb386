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
    list[0] = PresentedCredential{TokenKind::kToken, place, base::Secret::CopyOf(value)};
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

}  // namespace
}  // namespace sallyport::dataplane
