// Certificate pairs for a handshake (DESIGN 2.2).
#include <set>

#include "gmock/gmock.h"
#include "tests/unit/authsvc/resolve/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using ::testing::ElementsAre;
using testing::KeyType;
using testing::TestCert;
using testing::TestNow;

class ServerTest : public ::testing::Test {
 protected:
  std::string Pair(CertBuilder& builder, absl::string_view org = "", absl::string_view name = "") {
    const TestCert made = builder.ServerAuth().SelfSign();
    return world_.AddCertificate(
        made, {.org = std::string(org), .name = std::string(name), .with_key = true});
  }
  void PutGateway(std::initializer_list<std::string> ids) {
    v1::GatewaySettings settings;
    for (const std::string& id : ids) settings.add_server_certificate_ids(id);
    world_.Put(settings);
  }
  // With a certificate for a.example.
  void PutObject(const char* id, const std::string& certificate, const char* least,
                 const char* most) {
    v1::Resource resource;
    v1::DialectObject* const object = resource.mutable_dialect_object();
    object->set_id(id);
    object->set_org_id(std::string(kOrg));
    object->add_server_names("a.example");
    object->add_server_certificate_ids(certificate);
    object->set_min_version(least);
    object->set_max_version(most);
    world_.Put(resource);
  }
  std::string Versions() const { return last_.min_version() + "-" + last_.max_version(); }
  std::vector<std::string> Ids(absl::string_view sni, absl::string_view listener = "",
                               absl::Time now = TestNow(), const ResolveScope& scope = {}) {
    v1::ResolveServerRequest request;
    request.set_sni(std::string(sni));
    request.set_listener_id(std::string(listener));
    last_ = ResolveServer(world_.snapshot(), request, now, OpenForTest, scope);
    std::vector<std::string> ids;
    for (const v1::ServerPair& pair : last_.pairs()) ids.push_back(pair.certificate_id());
    return ids;
  }

  World world_;
  v1::ResolveServerResponse last_;
};

// An answer must go when a certificate that could have been chosen comes, also one that is not
// named in it.
TEST_F(ServerTest, EveryAnswerHangsOnAllServerCertificatesAndItsListener) {
  EXPECT_TRUE(Ids("a.example").empty());
  EXPECT_THAT(last_.tags(), ::testing::Contains("servers"));
  EXPECT_TRUE(Ids("a.example", "main").empty());
  EXPECT_THAT(last_.tags(), ::testing::IsSupersetOf({"servers", "settings", "listener:main"}));
}

TEST_F(ServerTest, ExactThenWildcardThenListenerDefault) {
  const std::string exact = Pair(CertBuilder("CN=1").Dns("a.x.example"));
  const std::string wildcard = Pair(CertBuilder("CN=2").Dns("*.x.example"));
  const std::string fallback = Pair(CertBuilder("CN=3").Dns("other.example"));
  PutGateway({exact, wildcard});
  v1::Listener listener;
  listener.set_id("main");
  listener.set_default_certificate_id(fallback);
  world_.Put(listener);
  EXPECT_THAT(Ids("a.x.example"), ElementsAre(exact));
  EXPECT_THAT(Ids("A.X.Example."), ElementsAre(exact));
  EXPECT_THAT(Ids("b.x.example"), ElementsAre(wildcard));
  EXPECT_TRUE(Ids("a.b.x.example").empty());  // one label only
  EXPECT_TRUE(Ids("x.example").empty());
  EXPECT_TRUE(Ids("").empty());
  EXPECT_THAT(Ids("a.b.x.example", "main"), ElementsAre(fallback));
  EXPECT_THAT(Ids("", "main"), ElementsAre(fallback));
  EXPECT_THAT(Ids("10.0.0.1", "main"), ElementsAre(fallback));
  EXPECT_TRUE(Ids("", "unknown").empty());
  EXPECT_LE(last_.ttl_ms(), 5000);
}

TEST_F(ServerTest, RsaAndEcdsaSideBySide) {
  const std::string rsa = Pair(CertBuilder("CN=r").Key(KeyType::kRsa2048).Dns("a.example"));
  const std::string ecdsa = Pair(CertBuilder("CN=e").Dns("a.example"));
  PutGateway({rsa, ecdsa});
  EXPECT_THAT(Ids("a.example"), ::testing::UnorderedElementsAre(rsa, ecdsa));
  EXPECT_EQ(last_.pairs(0).key_der(), "key of " + last_.pairs(0).certificate_id());
  EXPECT_EQ(last_.ttl_ms(), 60000);
}

TEST_F(ServerTest, ApisBeforeTheGatewayAndTheNewestOfEach) {
  const absl::Time now = TestNow();
  const std::string gateway =
      Pair(CertBuilder("CN=g").Dns("a.example").Valid(now - absl::Hours(1), now + absl::Hours(1)));
  const std::string old = Pair(
      CertBuilder("CN=o").Dns("a.example").Valid(now - absl::Hours(9), now + absl::Hours(9)), kOrg);
  const std::string renewed = Pair(
      CertBuilder("CN=n").Dns("a.example").Valid(now - absl::Hours(2), now + absl::Hours(2)), kOrg);
  PutGateway({gateway});
  v1::Api api = NewApi();
  api.add_server_certificate_ids(old);
  api.add_server_certificate_ids(renewed);
  api.add_groups("edge");
  world_.Put(api);
  EXPECT_THAT(Ids("a.example"), ElementsAre(renewed));
  EXPECT_THAT(Ids("a.example", "", now + absl::Hours(3)),
              ElementsAre(old));  // the renewed one has expired first
  EXPECT_THAT(Ids("a.example", "", now, ResolveScope{"inner", true}), ElementsAre(gateway));
  api.set_inactive(true);
  world_.Put(api);
  EXPECT_THAT(Ids("a.example"), ElementsAre(gateway));
}

TEST_F(ServerTest, OfSeveralObjectsTheOneWrittenLastAndItsVersions) {
  const absl::Time now = TestNow();
  const std::string one = Pair(
      CertBuilder("CN=1").Dns("x.example").Valid(now - absl::Hours(9), now + absl::Hours(9)), kOrg);
  const std::string two = Pair(
      CertBuilder("CN=2").Dns("x.example").Valid(now - absl::Hours(2), now + absl::Hours(2)), kOrg);
  PutObject("apisix/ssls/1", two, "1.3", "");
  PutObject("apisix/ssls/2", one, "", "1.2");
  EXPECT_THAT(Ids("a.example"), ElementsAre(one)) << "though the other certificate is newer";
  EXPECT_EQ(Versions(), "-1.2");
  PutObject("apisix/ssls/1", two, "1.3", "");
  EXPECT_THAT(Ids("a.example"), ElementsAre(two));
  EXPECT_EQ(Versions(), "1.3-");
  EXPECT_THAT(Ids("a.example", "", now + absl::Hours(3)), ElementsAre(one)) << "that one has ended";
  PutGateway({one});
  EXPECT_THAT(Ids("x.example"), ElementsAre(one));
  EXPECT_EQ(Versions(), "-");
}

TEST_F(ServerTest, VersionsOfAnObjectStayWhoeversCertificateIsInFront) {
  const absl::Time now = TestNow();
  const auto pair = [&](const char* name, int hours, absl::string_view org) {
    return Pair(
        CertBuilder(name).Dns("a.example").Valid(now - absl::Hours(hours), now + absl::Hours(9)),
        org);
  };
  const std::string newest = pair("CN=g", 1, ""), of_api = pair("CN=a", 8, kOrg);
  const std::string one = pair("CN=1", 2, kOrg), two = pair("CN=2", 3, kOrg);
  PutGateway({newest});
  PutObject("apisix/ssls/1", one, "1.3", "");
  EXPECT_THAT(Ids("a.example"), ElementsAre(one)) << "the gateway's is newer, and behind it";
  EXPECT_EQ(Versions(), "1.3-");
  PutObject("apisix/ssls/2", two, "", "1.2");
  EXPECT_THAT(Ids("a.example"), ElementsAre(two));
  EXPECT_EQ(Versions(), "-1.2");
  v1::Api api = NewApi();
  api.add_server_certificate_ids(of_api);
  world_.Put(api);
  EXPECT_THAT(Ids("a.example"), ElementsAre(of_api));
  EXPECT_EQ(Versions(), "-1.2");
}

TEST_F(ServerTest, VersionsAreOfAnObjectWhoseKeyOpens) {
  const std::string one = Pair(CertBuilder("CN=1").Dns("x.example"), kOrg);
  const std::string two = Pair(CertBuilder("CN=2").Dns("x.example"), kOrg);
  PutObject("apisix/ssls/1", one, "1.3", "");
  PutObject("apisix/ssls/2", two, "", "1.2");
  std::set<std::string> broken = {two};
  const auto versions = [&] {
    v1::ResolveServerRequest request;
    request.set_sni("a.example");
    const auto open = [&](const CertificateEntry& entry) -> absl::StatusOr<base::Secret> {
      if (broken.count(entry.id) != 0) return absl::DataLossError("x");
      return OpenForTest(entry);
    };
    last_ = ResolveServer(world_.snapshot(), request, TestNow(), open);
    return Versions();
  };
  EXPECT_EQ(versions(), "1.3-");
  broken.insert(one);
  EXPECT_EQ(versions(), "-");
}

TEST_F(ServerTest, ExpiredOrUnopenableOnesArePassedOver) {
  const std::string expired = Pair(CertBuilder("CN=1").Dns("a.example").Expired());
  const std::string wildcard = Pair(CertBuilder("CN=2").Dns("*.example"));
  PutGateway({expired, wildcard});
  EXPECT_THAT(Ids("a.example"), ElementsAre(wildcard));
  v1::ResolveServerRequest request;
  request.set_sni("a.example");
  const auto broken = [](const CertificateEntry&) -> absl::StatusOr<base::Secret> {
    return absl::DataLossError("x");
  };
  EXPECT_TRUE(ResolveServer(world_.snapshot(), request, TestNow(), broken).pairs().empty());
}

TEST_F(ServerTest, KeyStaysHereForOtherRoles) {
  PutGateway({Pair(CertBuilder("CN=1").Dns("a.example"))});
  EXPECT_EQ(Ids("a.example", "", TestNow(), ResolveScope{std::nullopt, false}).size(), 1U);
  EXPECT_TRUE(last_.pairs(0).key_der().empty());
  EXPECT_EQ(last_.pairs(0).chain_der_size(), 1);
}

}  // namespace
}  // namespace sallyport::authsvc
