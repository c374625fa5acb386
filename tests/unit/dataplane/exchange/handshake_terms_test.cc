#include "dataplane/exchange/handshake_terms.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::dataplane {
namespace {

constexpr char kName[] = "db.test";
constexpr char kAes256[] = "TLS_AES_256_GCM_SHA384", kAes128[] = "TLS_AES_128_GCM_SHA256";

// A stream to an API at port 5000, and the definitions of now.
class HandshakeTermsTest : public ::testing::Test {
 protected:
  HandshakeTermsTest() {
    listener_.id = "tcp-5000";
    listener_.socket = ListenerPlace("::", 5000);
    listener_.route_place = StreamPlace(5000);
    peer_.tls = true;
    peer_.sni = kName;
    peer_.protocol = "TLSv1.2";
    peer_.cipher = "ECDHE-ECDSA-AES256-GCM-SHA384";
    stream_ = {nullptr, &peer_, &listener_, 0};
    PutApi(/*certificate=*/false);
  }

  void PutApi(bool certificate) {
    auto route = std::make_shared<Route>();
    route->api_id = "db";
    route->protocol = ApiProtocol::kTls;
    route->listen_port = 5000;
    route->hosts = {kName};
    route->static_mtls = certificate ? Requirement::kMandatory : Requirement::kOff;
    view_.routes = RouteTable::Empty()->With({route}, {});
  }
  // By the listener's place, and with none of it: with certificates.
  void Offer(std::vector<OfferedTlsNames> here, std::vector<OfferedTlsNames> everywhere = {}) {
    here_ = std::move(here);
    everywhere_ = std::move(everywhere);
    view_.offered_tls = OfferedTlsTable::Make(
        {{"offers", "::", 5000, here_}, {"/certificates", "", 0, everywhere_}});
  }
  void Validate(std::vector<StrictNames> names) {
    strict_ = std::move(names);
    view_.strict = StrictTable::Make({{"strict", "::", 5000, strict_}});
  }
  [[nodiscard]] uint64_t Version() const {
    HostMemo memo;
    return TermsFor(view_, listener_, kName, &memo).version;
  }
  [[nodiscard]] bool Stands(const OfferedTls& own = {}) const {
    return HandshakeStands(stream_, view_, own);
  }

  ListenerStyle listener_;
  TlsPeer peer_;
  LivingStream stream_;
  GatewayView view_;

 private:
  std::vector<OfferedTlsNames> here_, everywhere_;
  std::vector<StrictNames> strict_;
};

OfferedTlsNames Offers(std::vector<std::string> names, const char* min, const char* max,
                       const std::vector<std::string>& ciphers = {}) {
  return {std::move(names), MakeOfferedTls(min, max, ciphers)};
}

StrictNames Strictly(std::vector<std::string> bundles) {
  StrictRule rule;
  rule.trust_bundle_ids = std::move(bundles);
  return {{kName}, MakeStrictRule(std::move(rule))};
}

TEST_F(HandshakeTermsTest, EverySettingOfTheNameIsInTheVersion) {
  std::vector<uint64_t> versions = {Version()};
  Offer({Offers({kName}, "1.3", "")});
  versions.push_back(Version());
  Validate({Strictly({"a"})});
  versions.push_back(Version());
  Offer({});
  versions.push_back(Version());
  PutApi(/*certificate=*/true);
  versions.push_back(Version());
  for (size_t i = 0; i < versions.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(versions[i], versions[j]) << i << " " << j;
  }
}

TEST_F(HandshakeTermsTest, AStreamStandsWhileNothingHasChanged) {
  EXPECT_TRUE(Stands());
  Offer({Offers({"other.test"}, "1.3", "")}, {Offers({"other.test"}, "1.3", "")});
  Validate({{{"other.test"}, Strictly({"a"}).rule}});
  EXPECT_TRUE(Stands());
}

TEST_F(HandshakeTermsTest, AVersionThatIsNotTakenAnyMore) {
  Offer({Offers({kName}, "1.2", "1.3")});
  EXPECT_TRUE(Stands()) << "it may be newer, and need not";
  Offer({Offers({kName}, "1.3", "")});
  EXPECT_FALSE(Stands());
  Offer({Offers({"*.test"}, "1.3", "")});
  EXPECT_FALSE(Stands());
  peer_.protocol = "TLSv1.3";
  EXPECT_TRUE(Stands());
  Offer({Offers({kName}, "", "1.2")});
  EXPECT_FALSE(Stands());
}

TEST_F(HandshakeTermsTest, ACipherThatIsNotTakenAnyMore) {
  peer_.protocol = "TLSv1.3";
  peer_.cipher = kAes128;
  Offer({Offers({kName}, "", "", {kAes256, kAes128})});
  EXPECT_TRUE(Stands());
  Offer({Offers({kName}, "", "", {kAes256})});
  EXPECT_FALSE(Stands());
}

TEST_F(HandshakeTermsTest, WhatTheNameDoesNotSayIsTheListeners) {
  const OfferedTls newer = *MakeOfferedTls("1.3", "1.3", {});
  EXPECT_FALSE(Stands(newer));
  Offer({Offers({kName}, "1.2", "")});
  EXPECT_TRUE(Stands(newer));
}

TEST_F(HandshakeTermsTest, AVersionOfTheNamesCertificate) {
  Offer({}, {Offers({kName}, "1.3", "")});
  EXPECT_FALSE(Stands());
  EXPECT_FALSE(TakesVersionOf(peer_, view_, kName));
  peer_.served_version = MakeOfferedTls("1.3", "", {})->version;
  EXPECT_TRUE(Stands()) << "an exact name's certificate: the handshake was by this rule";
  Offer({}, {Offers({kName}, "1.3", "1.3")});
  EXPECT_FALSE(Stands());
}

TEST_F(HandshakeTermsTest, ACertificateThatItWasNotAskedFor) {
  PutApi(/*certificate=*/true);
  EXPECT_FALSE(Stands());
  peer_.asked_for_certificate = true;
  EXPECT_TRUE(Stands());
  PutApi(/*certificate=*/false);
  EXPECT_TRUE(Stands()) << "that less would do ends nothing";
}

TEST_F(HandshakeTermsTest, ACertificateThatWasValidatedByAnotherRule) {
  peer_.asked_for_certificate = true;
  Validate({Strictly({"a"})});
  EXPECT_FALSE(Stands());
  stream_.strict_version = Strictly({"a"}).rule->version;
  EXPECT_TRUE(Stands());
  Validate({Strictly({"b"})});
  EXPECT_FALSE(Stands());
  Validate({});
  EXPECT_TRUE(Stands());
}

TEST_F(HandshakeTermsTest, WithoutTlsThereIsNoHandshake) {
  peer_ = {};
  Offer({Offers({}, "1.3", "")}, {Offers({kName}, "1.3", "")});
  Validate({{{}, Strictly({"a"}).rule}});
  PutApi(/*certificate=*/true);
  EXPECT_TRUE(Stands());
}

}  // namespace
}  // namespace sallyport::dataplane
