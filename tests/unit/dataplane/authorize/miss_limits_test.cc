// What one client may cause of questions to authsvc, and of entries in the caches.
#include "gtest/gtest.h"
#include "tests/unit/dataplane/authorize/authorize_world.h"

namespace sallyport::dataplane {
namespace {

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
    token[0] = PresentedCredential{TokenKind::kToken, "header", base::Secret::CopyOf(value)};
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

TEST(Authorizer, AProxysConnectionIsThatOfManyCallers) {
  AuthorizeOptions options;
  options.connection_misses_per_second = 1;
  options.connection_miss_burst = 3;
  AuthorizeWorld world(options);
  ConnectionMemo memo;
  std::vector<PeerCertificatePtr> peers;
  for (int i = 0; i < 10; ++i) {
    peers.push_back(MakePeerCertificate({"leaf" + std::to_string(i)}));
    AuthFacts facts = world.Facts();
    facts.proof = Proof::kHeader;
    facts.peer = peers.back().get();
    facts.proxy = "10.0.0.1";
    facts.of_a_proxy = true;
    const auto out = world.Start(&memo, facts);
    ASSERT_TRUE(out->has_value());
    EXPECT_EQ(AuthorizeWorld::Name(**out), "allow");
  }
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

}  // namespace
}  // namespace sallyport::dataplane
