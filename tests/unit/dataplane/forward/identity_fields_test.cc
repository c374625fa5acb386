#include "dataplane/forward/identity_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/authorize/facts.h"
#include "dataplane/sync/decision.h"

namespace sallyport::dataplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kHex[] = "ab12";

Identity Alice() {
  Identity identity;
  identity.name = "alice";
  identity.key_id = "k1";
  identity.metadata = {{"team", "blue"}};
  identity.certificate.emplace();
  identity.certificate->fingerprint = kHex;
  identity.certificate->subject = "CN=alice";
  identity.certificate_verified = true;
  identity.path_der = {"CA"};
  return identity;
}

PeerCertificatePtr Peer(const std::string& hex = kHex) {
  return std::make_shared<const PeerCertificate>(PeerDigest{}, PeerDigest{}, hex,
                                                 std::vector<std::string>{"LEAF", "SENT ALONG"});
}

IdentityRules AllRules() {
  IdentityRules rules;
  rules.client_cert = rules.client_cert_chain = true;
  for (const char* text : {"{cert.subject}", "{key.meta.team}"})
    rules.headers.emplace_back(std::string("X-") + text[1], *header::IdentityTemplate::Parse(text));
  return rules;
}

std::vector<std::pair<std::string, std::string>> Told(const IdentityFields& fields) {
  std::vector<std::pair<std::string, std::string>> told;
  for (const HeaderField& field : fields.fields())
    told.emplace_back(std::string(field.name), std::string(field.value));
  return told;
}

TEST(IdentityFields, ByDefaultAnXfccElementAlone) {
  const IdentityRules rules;
  const IdentityFields fields(rules, Alice(), Peer().get());
  EXPECT_EQ(fields.xfcc(), "Hash=ab12;Subject=\"CN=alice\"");
  EXPECT_THAT(fields.fields(), IsEmpty());
  EXPECT_EQ(fields.bytes(), fields.xfcc().size());
}

TEST(IdentityFields, TheLeafItselfTheVerifiedPathAndNamedHeaders) {
  const IdentityRules rules = AllRules();
  const PeerCertificatePtr peer = Peer();
  const IdentityFields fields(rules, Alice(), peer.get());
  EXPECT_THAT(Told(fields),
              ElementsAre(Pair("Client-Cert", ":TEVBRg==:"), Pair("Client-Cert-Chain", ":Q0E=:"),
                          Pair("X-c", "CN=alice"), Pair("X-k", "blue")));
  EXPECT_EQ(fields.bytes(), fields.xfcc().size() + 11 + 10 + 17 + 6 + 3 + 8 + 3 + 4);
}

TEST(IdentityFields, NothingIsToldOfACertificateThatNobodyVerified) {
  Identity identity = Alice();
  identity.certificate_verified = false;
  const PeerCertificatePtr peer = Peer();
  const IdentityRules rules = AllRules();
  const IdentityFields fields(rules, identity, peer.get());
  EXPECT_EQ(fields.xfcc(), "");
  EXPECT_THAT(Told(fields), ElementsAre(Pair("X-k", "blue")));  // the key is known by its token
  identity = Identity();
  const IdentityFields nobody(rules, identity, peer.get());
  EXPECT_THAT(nobody.fields(), IsEmpty());
  EXPECT_EQ(nobody.bytes(), 0u);
}

TEST(IdentityFields, NoOtherLeafIsPassedForTheVerifiedOne) {
  IdentityRules rules = AllRules();
  rules.parts = {true, true, true, false, false, false};
  const Identity identity = Alice();
  const PeerCertificatePtr other = Peer("ff");
  for (const PeerCertificate* peer : {other.get(), static_cast<const PeerCertificate*>(nullptr)}) {
    const IdentityFields fields(rules, identity, peer);
    EXPECT_EQ(fields.xfcc(), "Hash=ab12");
    EXPECT_THAT(Told(fields), ElementsAre(Pair("X-c", "CN=alice"), Pair("X-k", "blue")));
  }
}

TEST(IdentityFields, ChainOnlyWhereThereIsAPath) {
  Identity identity = Alice();
  identity.path_der.clear();
  const IdentityRules rules = AllRules();
  const PeerCertificatePtr peer = Peer();
  const IdentityFields fields(rules, identity, peer.get());
  EXPECT_EQ(fields.fields()[0].name, "Client-Cert");
  EXPECT_EQ(fields.fields()[1].name, "X-c");
}

TEST(IdentityFields, ModesWithoutAnElementOfOurs) {
  IdentityRules rules;
  const Identity identity = Alice();
  for (const XfccMode mode :
       {XfccMode::kSanitize, XfccMode::kForwardOnly, XfccMode::kAlwaysForwardOnly}) {
    rules.xfcc = mode;
    EXPECT_EQ(IdentityFields(rules, identity, nullptr).xfcc(), "");
  }
  rules.xfcc = XfccMode::kAppendForward;
  EXPECT_NE(IdentityFields(rules, identity, nullptr).xfcc(), "");
}

std::string Forwarded(const HeaderFields& fields) {
  const auto text = ForwardedXfcc(fields, "x-forwarded-client-cert");
  return text.ok() ? *text : "refused";
}

TEST(ForwardedXfcc, AllOfThemInOrder) {
  EXPECT_EQ(Forwarded({}), "");
  EXPECT_EQ(Forwarded({{"X-Forwarded-Client-Cert", "Hash=aa"}, {"Accept", "*/*"}}), "Hash=aa");
  EXPECT_EQ(Forwarded({{"X-Forwarded-Client-Cert", "Hash=aa"},
                       {"x-forwarded-client-cert", "Hash=bb;URI=u"}}),
            "Hash=aa,Hash=bb;URI=u");
}

TEST(ForwardedXfcc, NoOtherSpellingAndNothingThatIsForUsAlone) {
  EXPECT_EQ(Forwarded({{"X_Forwarded_Client_Cert", "Hash=aa"}}), "");
  EXPECT_EQ(Forwarded({{"X-Forwarded-Client-Cert", "Hash=aa"},
                       {"Connection", "close, X-Forwarded-Client-Cert"}}),
            "");
  EXPECT_EQ(Forwarded({{"X-Forwarded-Client-Cert", "Hash=aa"},
                       {"Connection", "x_forwarded_client_cert"}}),
            "");
}

TEST(ForwardedXfcc, WhatCouldSwallowTheNextElementIsRefused) {
  for (const char* value : {"", "Hash=aa;Subject=\"CN=x", "URI=a\"b", "nothing", "Hash=\xc3\xa9"})
    EXPECT_EQ(Forwarded({{"X-Forwarded-Client-Cert", value}}), "refused") << value;
  EXPECT_EQ(Forwarded({{"X-Forwarded-Client-Cert", "Hash=aa;Subject=\"a"},
                       {"X-Forwarded-Client-Cert", "b\";Hash=bb"}}),
            "refused");
}

}  // namespace
}  // namespace sallyport::dataplane
