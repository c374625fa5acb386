#include "dataplane/authorize/client_validation.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/dataplane/authorize/authorize_world.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

struct ValidationWorld {
  explicit ValidationWorld(ValidationOptions options = {})
      : hub(options, &clock, &client, &stream, &generations, [this] { ++refused; }),
        validation(&hub, &poster) {
    StrictRule made;
    made.trust_bundle_ids = {"partners"};
    made.max_depth = 2;
    rule = MakeStrictRule(made);
    stream.OnApplied(10, true);
    Beat();
    client.on_validate = [this](const ValidationQuestion&) {
      return std::make_shared<const Validation>(said);
    };
    said.reason = Reason::kAllowed;
    said.ttl = absl::Seconds(60);
    said.tags = {"settings", "trust:partners"};
    said.revision = 10;
  }
  void Beat() { stream.OnHeartbeat(clock.Monotonic(), absl::ZeroDuration(), true); }
  void Run() {
    context.restart();
    context.poll();
  }
  // "valid", a reason, "none" or "limited".
  std::string Ask(const PeerCertificatePtr& chain, const std::string& client_address = "a") {
    std::string outcome = "pending";
    const absl::Status asked =
        validation.Ask(*rule, *chain, client_address, [&outcome](const ValidationPtr& answer) {
          outcome = answer == nullptr ? "none" : Name(*answer);
        });
    if (!asked.ok()) return absl::IsResourceExhausted(asked) ? "limited" : "error";
    Run();
    return outcome;
  }
  std::string Try(const PeerCertificatePtr& chain) {
    const ValidationPtr known = validation.Try(*rule, *chain);
    return known == nullptr ? "none" : Name(*known);
  }
  static std::string Name(const Validation& answer) {
    return answer.valid() ? "valid" : std::string(base::ReasonName(answer.reason));
  }
  static PeerCertificatePtr Chain(std::vector<std::string> der) {
    return MakePeerCertificate(std::move(der));
  }

  base::ManualClock clock;
  cache::TagGenerations generations;
  StreamState stream;
  FakeAuthsvcClient client;
  boost::asio::io_context context;
  AsioPoster poster{&context};
  Validation said;
  int refused = 0;
  StrictRulePtr rule;
  ValidationHub hub;
  ClientValidation validation;
};

TEST(ClientValidation, AsksWithTheRuleAndKeepsTheAnswer) {
  ValidationWorld world;
  const PeerCertificatePtr chain = world.Chain({"leaf", "issuer"});
  EXPECT_EQ(world.Try(chain), "none");
  EXPECT_EQ(world.Ask(chain), "valid");
  EXPECT_EQ(world.Try(chain), "valid");
  ASSERT_EQ(world.client.validation_questions().size(), 1u);
  const ValidationQuestion asked = world.client.validation_questions()[0];
  EXPECT_EQ(asked.chain_der, chain->chain_der);
  EXPECT_EQ(asked.trust_bundle_ids, std::vector<std::string>{"partners"});
  EXPECT_EQ(asked.max_depth, 2u);
  EXPECT_EQ(asked.min_revision, 10u);
  EXPECT_EQ(world.Try(world.Chain({"leaf"})), "none") << "another chain";
  EXPECT_EQ(world.Try(world.Chain({"issuer", "leaf"})), "none") << "another leaf";
  const ValidationCounters counters = world.hub.Counters();
  EXPECT_EQ(counters.hit, 1u);
  EXPECT_EQ(counters.asked, 1u);
  EXPECT_EQ(counters.entries, 1u);
}

TEST(ClientValidation, AnAnswerEndsWithItsTimeAndItsPath) {
  ValidationWorld world;
  const PeerCertificatePtr chain = world.Chain({"leaf"});
  world.said.not_after = world.clock.Now() + absl::Seconds(10);
  EXPECT_EQ(world.Ask(chain), "valid");
  world.clock.Advance(absl::Seconds(9));
  world.Beat();
  EXPECT_EQ(world.Try(chain), "valid");
  world.clock.Advance(absl::Seconds(1));
  world.Beat();
  EXPECT_EQ(world.Try(chain), "none");
  world.said.not_after = absl::InfiniteFuture();
  EXPECT_EQ(world.Ask(chain), "valid");
  for (int second = 0; second < 60; ++second) {
    world.clock.Advance(absl::Seconds(1));
    world.Beat();
  }
  EXPECT_EQ(world.Try(chain), "none");
}

TEST(ClientValidation, NothingOldIsUsedWhereNobodyAnswers) {
  ValidationWorld world;
  const PeerCertificatePtr chain = world.Chain({"leaf"});
  EXPECT_EQ(world.Ask(chain), "valid");
  world.clock.Advance(absl::Seconds(4));  // without a heartbeat
  world.client.FailWith(absl::UnavailableError("gone"));
  EXPECT_EQ(world.Try(chain), "none");
  EXPECT_EQ(world.Ask(chain), "none");
  EXPECT_EQ(world.hub.Counters().failed, 1u);
  for (const absl::Status& failure :
       {absl::DeadlineExceededError(""), absl::NotFoundError(""), absl::InternalError("")}) {
    world.client.FailWith(failure);
    EXPECT_EQ(world.Ask(chain), "none") << failure;
  }
  EXPECT_EQ(world.refused, 0);
}

TEST(ClientValidation, RefusalsLiveBrieflyAndGoWithWhatIsMissing) {
  ValidationWorld world;
  const PeerCertificatePtr chain = world.Chain({"leaf"});
  world.said.reason = Reason::kCertUntrusted;
  EXPECT_EQ(world.Ask(chain), "CERT_UNTRUSTED");
  EXPECT_EQ(world.Try(chain), "CERT_UNTRUSTED");
  world.generations.Evict("trust:partners", 11);
  EXPECT_EQ(world.Try(chain), "none");
  world.said.revision = 11;
  EXPECT_EQ(world.Ask(chain), "CERT_UNTRUSTED");
  for (int second = 0; second < 5; ++second) {
    world.clock.Advance(absl::Seconds(1));
    world.Beat();
  }
  EXPECT_EQ(world.Try(chain), "none");
}

TEST(ClientValidation, AnEvictionWinsOverAnAnswerThatIsUnderWay) {
  ValidationWorld world;
  const PeerCertificatePtr chain = world.Chain({"leaf"});
  world.client.Hold();
  std::string outcome;
  ASSERT_TRUE(world.validation
                  .Ask(*world.rule, *chain, "a",
                       [&outcome](const ValidationPtr& answer) {
                         outcome = answer == nullptr ? "none" : ValidationWorld::Name(*answer);
                       })
                  .ok());
  world.generations.Evict("settings", 11);
  world.client.LetGo();
  world.Run();
  EXPECT_EQ(outcome, "none") << "asked once more, and void still";
  EXPECT_EQ(world.client.validation_questions().size(), 2u);
  EXPECT_EQ(world.client.validation_questions()[1].min_revision, 11u);
  EXPECT_EQ(world.Try(chain), "none");
}

TEST(ClientValidation, OneAddressAsksOnlySoMuch) {
  ValidationOptions options;
  options.address_asks_per_second = 1;
  options.address_ask_burst = 2;
  ValidationWorld world(options);
  EXPECT_EQ(world.Ask(world.Chain({"1"})), "valid");
  EXPECT_EQ(world.Ask(world.Chain({"2"})), "valid");
  EXPECT_EQ(world.Ask(world.Chain({"3"})), "limited");
  EXPECT_EQ(world.Ask(world.Chain({"3"}), "b"), "valid");
  EXPECT_EQ(world.hub.Counters().limited, 1u);
  world.clock.Advance(absl::Seconds(1));
  world.Beat();
  EXPECT_EQ(world.Ask(world.Chain({"4"})), "valid");
}

TEST(ClientValidation, WhoAsksTheSameSharesTheQuestion) {
  ValidationOptions options;
  options.address_asks_per_second = 1;
  options.address_ask_burst = 1;
  ValidationWorld world(options);
  world.client.Hold();
  int answered = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(world.validation
                    .Ask(*world.rule, *world.Chain({"leaf"}), "a",
                         [&answered](const ValidationPtr& answer) {
                           answered += answer != nullptr && answer->valid() ? 1 : 0;
                         })
                    .ok());
  }
  world.client.LetGo();
  world.Run();
  EXPECT_EQ(answered, 3);
  EXPECT_EQ(world.client.validation_questions().size(), 1u);
  EXPECT_EQ(world.hub.Counters().joined, 2u);
}

TEST(ClientValidation, AReplicaThatIsRefusedKeepsNothing) {
  ValidationWorld world;
  const PeerCertificatePtr chain = world.Chain({"leaf"});
  EXPECT_EQ(world.Ask(chain), "valid");
  world.client.FailWith(absl::PermissionDeniedError("denied"));
  EXPECT_EQ(world.Ask(world.Chain({"other"})), "none");
  EXPECT_EQ(world.refused, 1);
  EXPECT_EQ(world.Try(chain), "none");
  EXPECT_EQ(world.hub.Counters().entries, 0u);
}

}  // namespace
}  // namespace sallyport::dataplane
