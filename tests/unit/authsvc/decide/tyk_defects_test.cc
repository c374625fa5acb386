// Defects of the reference system (tyk.md §0.2) that a decision must not have. Those of upstream
// resolution are in tests/unit/authsvc/resolve.
#include <chrono>

#include "tests/unit/authsvc/decide/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using testing::TestCert;
using testing::TestNow;

TEST(TykDefects, Q1AllowlistIgnoresOtherPresentedCertificates) {
  World world;
  const TestCert victim = CertBuilder("CN=victim").SelfSign();
  const TestCert attacker = CertBuilder("CN=attacker").SelfSign();
  world.Put(StaticApi({world.AddCertificate(victim)}));
  EXPECT_ALLOWED(Ask(world, Asked({&victim})));
  EXPECT_REFUSED(Ask(world, Asked({&attacker, &victim})), kCertNotAllowed);
  EXPECT_REFUSED(Ask(world, Asked({&attacker, &attacker, &victim})), kCertNotAllowed);
}

TEST(TykDefects, Q6CaEntryAdmitsClientAuthLeafWithoutCaInItsChain) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=alice").ExtendedUsage({"clientAuth"}).SignBy(root);
  world.Put(StaticApi({world.AddCertificate(root)}));
  EXPECT_ALLOWED(Ask(world, Asked({&leaf})));
  EXPECT_ALLOWED(Ask(world, Asked({&leaf, &root})));
}

TEST(TykDefects, Q6PresentedIntermediatesBelongToThePath) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert middle = CertBuilder("CN=Middle").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(middle);
  world.Put(StaticApi({world.AddCertificate(root)}));
  EXPECT_ALLOWED(Ask(world, Asked({&leaf, &middle})));
}

TEST(TykDefects, Q7StoredChainIsMatchedByItsLeaf) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert alice = CertBuilder("CN=alice").SignBy(root);
  const TestCert bob = CertBuilder("CN=bob").SignBy(root);
  world.Put(StaticApi({world.AddCertificate(alice, {.rest = {&root}})}));
  EXPECT_ALLOWED(Ask(world, Asked({&alice})));
  EXPECT_NE(ReasonOf(Ask(world, Asked({&bob, &root}))), Reason::kAllowed);
  EXPECT_NE(ReasonOf(Ask(world, Asked({&root}))), Reason::kAllowed);
}

TEST(TykDefects, Q9OrderOfApisDoesNotChangeADecision) {
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  for (const bool static_first : {true, false}) {
    World world;
    v1::Api fixed = StaticApi({world.AddCertificate(alice)});
    v1::Api dynamic = DynamicApi();
    fixed.set_id("static");
    dynamic.set_id("dynamic");
    world.Put(static_first ? fixed : dynamic);
    world.Put(static_first ? dynamic : fixed);
    v1::Key key = KeyOf(alice);
    key.mutable_access_rights(0)->set_api_id("dynamic");
    world.Put(key);
    for (const char* id : {"static", "dynamic"}) {
      v1::AuthorizeRequest request = Asked({&alice});
      request.set_api_id(id);
      EXPECT_ALLOWED(Ask(world, request)) << id;
    }
  }
}

TEST(TykDefects, Q10TokenNeverReplacesTheCertificateOnPlainHttp) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  v1::Api api = DynamicApi();
  api.mutable_token()->set_enabled(true);
  api.set_allow_plain_http(true);
  world.Put(api);
  world.AddCertificate(alice);
  world.Put(KeyOf(alice, IdOf(alice)));
  v1::AuthorizeRequest request = WithToken(Asked({}), IdOf(alice));
  request.set_tls(false);
  EXPECT_REFUSED(Ask(world, request), kTlsRequired);
  request.set_tls(true);
  EXPECT_REFUSED(Ask(world, request), kCertRequired);
}

// A refusal for a certificate that is not there carries a time to live and the tag that ends it, so
// it can be remembered; nothing is asked of the store.
TEST(TykDefects, Q11MissingCertificatesAreNegativelyCacheable) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(StaticApi({IdOf(alice)}));
  const v1::Decision refused = Ask(world, Asked({&alice}));
  EXPECT_GT(refused.ttl_ms(), 0);
  EXPECT_TRUE(HasTag(refused, absl::StrCat("cert:", IdOf(alice))));
}

// 1,000 entries against one: a walk would cost hundreds of times as much, three times leaves room
// for noise.
TEST(TykDefects, Q12CostDoesNotGrowWithTheAllowlist) {
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  const v1::AuthorizeRequest request = Asked({&alice});
  const AuthorizeQuestion question{request, false, std::nullopt};
  struct Trial {
    World world;
    DecisionMemo memo;
    std::chrono::nanoseconds best = std::chrono::nanoseconds::max();
  } one, thousand;
  for (Trial* const trial : {&one, &thousand}) {
    v1::Api api = StaticApi({trial->world.AddCertificate(alice)});
    for (int i = 1; i < 1000 && trial == &thousand; ++i) {
      const TestCert other = CertBuilder(absl::StrCat("CN=", i)).Key(alice.key).SelfSign();
      api.mutable_client_tls()->add_allowlist()->set_certificate_id(
          trial->world.AddCertificate(other));
    }
    trial->world.Put(api);
  }
  for (int round = 0; round < 60; ++round) {  // in turn, so that both have the same machine
    Trial& trial = round % 2 == 0 ? one : thousand;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i)
      EXPECT_EQ(Decide(trial.world.snapshot(), question, TestNow(), &trial.memo).reason(), 0U);
    trial.best =
        std::min(trial.best, std::chrono::nanoseconds(std::chrono::steady_clock::now() - start));
  }
  EXPECT_LT(thousand.best, 3 * one.best);
}

TEST(TykDefects, Q15ReplacingAKeysCertificateMovesTheKey) {
  World world;
  const TestCert old = CertBuilder("CN=alice").SelfSign();
  const TestCert renewed = CertBuilder("CN=alice").SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(old);
  world.AddCertificate(renewed);
  world.Put(KeyOf(old));
  EXPECT_ALLOWED(Ask(world, Asked({&old})));
  world.Put(KeyOf(renewed));
  EXPECT_ALLOWED(Ask(world, Asked({&renewed})));
  EXPECT_REFUSED(Ask(world, Asked({&old})), kCertUnknown);
}

TEST(TykDefects, Q17DynamicLeafIsCheckedForNotBeforeAndUsage) {
  World world;
  const TestCert early = CertBuilder("CN=early").NotYetValid().SelfSign();
  const TestCert server = CertBuilder("CN=server").ServerAuth().SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(early);
  world.AddCertificate(server);
  world.Put(KeyOf(early, "key1"));
  world.Put(KeyOf(server, "key2"));
  EXPECT_REFUSED(Ask(world, Asked({&early})), kCertNotYetValid);
  EXPECT_REFUSED(Ask(world, Asked({&server})), kCertWrongUsage);
}

TEST(TykDefects, Q18DynamicCertificateIsEnforcedWithoutTokenAuth) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  v1::Api api = DynamicApi();
  api.set_keyless(true);  // even so
  world.Put(api);
  EXPECT_REFUSED(Ask(world, Asked({})), kCertRequired);
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kCertUnknown);
}

TEST(TykDefects, Q19ExemptPathStillNeedsTheAllowlist) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  const TestCert mallory = CertBuilder("CN=mallory").SelfSign();
  v1::Api api = StaticApi({world.AddCertificate(alice)});
  api.set_keyless(false);
  api.mutable_token()->set_enabled(true);
  const auto ask = [&](std::initializer_list<const TestCert*> chain) {
    v1::AuthorizeRequest request = Asked(chain);
    request.set_profile("ignored");
    return Ask(world, request);
  };
  world.Put(api);
  EXPECT_REFUSED(ask({&alice}), kTokenRequired);  // no path of this API is exempt
  api.add_versions()->add_ignored()->set_path("^/health$");
  world.Put(api);
  EXPECT_ALLOWED(ask({&alice}));
  EXPECT_REFUSED(ask({&mallory}), kCertNotAllowed);
  EXPECT_REFUSED(ask({}), kCertRequired);
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kTokenRequired);  // the other paths
}

TEST(TykDefects, Q20DeletedCertificateIsRefusedByTheNextDecision) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=alice").SignBy(root);
  world.Put(StaticApi({world.AddCertificate(root)}));
  DecisionMemo memo;
  const v1::AuthorizeRequest request = Asked({&leaf});
  const AuthorizeQuestion question{request, false, std::nullopt};
  EXPECT_ALLOWED(Decide(world.snapshot(), question, TestNow(), &memo));
  world.Erase(Kind::kCertificate, IdOf(root));
  EXPECT_REFUSED(Decide(world.snapshot(), question, TestNow(), &memo), kCertNotAllowed);
}

TEST(TykDefects, Q24SubjectAndSansAreInTheIdentity) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=alice")
                            .Uri("spiffe://corp/alice")
                            .Dns("alice.corp")
                            .Email("a@corp")
                            .SignBy(root);
  world.Put(StaticApi({world.AddCertificate(root)}));
  const v1::Identity identity = Ask(world, Asked({&leaf})).identity();
  EXPECT_EQ(identity.name(), "spiffe://corp/alice");
  EXPECT_EQ(identity.certificate().subject(), "CN=alice");
  EXPECT_EQ(identity.certificate().issuer(), "CN=Root");
  EXPECT_EQ(identity.certificate().uri_sans(0), "spiffe://corp/alice");
  EXPECT_EQ(identity.certificate().dns_sans(0), "alice.corp");
  EXPECT_EQ(identity.certificate().email_sans(0), "a@corp");
}

// Intermediates that the client does not send may be stored with the listed CA.
TEST(TykDefects, Q27StoredIntermediatesServePathsThatTheClientLeavesIncomplete) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert middle = CertBuilder("CN=Middle").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(middle);
  world.Put(StaticApi({world.AddCertificate(root, {.rest = {&middle}})}));
  EXPECT_ALLOWED(Ask(world, Asked({&leaf})));
}

TEST(TykDefects, Q28CertificatesAreNamedByTheirWholeId) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(StaticApi({world.AddCertificate(alice)}));
  EXPECT_TRUE(
      HasTag(Ask(world, Asked({&alice})), absl::StrCat("cert:", kOrg, IdOf(alice).substr(4))));
}

TEST(TykDefects, Q29RegexDomainDoesNotChangeWhoIsAdmitted) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  v1::Api api = StaticApi({world.AddCertificate(alice)});
  api.add_hosts("{?:a|b}");
  world.Put(api);
  EXPECT_ALLOWED(Ask(world, Asked({&alice})));
}

}  // namespace
}  // namespace sallyport::authsvc
