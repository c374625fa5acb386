#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "authsvc/admin/key_lookup.h"
#include "shared/base/text.h"
#include "tests/unit/authsvc/admin/admin_fixture.h"

namespace sallyport::authsvc::admin {
namespace {

using sallyport::testing::CertBuilder;
using sallyport::testing::TestCert;
using ::testing::HasSubstr;

class KeysTest : public AdminTest {
 protected:
  KeysTest() { AddApi(Classic("a1")); }

  Json Create(const Json& session) {
    return Expect(200, Call("POST", "/tyk/keys/create", session.dump()));
  }
  Json WithCertificate(const std::string& id) {
    Json session = Session("a1");
    session["certificate"] = id;
    return session;
  }
  const KeyEntry* ByLeaf(const TestCert& certificate) {
    held_ = writer_->snapshot();
    Digest digest{};
    EXPECT_TRUE(FingerprintOf("org" + base::Hex(certificate.cert->fingerprint), &digest));
    return held_->FindKeyByLeaf("org", digest);
  }
  const KeyEntry* ByToken(const std::string& token) {
    held_ = writer_->snapshot();
    return held_->FindKeyByToken(crypto::Sha256(token));
  }
  SnapshotPtr held_;
};

TEST_F(KeysTest, LifeOfATokenKey) {
  Json session = Session("a1");
  session["alias"] = "someone";
  session["x_mine"] = {{"kept", true}};
  const Json created = Create(session);
  EXPECT_EQ(created["status"], "ok");
  EXPECT_EQ(created["action"], "added");
  const std::string token = created["key"];
  EXPECT_EQ(token.substr(0, 3), "org");
  EXPECT_EQ(token.size(), 3u + 64u);
  ASSERT_NE(ByToken(token), nullptr);
  const std::string id = created["key_hash"];
  EXPECT_EQ(ByToken(token)->key.id(), id);
  for (const std::string& name : {token, id}) {
    const Json read = Expect(200, Call("GET", "/tyk/keys/" + name));
    EXPECT_EQ(read["alias"], "someone");
    EXPECT_EQ(read["x_mine"], session["x_mine"]);
    EXPECT_EQ(read["date_created"], "2026-06-01T00:00:00Z");
  }
  session["alias"] = "other";
  EXPECT_EQ(Expect(200, Call("PUT", "/tyk/keys/" + token, session.dump()))["action"], "modified");
  EXPECT_NE(ByToken(token), nullptr) << "the token stays";
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys/" + token))["alias"], "other");
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys"))["keys"], Json({id}));
  EXPECT_EQ(Expect(200, Call("DELETE", "/tyk/keys/" + token))["action"], "deleted");
  ExpectError(404, "Key not found", Call("GET", "/tyk/keys/" + token));
  ExpectError(404, "There is no such key found", Call("DELETE", "/tyk/keys/" + token));
  ExpectError(404, "Key is not found", Call("PUT", "/tyk/keys/" + token, session.dump()));
}

TEST_F(KeysTest, TokensDifferAndAreNotStored) {
  const std::string one = Create(Session("a1"))["key"];
  const std::string two = Create(Session("a1"))["key"];
  EXPECT_NE(one, two);
  EXPECT_FALSE(
      absl::StrContains(Call("GET", "/tyk/keys").body + Call("GET", "/tyk/keys/" + one).body, one));
}

TEST_F(KeysTest, TheKeyOfACertificateIsItsIdAndNoToken) {
  const TestCert certificate = CertBuilder("CN=c").SelfSign();
  const std::string id = AddCertificate(certificate.Pem());
  const Json created = Create(WithCertificate(id));
  EXPECT_EQ(created, Json({{"key", id}, {"status", "ok"}, {"action", "added"}}));
  ASSERT_NE(ByLeaf(certificate), nullptr);
  EXPECT_EQ(ByLeaf(certificate)->key.token_sha256_size(), 0);
  EXPECT_EQ(ByToken(id), nullptr) << "the id never authenticates";
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys/" + id))["certificate"], id);
  ExpectError(500, "Failed to create key - Key with given certificate already found:" + id,
              Call("POST", "/tyk/keys/create", WithCertificate(id).dump()));
}

TEST_F(KeysTest, ACertificateThatIsNotThereYetIsTakenAndWaits) {
  const TestCert certificate = CertBuilder("CN=later").SelfSign();
  const std::string id = "org" + base::Hex(certificate.cert->fingerprint);
  EXPECT_EQ(Create(WithCertificate(id))["key"], id);
  EXPECT_EQ(ByLeaf(certificate), nullptr);
  AddCertificate(certificate.Pem());
  EXPECT_NE(ByLeaf(certificate), nullptr);
}

TEST_F(KeysTest, InlinePemIsStoredWithoutItsKey) {
  const TestCert certificate = CertBuilder("CN=pem").SelfSign();
  const std::string id = "org" + base::Hex(certificate.cert->fingerprint);
  EXPECT_EQ(Create(WithCertificate(certificate.Pem() + certificate.KeyPem()))["key"], id);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/certs/" + id))["has_private"], false);
}

TEST_F(KeysTest, ANewCertificateCountsAtOnce) {  // Q15
  const TestCert old_one = CertBuilder("CN=old").SelfSign();
  const TestCert new_one = CertBuilder("CN=new").SelfSign();
  const std::string old_id = AddCertificate(old_one.Pem());
  const std::string new_id = AddCertificate(new_one.Pem());
  Create(WithCertificate(old_id));
  Expect(200, Call("PUT", "/tyk/keys/" + old_id, WithCertificate(new_id).dump()));
  EXPECT_EQ(ByLeaf(old_one), nullptr);
  ASSERT_NE(ByLeaf(new_one), nullptr);
  EXPECT_EQ(ByLeaf(new_one)->key.id(), old_id) << "the same key, with its counters";
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys/" + new_id))["certificate"], new_id);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys/" + old_id))["certificate"], new_id);
  // The old certificate is free for a key of its own, and its id then means that one.
  Json second = WithCertificate(old_id);
  second["alias"] = "second";
  EXPECT_EQ(Create(second)["key"], old_id);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys/" + old_id))["alias"], "second");
  EXPECT_NE(ByLeaf(old_one)->key.id(), ByLeaf(new_one)->key.id());
}

TEST_F(KeysTest, CertificatesOfAPut) {
  const std::string one = AddCertificate(CertBuilder("CN=1").SelfSign().Pem());
  const std::string two = AddCertificate(CertBuilder("CN=2").SelfSign().Pem());
  Create(WithCertificate(one));
  Create(WithCertificate(two));
  ExpectError(400, "Key cannot be used without a certificate",
              Call("PUT", "/tyk/keys/" + one, Session("a1").dump()));
  ExpectError(
      400, "Key must be used with an existent certificate",
      Call("PUT", "/tyk/keys/" + one, WithCertificate("org" + std::string(64, '0')).dump()));
  const auto taken = Call("PUT", "/tyk/keys/" + one, WithCertificate(two).dump());
  EXPECT_EQ(taken.status, 500);
  EXPECT_THAT(taken.body, HasSubstr("Key with given certificate already found:" + two));
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys/" + one))["certificate"], one);
}

TEST_F(KeysTest, SuppressResetKeepsTheCounters) {
  const std::string token = Create(Session("a1"))["key"];
  clock_.Advance(absl::Hours(1));
  Expect(200, Call("PUT", "/tyk/keys/" + token + "?suppress_reset=1", Session("a1").dump()));
  EXPECT_EQ(ByToken(token)->key.quota_reset_unix(), 0);
  Expect(200, Call("PUT", "/tyk/keys/" + token, Session("a1").dump()));
  EXPECT_EQ(ByToken(token)->key.quota_reset_unix(), absl::ToUnixSeconds(clock_.Now()));
}

TEST_F(KeysTest, WhatIsNotCreated) {
  ExpectError(500, "Unmarshalling failed", Call("POST", "/tyk/keys/create", "{"));
  ExpectError(500, "Unmarshalling failed", Call("POST", "/tyk/keys/create", "[]"));
  ExpectError(400, "Failed to create key, keys must have at least one Access Rights record set.",
              Call("POST", "/tyk/keys/create", R"({"org_id": "org"})"));
  const auto refused = [&](const char* field, const Json& value, int status,
                           const std::string& word) {
    Json session = Session("a1");
    session[field] = value;
    const auto response = Call("POST", "/tyk/keys/create", session.dump());
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_THAT(response.body, HasSubstr(word));
  };
  refused("apply_policies", {"nowhere"}, 500, "Policy not found: nowhere");
  refused("mtls_static_certificate_bindings", {"other" + std::string(64, '0')}, 400,
          "invalid certificate ID: other");
  refused("mtls_static_certificate_bindings", {"org" + std::string(64, '0')}, 400,
          "certificate not found: org0");
  refused("certificate", "not-an-id", 400, "invalid certificate ID: not-an-id");
  refused("certificate", "other" + std::string(64, '0'), 400, "invalid certificate ID");
  refused("basic_auth_data", {{"password", "x"}}, 400, "basic_auth_data");
  refused("is_inactiv", true, 400, "is_inactive");
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys"))["keys"], Json::array());
}

TEST_F(KeysTest, MasterKeysOnlyWhereAllowed) {
  options_.allow_master_keys = true;
  api_.reset();
  const std::string token = Create({{"org_id", "org"}})["key"];
  EXPECT_TRUE(ByToken(token)->key.all_apis());
}

TEST_F(KeysTest, CustomKeysWorkWithAndWithoutTheOrg) {
  const Json created = Expect(200, Call("POST", "/tyk/keys/my-token", Session("a1").dump()));
  EXPECT_EQ(created["key"], "orgmy-token");
  ASSERT_NE(ByToken("my-token"), nullptr);
  EXPECT_EQ(ByToken("my-token"), ByToken("orgmy-token"));
  EXPECT_EQ(Call("GET", "/tyk/keys/my-token").status, 200);
  Json changed = Session("a1");
  changed["alias"] = "again";
  EXPECT_EQ(Expect(200, Call("POST", "/tyk/keys/my-token", changed.dump()))["action"], "added");
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys"))["keys"].size(), 1u);
  ExpectError(400, "Request malformed", Call("POST", "/tyk/keys/other", "{"));
  EXPECT_EQ(Call("POST", "/tyk/keys/ab", Session("a1").dump()).status, 400);
}

TEST_F(KeysTest, ACertificateIdNeverBecomesAToken) {
  const TestCert certificate = CertBuilder("CN=c").SelfSign();
  const std::string id = AddCertificate(certificate.Pem());
  for (const std::string& name : {id, id.substr(3)}) {
    const auto refused = Call("POST", "/tyk/keys/" + name, Session("a1").dump());
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(ByToken(name), nullptr);
  }
  // With the certificate in the session it is the key of the certificate, as `create` makes it.
  EXPECT_EQ(Expect(200, Call("POST", "/tyk/keys/" + id, WithCertificate(id).dump()))["key"], id);
  EXPECT_EQ(ByToken(id), nullptr);
  EXPECT_NE(ByLeaf(certificate), nullptr);
}

TEST_F(KeysTest, AUserNamedLikeACertificateDoesNotStandBeforeItsKey) {
  const TestCert certificate = CertBuilder("CN=c").SelfSign();
  const std::string id = AddCertificate(certificate.Pem());
  Json user = Session("a1");
  user["alias"] = "the user";
  user["basic_auth_data"] = {{"password", "a good password"}};
  Expect(200, Call("POST", "/tyk/keys/" + id, user.dump()));
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys/" + id))["alias"], "the user");
  Json session = WithCertificate(id);
  session["alias"] = "of the certificate";
  Create(session);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys/" + id))["alias"], "of the certificate");
}

TEST_F(KeysTest, AKeyDoesNotMoveToAnotherOrg) {
  const std::string token = Create(Session("a1"))["key"];
  Json session = Session("a1");
  session["org_id"] = "other";
  EXPECT_EQ(Call("PUT", "/tyk/keys/" + token, session.dump()).status, 400);
}

TEST_F(KeysTest, ListFilters) {
  AddApi(Classic("a2"));
  const std::string one = Create(Session("a1"))["key_hash"];
  const std::string two = Create(Session("a2"))["key_hash"];
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys?api_id=a2"))["keys"], Json({two}));
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys?org_id=none"))["keys"], Json::array());
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys?filter=" + one.substr(0, 20)))["keys"], Json({one}));
  ExpectError(404, "Key not found", Call("GET", "/tyk/keys/nobody?hashed=1"));
}

TEST_F(KeysTest, PreviewAppliesPolicies) {
  Expect(200, Call("POST", "/tyk/policies",
                   R"({"id": "gold", "org_id": "org", "rate": 7, "per": 60, "quota_max": 5,
      "active": true, "access_rights": {"a1": {"api_id": "a1"}}})"));
  const Json shown = Expect(
      200, Call("POST", "/tyk/keys/preview", R"({"org_id": "org", "apply_policies": ["gold"]})"));
  EXPECT_EQ(shown["rate"], 7);
  EXPECT_EQ(shown["quota_max"], 5);
  EXPECT_TRUE(shown["access_rights"].contains("a1"));
  EXPECT_EQ(Call("POST", "/tyk/keys/preview", R"({"apply_policies": ["none"]})").status, 500);
  EXPECT_EQ(Expect(200, Call("GET", "/tyk/keys"))["keys"], Json::array());
}

}  // namespace
}  // namespace sallyport::authsvc::admin
