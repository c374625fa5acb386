// Logins of keys and header values for upstreams on their way into the store and out of it.
#include "authsvc/change/login.h"

#include "authsvc/change/secret_names.h"
#include "shared/crypto/password.h"
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class StoredLoginTest : public WriterTest {
 protected:
  StoredLoginTest() { MustPut(ApiResource("a")); }
  static v1::Resource User(const std::string& id = "k", const std::string& name = "ali") {
    v1::Resource resource;
    v1::Key* const key = resource.mutable_key();
    key->set_id(id);
    key->set_org_id("org");
    key->add_access_rights()->set_api_id("a");
    key->mutable_basic_login()->set_username(name);
    return resource;
  }
  absl::StatusOr<WriteResult> PutWith(v1::Resource resource, absl::string_view name,
                                      const std::string& secret) {
    Mutation mutation = Put(std::move(resource));
    mutation.secret_data[std::string(name)] = base::Secret::CopyOf(secret);
    return Run(Of(std::move(mutation)));
  }
  std::string RefusalOf(v1::Resource resource, absl::string_view name, const std::string& secret) {
    const auto result = PutWith(std::move(resource), name, secret);
    const std::string text(result.status().message());
    if (!secret.empty()) EXPECT_THAT(text, Not(HasSubstr(secret)));
    return result.ok() ? "" : text;
  }
  bool IsPassword(const std::string& password) {
    const auto hash = writer_->OpenLoginHash(writer_->snapshot()->FindKey("k")->key);
    return hash.ok() && crypto::VerifyPassword(password, hash->Reveal());
  }
};

TEST_F(StoredLoginTest, IsStoredAsASealedHashAndNeverShown) {
  ASSERT_TRUE(PutWith(User(), kLoginPassword, "sesame").ok());
  EXPECT_TRUE(IsPassword("sesame"));
  EXPECT_FALSE(IsPassword("other"));
  const std::string stored = store_->Read(Kind::kKey, "k")->body;
  EXPECT_EQ(stored.find("sesame"), std::string::npos);
  EXPECT_EQ(stored.find("$y$"), std::string::npos);
  const auto read = writer_->ReadResource(Kind::kKey, "k");
  EXPECT_EQ(read->key().basic_login().username(), "ali");
  EXPECT_FALSE(read->key().basic_login().has_sealed_hash());
  v1::Resource listed;
  ASSERT_TRUE(writer_->snapshot()->ToResource(Kind::kKey, "k", &listed));
  EXPECT_FALSE(listed.key().basic_login().has_sealed_hash());
}

TEST_F(StoredLoginTest, StaysUntilAnotherPasswordComes) {
  ASSERT_TRUE(PutWith(User(), kLoginPassword, "sesame").ok());
  v1::Resource read = *writer_->ReadResource(Kind::kKey, "k");
  read.mutable_key()->set_alias("renamed");
  MustPut(read);
  EXPECT_TRUE(IsPassword("sesame"));
  const auto again = PutWith(read, kLoginPassword, "sesame");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->results.at(0).outcome, MutationResult::Outcome::kUnchanged);
  ASSERT_TRUE(PutWith(read, kLoginPassword, "other").ok());
  EXPECT_TRUE(IsPassword("other"));
  EXPECT_FALSE(IsPassword("sesame"));
}

TEST_F(StoredLoginTest, TakesAHashOfElsewhereThatIsGoodEnough) {
  const std::string hash = "$2b$08$abcdefghijklmnopqrstuu5o6c51BSX/KPQ0o000X4ljwXauTuVtC";
  ASSERT_TRUE(PutWith(User(), kLoginHash, hash).ok());
  EXPECT_TRUE(IsPassword("sesame"));
  EXPECT_THAT(RefusalOf(User(), kLoginHash, "$1$salt$hash"), HasSubstr("bcrypt"));
}

TEST_F(StoredLoginTest, RefusesWhatIsNone) {
  EXPECT_THAT(Refusal(User()), HasSubstr("password of this user name is required"));
  EXPECT_THAT(RefusalOf(User(), kLoginPassword, ""), HasSubstr("must not be empty"));
  EXPECT_THAT(RefusalOf(User("k", ""), kLoginPassword, "sesame"), HasSubstr("user name"));
  EXPECT_THAT(RefusalOf(User("k", "a:b"), kLoginPassword, "sesame"), HasSubstr("no colon"));
  EXPECT_THAT(RefusalOf(User("k", "a\n"), kLoginPassword, "sesame"), HasSubstr("no colon"));
  EXPECT_THAT(RefusalOf(User("k", std::string(256, 'a')), kLoginPassword, "sesame"),
              HasSubstr("255"));
  v1::Resource without = User();
  without.mutable_key()->clear_basic_login();
  EXPECT_THAT(RefusalOf(without, kLoginPassword, "sesame"), HasSubstr("without a user name"));
  EXPECT_THAT(RefusalOf(User(), "token", "sesame"), HasSubstr("no secret named"));
  v1::Resource given = User();
  given.mutable_key()->mutable_basic_login()->mutable_sealed_hash()->set_ciphertext("x");
  EXPECT_THAT(RefusalOf(given, kLoginPassword, "sesame"), HasSubstr("cannot be given"));
}

TEST_F(StoredLoginTest, AUserNameIsOneKeysInAnOrganisation) {
  ASSERT_TRUE(PutWith(User(), kLoginPassword, "sesame").ok());
  EXPECT_THAT(RefusalOf(User("k2"), kLoginPassword, "other"), HasSubstr("already that of key k"));
  v1::Resource elsewhere = User("k3");
  elsewhere.mutable_key()->set_org_id("other");
  EXPECT_TRUE(PutWith(elsewhere, kLoginPassword, "other").ok());
  ASSERT_TRUE(PutWith(User("k", "bob"), kLoginPassword, "sesame").ok());
  EXPECT_TRUE(PutWith(User("k2"), kLoginPassword, "other").ok()) << "the name is free again";
}

class CredentialTest : public StoredLoginTest {
 protected:
  static v1::Resource Sending(const std::string& url = "https://up.example/x",
                              const std::string& header = "Authorization") {
    v1::Resource resource = ApiResource("a");
    v1::Upstream* const upstream = resource.mutable_api()->mutable_upstream();
    upstream->clear_targets();
    upstream->add_targets()->set_url(url);
    upstream->mutable_credential()->set_header(header);
    return resource;
  }
  std::string Opened() {
    const SnapshotPtr now = writer_->snapshot();
    const auto value = writer_->OpenUpstreamCredential(*now, now->FindApi("a")->api);
    return value.ok() ? std::string(value->Reveal()) : std::string(value.status().message());
  }
};

TEST_F(CredentialTest, IsSealedAndNeverShown) {
  ASSERT_TRUE(PutWith(Sending(), kUpstreamCredential, "Basic YTpi").ok());
  EXPECT_EQ(Opened(), "Basic YTpi");
  EXPECT_EQ(store_->Read(Kind::kApi, "a")->body.find("YTpi"), std::string::npos);
  const auto read = writer_->ReadResource(Kind::kApi, "a");
  EXPECT_FALSE(read->api().upstream().credential().has_sealed_value());
  EXPECT_EQ(read->api().upstream().credential().header(), "Authorization");
}

TEST_F(CredentialTest, OfASecretIsNoKeyAndHasNoControlCharacter) {
  const auto put = [&](const std::string& user, const std::string& password) {
    v1::Resource secret;
    secret.mutable_secret()->set_id("default/login");
    secret.mutable_secret()->set_org_id("org");
    secret.mutable_secret()->set_type("Opaque");
    Mutation mutation = Put(secret);
    mutation.secret_data["user"] = base::Secret::CopyOf(user);
    mutation.secret_data["pass"] = base::Secret::CopyOf(password);
    ASSERT_TRUE(Run(Of(std::move(mutation))).ok());
  };
  const std::string key = "x-----BEGIN EC PRIVATE KEY----- AAAA";
  for (const bool basic : {true, false}) {
    put("alice", "sesame");
    v1::Resource api = Sending();
    v1::UpstreamCredential* const sent =
        api.mutable_api()->mutable_upstream()->mutable_credential();
    if (basic) sent->set_username_ref("name:secret/default/login/user");
    if (basic) sent->set_password_ref("name:secret/default/login/pass");
    if (!basic) sent->set_value_ref("name:secret/default/login/pass");
    MustPut(api);
    EXPECT_EQ(Opened(), basic ? "Basic YWxpY2U6c2VzYW1l" : "sesame");
    put("alice", key);
    EXPECT_THAT(Opened(), HasSubstr("Secret default/login (pass) is a private key"));
    EXPECT_THAT(Opened(), Not(HasSubstr("AAAA")));
    put("alice", "ses\name");
    EXPECT_THAT(Opened(), HasSubstr("control character"));
    if (!basic) continue;
    put("ali\x7f", "sesame");
    EXPECT_THAT(Opened(), HasSubstr("Secret default/login (user)"));
    put(key, "sesame");
    EXPECT_THAT(Opened(), HasSubstr("is a private key"));
  }
}

// Whoever may change an API must not send what he does not know to a place of his own.
TEST_F(CredentialTest, StaysForTheTargetsOfBeforeAlone) {
  ASSERT_TRUE(PutWith(Sending(), kUpstreamCredential, "Basic YTpi").ok());
  MustPut(Sending("https://up.example/other/path"));
  EXPECT_EQ(Opened(), "Basic YTpi");
  EXPECT_THAT(Refusal(Sending("https://evil.example/x")), HasSubstr("a target is new"));
  EXPECT_THAT(Refusal(Sending("http://up.example/x")), HasSubstr("a target is new"));
  EXPECT_THAT(Refusal(Sending("https://up.example:444/x")), HasSubstr("a target is new"));
  v1::Resource more = Sending();
  more.mutable_api()->mutable_upstream()->add_targets()->set_url("https://evil.example");
  EXPECT_THAT(Refusal(more), HasSubstr("a target is new"));
  EXPECT_THAT(Refusal(Sending("https://up.example/x", "x-key")), HasSubstr("is required"));
  v1::Resource proxied = Sending();
  proxied.mutable_api()->mutable_upstream()->mutable_forward_proxy()->set_url(
      "http://evil.example:3128");
  EXPECT_THAT(Refusal(proxied), HasSubstr("way of before"));
  v1::Resource unchecked = Sending();
  unchecked.mutable_api()->mutable_upstream()->mutable_tls()->set_insecure_skip_verify(true);
  EXPECT_THAT(Refusal(unchecked), HasSubstr("way of before"));
  ASSERT_TRUE(PutWith(more, kUpstreamCredential, "Basic eDp5").ok());
  EXPECT_EQ(Opened(), "Basic eDp5");
}

TEST_F(CredentialTest, RefusesWhatIsNoneAndHeadersOfItsOwn) {
  EXPECT_THAT(RefusalOf(Sending(), kUpstreamCredential, "a\r\nb"), HasSubstr("control character"));
  EXPECT_THAT(RefusalOf(Sending(), kUpstreamCredential, ""), HasSubstr("empty"));
  const auto refusal_of_header = [&](const std::string& name) {
    return RefusalOf(Sending("https://up.example/x", name), kUpstreamCredential, "hush-hush");
  };
  for (const char* const name : {"", "a b"})
    EXPECT_THAT(refusal_of_header(name), HasSubstr("is not a valid name"));
  for (const char* const name :
       {"Host", "Connection", "Transfer-Encoding", "X-Forwarded-Client-Cert", "Client-Cert"})
    EXPECT_THAT(refusal_of_header(name), HasSubstr("is written by the gateway itself"));
  const auto plain = PutWith(Sending("http://up.example/x"), kUpstreamCredential, "v");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_THAT(plain->AllWarnings(), Contains(HasSubstr("plain HTTP")));
}

// Values that stand in Secrets.
class CredentialPlacesTest : public CredentialTest {
 protected:
  static v1::Resource Naming(const std::string& value, const std::string& username,
                             const std::string& password) {
    v1::Resource resource = Sending();
    v1::UpstreamCredential* const credential =
        resource.mutable_api()->mutable_upstream()->mutable_credential();
    credential->set_value_ref(value);
    credential->set_username_ref(username);
    credential->set_password_ref(password);
    return resource;
  }
  void PutSecret(const std::map<std::string, std::string>& values, const std::string& org = "org") {
    v1::Resource resource;
    resource.mutable_secret()->set_id("default/login");
    resource.mutable_secret()->set_org_id(org);
    Mutation mutation = Put(std::move(resource));
    for (const auto& [key, value] : values) mutation.secret_data[key] = base::Secret::CopyOf(value);
    const auto result = Run(Of(std::move(mutation)));
    ASSERT_TRUE(result.ok()) << result.status();
  }
};

constexpr char kUserPlace[] = "name:secret/default/login/user";
constexpr char kPassPlace[] = "name:secret/default/login/pass";

TEST_F(CredentialPlacesTest, AreLookedUpWhereTheyStandNow) {
  MustPut(Naming("", kUserPlace, kPassPlace));
  EXPECT_THAT(Opened(), HasSubstr("Secret default/login (user) is not there yet"));
  EXPECT_THAT(writer_->snapshot()->Pending(10),
              Contains("Api a: upstream credential: Secret default/login (user)"));
  PutSecret({{"user", "a"}, {"pass", "b"}});
  EXPECT_EQ(Opened(), "Basic YTpi");
  EXPECT_THAT(writer_->snapshot()->Pending(10), ::testing::IsEmpty());
  PutSecret({{"user", "x"}, {"pass", "y"}});
  EXPECT_EQ(Opened(), "Basic eDp5");
  PutSecret({{"user", "x"}});
  EXPECT_THAT(Opened(), HasSubstr("(pass) is not there yet"));
  EXPECT_THAT(writer_->snapshot()->Pending(10),
              Contains("Api a: upstream credential: Secret default/login (pass)"));
}

TEST_F(CredentialPlacesTest, OfAnotherOrganisationOrOfNoUseAreClosed) {
  MustPut(Naming("", kUserPlace, kPassPlace));
  PutSecret({{"user", "a"}, {"pass", "b"}}, "other");
  EXPECT_THAT(Opened(), HasSubstr("is not there yet"));
  PutSecret({{"user", "a:b"}, {"pass", "b"}});
  EXPECT_THAT(Opened(), HasSubstr("no colon"));
  PutSecret({{"user", ""}, {"pass", "b"}});
  EXPECT_THAT(Opened(), HasSubstr("is empty"));
  MustPut(Naming("name:secret/default/login/key", "", ""));
  PutSecret({{"key", "k\r\nX: 1"}});
  EXPECT_THAT(Opened(), HasSubstr("control character"));
  PutSecret({{"key", "k-1"}});
  EXPECT_EQ(Opened(), "k-1");
}

TEST_F(CredentialPlacesTest, TakeThePlaceOfAValue) {
  ASSERT_TRUE(PutWith(Sending(), kUpstreamCredential, "Basic YTpi").ok());
  MustPut(Naming(kUserPlace, "", ""));
  EXPECT_THAT(Opened(), HasSubstr("is not there yet")) << "the value of before is gone";
  EXPECT_THAT(Refusal(Sending()), HasSubstr("is required"));
  EXPECT_THAT(RefusalOf(Naming(kUserPlace, "", ""), kUpstreamCredential, "hush"),
              HasSubstr("a value beside"));
}

TEST_F(CredentialPlacesTest, ThatAreNoneAreRefused) {
  EXPECT_THAT(Refusal(Naming(kUserPlace, kUserPlace, kPassPlace)), HasSubstr("the one or"));
  EXPECT_THAT(Refusal(Naming("", kUserPlace, "")), HasSubstr("go together"));
  EXPECT_THAT(Refusal(Naming("", "", kPassPlace)), HasSubstr("go together"));
  for (const char* const place :
       {"default/login/user", "name:login", "name:secret/login/user", "name:secret/default/login/",
        "name:configmap/default/login/user"})
    EXPECT_THAT(Refusal(Naming(place, "", "")), HasSubstr("NAMESPACE/NAME/KEY")) << place;
}

TEST_F(CredentialPlacesTest, KeepTheirSecretWhereItIs) {
  MustPut(Naming("", kUserPlace, kPassPlace));
  PutSecret({{"user", "a"}, {"pass", "b"}});
  const auto gone = [&](bool force) {
    Mutation mutation;
    mutation.op = Mutation::Op::kDelete;
    mutation.kind = Kind::kSecret;
    mutation.id = "default/login";
    mutation.force = force;
    return Run(Of(std::move(mutation))).status();
  };
  EXPECT_THAT(std::string(gone(false).message()), HasSubstr("in use by Api a"));
  EXPECT_TRUE(gone(true).ok());
  EXPECT_THAT(Opened(), HasSubstr("is not there yet"));
}

}  // namespace
}  // namespace sallyport::authsvc
