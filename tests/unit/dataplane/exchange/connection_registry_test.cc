#include "dataplane/exchange/connection_registry.h"

#include "dataplane/exchange/handshake_terms.h"
#include "shared/crypto/denied_certificates.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/dataplane/exchange/connection_registry_world.h"

namespace sallyport::dataplane {
namespace {

TEST_F(ConnectionRegistryTest, StreamsOfAnApiThatIsGoneHaveTheirGrace) {
  LivingStream gone, stays;
  Open first(registry_, loop_, ""), second(registry_, loop_, ""), http(registry_, loop_, "");
  registry_.SetLiving(first.connection.get(), &gone);
  registry_.SetLiving(second.connection.get(), &stays);
  for (const Open* one : {&first, &second, &http}) one->connection->idle = false;
  const auto is_gone = [&gone](const LivingStream& stream) { return &stream == &gone; };
  EXPECT_EQ(registry_.EndStreams(is_gone, /*all=*/true, absl::Seconds(5)), 1u);
  EXPECT_EQ(registry_.EndStreams(is_gone, /*all=*/true, absl::Seconds(5)), 0u) << "once";
  Pass(absl::Seconds(4));
  EXPECT_FALSE(first.cut());
  Pass(absl::Seconds(2));
  EXPECT_TRUE(first.cut());
  EXPECT_FALSE(second.cut() || http.cut());
}

TEST_F(ConnectionRegistryTest, WhatIsOverIsNoStreamOfAnApi) {
  const LivingStream stream;
  Open over(registry_, loop_, "");
  registry_.SetLiving(over.connection.get(), &stream);
  registry_.SetLiving(over.connection.get(), nullptr);
  {
    Open closed(registry_, loop_, "");
    registry_.SetLiving(closed.connection.get(), &stream);
  }
  EXPECT_EQ(registry_.EndStreams([](const LivingStream&) { return true; }, /*all=*/true,
                                 absl::Seconds(5)),
            0u);
}

TEST_F(ConnectionRegistryTest, StreamsAreAskedAboutOnceUnlessAllAre) {
  const LivingStream stream;
  std::vector<std::unique_ptr<Open>> open;
  const auto add = [&] {
    open.push_back(std::make_unique<Open>(registry_, loop_, ""));
    registry_.SetLiving(open.back()->connection.get(), &stream);
  };
  int asked = 0;
  const auto ask = [&](bool all) {
    asked = 0;
    const auto count = [&asked](const LivingStream&) { return ++asked < 0; };
    EXPECT_EQ(registry_.EndStreams(count, all, absl::Seconds(5)), 0u);
    return asked;
  };
  add();
  add();
  EXPECT_EQ(ask(/*all=*/false), 2);
  add();
  EXPECT_EQ(ask(/*all=*/false), 1);
  EXPECT_EQ(ask(/*all=*/false), 0);
  EXPECT_EQ(ask(/*all=*/true), 3);
}

TEST_F(ConnectionRegistryTest, WhoeverLeavesFirstTheOthersOfThatLeafAreKnown) {
  for (const size_t leaver : {0u, 1u, 2u}) {
    std::vector<std::unique_ptr<Open>> open;
    for (int i = 0; i < 3; ++i) open.push_back(std::make_unique<Open>(registry_, loop_, "aa"));
    open.erase(open.begin() + static_cast<int>(leaver));
    EXPECT_EQ(registry_.Sever({{LeafOf("aa")}, {}}, absl::Seconds(5)), 2u) << leaver;
    EXPECT_TRUE(open[0]->cut() && open[1]->cut()) << leaver;
  }
}

TEST_F(ConnectionRegistryTest, SeversOnlyThatLeaf) {
  Open alice(registry_, loop_, "aa");
  Open alice2(registry_, loop_, "aa");
  Open bob(registry_, loop_, "bb");
  Open nobody(registry_, loop_, "");
  EXPECT_EQ(registry_.Sever({{LeafOf("aa"), "unknown", ""}, {}}, absl::Seconds(5)), 2u);
  EXPECT_TRUE(alice.cut());
  EXPECT_TRUE(alice2.cut());
  EXPECT_FALSE(bob.cut());
  EXPECT_FALSE(nobody.cut());
}

TEST_F(ConnectionRegistryTest, ARequestInFlightGetsTheGrace) {
  Open busy(registry_, loop_, "aa");
  busy.connection->idle = false;
  EXPECT_EQ(registry_.Sever({{LeafOf("aa")}, {}}, absl::Seconds(5)), 1u);
  EXPECT_FALSE(busy.cut());
  EXPECT_TRUE(busy.connection->last_request);
  Pass(absl::Seconds(4));
  EXPECT_FALSE(busy.cut());
  // Severed again meanwhile: the first grace counts.
  registry_.Sever({{LeafOf("aa")}, {}}, absl::Seconds(5));
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(busy.cut());
}

TEST_F(ConnectionRegistryTest, SeversByTheKeyOfTheLastDecision) {
  Open keyed(registry_, loop_, "");
  Open other(registry_, loop_, "");
  Open undecided(registry_, loop_, "");
  auto decision = std::make_shared<Decision>();
  decision->identity.key_id = "k1";
  keyed.memo.decision = decision;
  auto second = std::make_shared<Decision>();
  other.memo.decision = second;  // no key
  EXPECT_EQ(registry_.Sever({{}, {"k1", ""}}, absl::Seconds(5)), 1u);
  EXPECT_TRUE(keyed.cut());
  EXPECT_FALSE(other.cut());
  EXPECT_FALSE(undecided.cut());
}

TEST_F(ConnectionRegistryTest, SeversByATagOfTheLastDecision) {
  Open trusted(registry_, loop_, "aa");
  Open other(registry_, loop_, "bb");
  Open undecided(registry_, loop_, "cc");
  auto decision = std::make_shared<Decision>();
  decision->tags = {"api:x", "ca:1"};
  trusted.memo.decision = decision;
  auto second = std::make_shared<Decision>();
  second->tags = {"api:x"};
  other.memo.decision = second;
  SeverList severed;
  severed.tags = {"ca:1", "ca:2"};
  EXPECT_EQ(registry_.Sever(severed, absl::Seconds(5)), 1u);
  EXPECT_TRUE(trusted.cut());
  EXPECT_FALSE(other.cut());
  EXPECT_FALSE(undecided.cut());
}

TEST_F(ConnectionRegistryTest, ASeverDoesNotWaitForTheEndOfADrain) {
  Open busy(registry_, loop_, "aa");
  busy.connection->idle = false;
  registry_.Drain(absl::Seconds(30));
  registry_.Sever({{LeafOf("aa")}, {}}, absl::Seconds(1));
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(busy.cut());
}

TEST_F(ConnectionRegistryTest, ADrainGivesNoTimeToWhoIsCutOff) {
  Open later(registry_, loop_, "bb");
  later.connection->idle = false;
  registry_.Sever({{LeafOf("bb")}, {}}, absl::Seconds(1));
  registry_.Drain(absl::Seconds(30));
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(later.cut()) << "nor does a drain give time";
}

TEST_F(ConnectionRegistryTest, ForgetsWhatIsGone) {
  auto gone = std::make_unique<Open>(registry_, loop_, "aa");
  gone->connection->idle = false;
  registry_.Sever({{LeafOf("aa")}, {}}, absl::Seconds(1));
  gone.reset();
  EXPECT_EQ(registry_.size(), 0u);
  EXPECT_EQ(registry_.Sever({{LeafOf("aa")}, {}}, absl::Seconds(1)), 0u);
  Pass(absl::Seconds(3));
}

TEST_F(ConnectionRegistryTest, EndIdleLeavesRequestsInFlight) {
  Open idle(registry_, loop_, "aa");
  Open busy(registry_, loop_, "");
  busy.connection->idle = false;
  EXPECT_EQ(registry_.EndIdle(), 1u);
  EXPECT_TRUE(idle.cut());
  Pass(absl::Milliseconds(1200));
  EXPECT_FALSE(busy.cut());
  EXPECT_FALSE(busy.connection->last_request);
}

TEST_F(ConnectionRegistryTest, DrainEndsAll) {
  Open idle(registry_, loop_, "aa");
  Open busy(registry_, loop_, "");
  busy.connection->idle = false;
  registry_.Drain(absl::Seconds(1));
  EXPECT_TRUE(idle.cut());
  EXPECT_FALSE(busy.cut());
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(busy.cut());
}

TEST_F(ConnectionRegistryTest, ADrainLetsAnIdleConnectionSendOneMoreRequest) {
  Open silent(registry_, loop_, "aa");
  Open busy(registry_, loop_, "bb");
  for (Open* one : {&silent, &busy}) one->connection->fresh = false;
  registry_.Drain(absl::Seconds(10), absl::Seconds(1));
  EXPECT_FALSE(silent.cut());
  EXPECT_TRUE(busy.connection->last_request) << "no second one";
  busy.connection->idle = false;
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(silent.cut());
  EXPECT_FALSE(busy.cut()) << "a request in flight has the whole time";
  Pass(absl::Seconds(9));
  EXPECT_TRUE(busy.cut());
}

TEST_F(ConnectionRegistryTest, ADrainLeavesAFreshConnectionItsTime) {
  Open fresh(registry_, loop_, "");
  registry_.Drain(absl::Seconds(10), absl::Seconds(1));
  Open later(registry_, loop_, "");
  EXPECT_TRUE(later.connection->last_request);
  Pass(absl::Milliseconds(1200));
  EXPECT_FALSE(fresh.cut());
  EXPECT_FALSE(later.cut()) << "accepted before, served after";
  Pass(absl::Seconds(9));
  EXPECT_TRUE(fresh.cut());
  EXPECT_TRUE(later.cut());
}

TEST_F(ConnectionRegistryTest, AnIdleConnectionOfADrainIsSeveredAtOnce) {
  Open idle(registry_, loop_, "aa");
  registry_.Drain(absl::Seconds(10), absl::Seconds(5));
  EXPECT_FALSE(idle.cut());
  registry_.Sever({{LeafOf("aa")}, {}}, absl::Seconds(1));
  EXPECT_TRUE(idle.cut());
}

TEST_F(ConnectionRegistryTest, ADoubtfulRequestThatIsSeveredGetsTheGrace) {
  const AuthFacts facts;
  Open busy(registry_, loop_, "aa");
  busy.connection->idle = false;
  busy.request->LetIn(&facts, nullptr);
  const auto doubts = registry_.Doubt(loop_.After(absl::Seconds(5)));
  ASSERT_EQ(doubts.size(), 1u);
  EXPECT_EQ(doubts[0]->request, busy.request.get());
  EXPECT_TRUE(registry_.Sever(*doubts[0], absl::Seconds(1)));
  EXPECT_FALSE(registry_.Sever(*doubts[0], absl::Seconds(1))) << "once";
  EXPECT_TRUE(busy.connection->last_request);
  EXPECT_FALSE(busy.cut());
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(busy.cut());
}

TEST_F(ConnectionRegistryTest, OnlyRequestsThatWereLetInAreInDoubt) {
  const AuthFacts facts;
  Open idle(registry_, loop_, "aa");
  Open undecided(registry_, loop_, "bb");
  undecided.connection->idle = false;
  Open over(registry_, loop_, "cc");
  over.connection->idle = false;
  over.request->LetIn(&facts, nullptr);
  over.request->Over();
  EXPECT_TRUE(registry_.Doubt(loop_.After(absl::Seconds(5))).empty());
}

TEST_F(ConnectionRegistryTest, ADoubtEndsWithItsRequest) {
  const AuthFacts facts;
  Open next(registry_, loop_, "aa");
  auto gone = std::make_unique<Open>(registry_, loop_, "bb");
  for (Open* open : {&next, gone.get()}) {
    open->connection->idle = false;
    open->request->LetIn(&facts, nullptr);
  }
  const auto doubts = registry_.Doubt(loop_.After(absl::Seconds(5)));
  ASSERT_EQ(doubts.size(), 2u);
  gone.reset();
  next.request->Over();
  next.request->LetIn(&facts, nullptr);  // decided anew
  for (const auto& doubt : doubts) EXPECT_FALSE(registry_.Sever(*doubt, absl::ZeroDuration()));
  EXPECT_FALSE(next.connection->last_request);
}

TEST_F(ConnectionRegistryTest, DoubtingAgainDoesNotGiveMoreTime) {
  const AuthFacts facts;
  Open busy(registry_, loop_, "aa");
  busy.connection->idle = false;
  busy.request->LetIn(&facts, nullptr);
  const Deadline first = loop_.After(absl::Seconds(5));
  const auto old = registry_.Doubt(first);
  const auto again = registry_.Doubt(loop_.After(absl::Seconds(9)));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0]->until.millis(), first.millis());
  EXPECT_EQ(old[0]->request, nullptr) << "an answer to the old question says nothing";
  ConnectionRegistry::Settle(*again[0], nullptr);
  const auto fresh = registry_.Doubt(loop_.After(absl::Seconds(9)));
  EXPECT_GT(fresh[0]->until.millis(), first.millis());
}

TEST_F(ConnectionRegistryTest, WhoIsAllowedStillIsSeveredByWhatTheNewDecisionRestsOn) {
  const AuthFacts facts;
  Open busy(registry_, loop_, "aa");
  busy.connection->idle = false;
  busy.request->LetIn(&facts, nullptr);
  auto before = std::make_shared<Decision>();
  before->tags = {"key:old"};
  busy.memo.decision = before;
  busy.memo.fresh_until_ns = 1;
  const auto doubts = registry_.Doubt(loop_.After(absl::Seconds(5)));
  auto after = std::make_shared<Decision>();
  after->tags = {"ca:new"};
  ConnectionRegistry::Settle(*doubts[0], after);
  EXPECT_FALSE(busy.connection->last_request);
  EXPECT_EQ(busy.memo.fresh_until_ns, 0) << "the next request looks for itself";
  SeverList severed;
  severed.tags = {"key:old"};
  EXPECT_EQ(registry_.Sever(severed, absl::Seconds(1)), 0u);
  severed.tags = {"ca:new"};
  EXPECT_EQ(registry_.Sever(severed, absl::Seconds(1)), 1u);
}

TEST_F(ConnectionRegistryTest, SeversWhoPresentedADeniedCertificate) {
  using sallyport::testing::CertBuilder;
  const auto root = CertBuilder("CN=Root").Ca().SelfSign();
  const auto issuer = CertBuilder("CN=Issuer").Ca().SignBy(root);
  const auto leaf = CertBuilder("CN=a").SignBy(issuer);
  const auto other = CertBuilder("CN=b").SignBy(root);
  Open by_leaf(registry_, loop_, leaf.der);
  Open busy(registry_, loop_, leaf.der);
  busy.connection->idle = false;
  Open spared(registry_, loop_, other.der);
  Open nobody(registry_, loop_, "");
  Open by_chain(registry_, loop_, "");
  registry_.SetPeer(by_chain.connection.get(), MakePeerCertificate({other.der, issuer.der}));

  auto denied = std::make_shared<crypto::DeniedCertificates>();
  denied->Add(leaf.cert->issuer_der, leaf.cert->serial, "", "");
  SeverList severed;
  severed.denied = {denied};
  EXPECT_EQ(registry_.Sever(severed, absl::Seconds(1)), 2u);
  EXPECT_TRUE(by_leaf.cut());
  EXPECT_TRUE(busy.connection->last_request);
  EXPECT_FALSE(busy.cut());
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(busy.cut());
  EXPECT_FALSE(by_chain.cut());

  auto key = std::make_shared<crypto::DeniedCertificates>();
  key->Add("", "", issuer.cert->spki_sha256, "");
  severed.denied = {key};
  EXPECT_EQ(registry_.Sever(severed, absl::Seconds(1)), 1u);
  EXPECT_TRUE(by_chain.cut()) << "the leaf is not the only one that counts";
  EXPECT_FALSE(spared.cut());
  EXPECT_FALSE(nobody.cut());
}

}  // namespace
}  // namespace sallyport::dataplane
