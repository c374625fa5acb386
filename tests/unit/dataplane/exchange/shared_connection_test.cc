// A connection whose requests run side by side: who of them is severed, and when it is itself.
#include "tests/unit/dataplane/exchange/connection_registry_world.h"

namespace sallyport::dataplane {
namespace {

// A connection of two requests, each let in by a decision of its own.
struct OpenShared final : Multiplexed {
  struct One final : RequestCut {
    void Cut() override { cut = true; }
    bool cut = false;
  };
  OpenShared(ConnectionRegistry& registry, Loop& loop) : open(registry, loop, "aa") {
    open.connection->multiplexed = this;
    open.connection->idle = false;
    for (size_t i = 0; i < 2; ++i) {
      auto made = std::make_shared<Decision>();
      made->identity.key_id = i == 0 ? "k0" : "k1";
      open.memo.decision = made;  // the last one's
      requests[i].LetIn(&facts, made);
    }
  }
  void OnLastRequest() override { ++told; }

  AuthFacts facts;
  Open open;
  One ones[2];
  RegisteredRequest requests[2] = {{*open.connection, &ones[0]}, {*open.connection, &ones[1]}};
  int told = 0;
};

TEST_F(ConnectionRegistryTest, OfSeveralCallersOnAConnectionOneIsSeveredAlone) {
  OpenShared shared(registry_, loop_);
  EXPECT_EQ(registry_.Sever({{}, {"k1"}}, absl::Seconds(1)), 1u);
  EXPECT_EQ(registry_.Sever({{}, {"k1"}}, absl::Seconds(1)), 0u) << "once";
  EXPECT_FALSE(shared.ones[1].cut);
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(shared.ones[1].cut);
  EXPECT_FALSE(shared.ones[0].cut);
  EXPECT_FALSE(shared.open.cut());
  EXPECT_EQ(shared.told, 0);
}

TEST_F(ConnectionRegistryTest, WhenAllRestOnItTheConnectionEnds) {
  OpenShared shared(registry_, loop_);
  shared.requests[0].Over();
  EXPECT_EQ(registry_.Sever({{}, {"k1"}}, absl::Seconds(1)), 1u);
  EXPECT_EQ(shared.told, 1);
  EXPECT_TRUE(shared.open.connection->last_request);
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(shared.open.cut());
}

TEST_F(ConnectionRegistryTest, ACertificateTakesAllOfItsConnectionAlong) {
  OpenShared shared(registry_, loop_);
  EXPECT_EQ(registry_.Sever({{LeafOf("aa")}, {}}, absl::Seconds(1)), 1u);
  EXPECT_EQ(shared.told, 1);
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(shared.open.cut());
}

TEST_F(ConnectionRegistryTest, EachRequestIsInDoubtAlone) {
  OpenShared shared(registry_, loop_);
  const auto doubts = registry_.Doubt(loop_.After(absl::Seconds(5)));
  ASSERT_EQ(doubts.size(), 2u);
  for (const auto& doubt : doubts) {
    if (doubt->request == &shared.requests[0]) {
      EXPECT_TRUE(registry_.Sever(*doubt, absl::Seconds(1)));
    } else {
      ConnectionRegistry::Settle(*doubt, nullptr);
    }
  }
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(shared.ones[0].cut);
  EXPECT_FALSE(shared.ones[1].cut);
  EXPECT_FALSE(shared.open.connection->last_request);
}

TEST_F(ConnectionRegistryTest, ARequestThatIsOverIsNotCutLater) {
  OpenShared shared(registry_, loop_);
  EXPECT_EQ(registry_.Sever({{}, {"k1"}}, absl::Seconds(1)), 1u);
  shared.requests[1].Over();
  auto other = std::make_shared<Decision>();
  shared.requests[1].LetIn(&shared.facts, other);
  Pass(absl::Milliseconds(1200));
  EXPECT_FALSE(shared.ones[1].cut) << "another one is there now";
}

TEST_F(ConnectionRegistryTest, AnIdleMultiplexedConnectionIsToldAndHasTime) {
  OpenShared shared(registry_, loop_);
  for (RegisteredRequest& request : shared.requests) request.Over();
  shared.open.connection->idle = true;
  registry_.Drain(absl::Seconds(1));
  EXPECT_EQ(shared.told, 1);
  EXPECT_FALSE(shared.open.cut());
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(shared.open.cut());
}

// The connection is a proxy's: its callers come and go, and it stays.
TEST_F(ConnectionRegistryTest, ACertificateThatAProxyToldOfEndsItsRequestAlone) {
  const PeerCertificatePtr asserted = MakePeerCertificate({"cc"});
  AuthFacts by_header;
  by_header.proof = Proof::kHeader;
  by_header.peer = asserted.get();
  OpenShared shared(registry_, loop_);
  shared.requests[1].LetIn(&by_header, std::make_shared<Decision>());
  EXPECT_EQ(registry_.Sever({{LeafOf("other")}, {}}, absl::Seconds(1)), 0u);
  EXPECT_EQ(registry_.Sever({{LeafOf("cc")}, {}}, absl::Seconds(1)), 1u);
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(shared.ones[1].cut);
  EXPECT_FALSE(shared.ones[0].cut || shared.open.cut());
  EXPECT_EQ(shared.told, 0);
}

TEST_F(ConnectionRegistryTest, OnAConnectionOfOneRequestTheConnectionEnds) {
  const PeerCertificatePtr asserted = MakePeerCertificate({"cc"});
  AuthFacts by_header;
  by_header.proof = Proof::kHeader;
  by_header.peer = asserted.get();
  Open busy(registry_, loop_, ""), idle(registry_, loop_, "");
  busy.connection->idle = false;
  busy.request->LetIn(&by_header, nullptr);
  EXPECT_EQ(registry_.Sever({{LeafOf("cc")}, {}}, absl::Seconds(1)), 1u);
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(busy.cut());
  EXPECT_FALSE(idle.cut());
}

TEST_F(ConnectionRegistryTest, WhenProxiesAreBelievedNoMoreWhatTheyToldOfEnds) {
  const PeerCertificatePtr asserted = MakePeerCertificate({"cc"});
  AuthFacts by_header;
  by_header.proof = Proof::kHeader;
  by_header.peer = asserted.get();
  OpenShared shared(registry_, loop_);
  shared.requests[1].LetIn(&by_header, std::make_shared<Decision>());
  EXPECT_EQ(registry_.SeverAsserted(absl::Seconds(1)), 1u);
  EXPECT_EQ(registry_.SeverAsserted(absl::Seconds(1)), 0u) << "once";
  Pass(absl::Milliseconds(1200));
  EXPECT_TRUE(shared.ones[1].cut);
  EXPECT_FALSE(shared.ones[0].cut || shared.open.cut());
}

}  // namespace
}  // namespace sallyport::dataplane
