#include "authsvc/dialects/apisix/keyring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "shared/crypto/openssl.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Seal(const std::string& text, const std::string& key) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(key.data());
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  std::string out(text.size() + 32, '\0');
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  int size = 0, rest = 0;
  EXPECT_EQ(EVP_EncryptInit_ex(context, EVP_aes_128_cbc(), nullptr, bytes, bytes), 1);
  EXPECT_EQ(
      EVP_EncryptUpdate(context, to, &size, reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size())),
      1);
  EXPECT_EQ(EVP_EncryptFinal_ex(context, to + size, &rest), 1);
  EVP_CIPHER_CTX_free(context);
  out.resize(static_cast<size_t>(size + rest));
  return absl::Base64Escape(out);
}

constexpr char kPem[] = "-----BEGIN PRIVATE KEY-----";
constexpr char kOurs[] = "our own keyring!";

TEST(Keyring, OpensWhatTheShippedTextsSealed) {
  for (const char* const text : {"edd1c9f0985e76a2", "qeddd145sfvddff3"}) {
    Json ssl = {{"key", Seal(kPem, text)}, {"keys", {Seal(kPem, text), kPem, "$env://KEY"}}};
    EXPECT_THAT(Keyring().OpenPrivateKeys("ssls", &ssl), IsEmpty());
    EXPECT_EQ(ssl, (Json{{"key", kPem}, {"keys", {kPem, kPem, "$env://KEY"}}}));
  }
}

TEST(Keyring, NeedsTheTextThatItWasSealedWith) {
  const Json sealed = {{"tls", {{"client_key", Seal(kPem, kOurs)}}}};
  Json json = sealed;
  EXPECT_THAT(Keyring().OpenPrivateKeys("upstreams", &json), ElementsAre("tls.client_key"));
  EXPECT_EQ(json, sealed);
  EXPECT_TRUE(LooksSealed(TextAt(json, "tls.client_key")));
  EXPECT_THAT(Keyring({"another text: 16", kOurs}).OpenPrivateKeys("upstreams", &json), IsEmpty());
  EXPECT_EQ(TextAt(json, "tls.client_key"), kPem);
  json = {{"upstream", sealed}};
  EXPECT_THAT(Keyring().OpenPrivateKeys("routes", &json), ElementsAre("upstream.tls.client_key"));
  json = {{"key", "bm8ga2V5"}, {"keys", {kPem, "no key"}}};
  EXPECT_THAT(Keyring({"short"}).OpenPrivateKeys("ssls", &json), ElementsAre("key", "keys[1]"));
  EXPECT_EQ(TextAt(json, "keys[1]"), "no key");
  EXPECT_EQ(TextAt(json, "keys[7]"), "");
  EXPECT_EQ(TextAt(json, "keys"), "");
}

TEST(Keyring, SecretsOfConsumers) {
  const Keyring keyring({kOurs});
  const auto with = [](const std::string& key, const std::string& secret, bool base64) {
    return Json{{"plugins",
                 {{"key-auth", {{"key", key}}},
                  {"jwt-auth", {{"key", "k"}, {"secret", secret}, {"base64_secret", base64}}}}}};
  };
  const std::string random = "YWJjZGVmZ2hpamtsbW5vcA==";
  Json json = with(Seal("auth-one", kOurs), random, true);
  EXPECT_THAT(keyring.OpenSecrets("consumers", &json), IsEmpty());
  EXPECT_EQ(json, with("auth-one", random, true)) << "it says itself that it is base64";
  const Json sealed = with(Seal("auth-one", "another text: 16"), random, false);
  json = sealed;
  EXPECT_THAT(keyring.OpenSecrets("consumers", &json),
              ElementsAre("plugins.key-auth.key", "plugins.jwt-auth.secret"));
  EXPECT_EQ(json, sealed);
  EXPECT_THAT(keyring.OpenSecrets("routes", &json), IsEmpty());
  EXPECT_THAT(keyring.OpenPrivateKeys("consumers", &json), IsEmpty());
}

TEST(Keyring, WhatLooksSealed) {
  EXPECT_TRUE(LooksSealed(Seal("x", kOurs)));
  EXPECT_TRUE(LooksSealed(Seal(std::string(40, 'x'), kOurs))) << "48 bytes have no = behind them";
  for (const char* const text :
       {"", "auth-one-of-jack", "YWJj", "a long secret that nobody sealed",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"})
    EXPECT_FALSE(LooksSealed(text)) << text;
}

TEST(Keyring, WhatIsNoObjectIsLeftAlone) {
  for (const char* const text : {"[]", "{}", "7", "null", R"({"key":1})", R"({"keys":{}})",
                                 R"({"plugins":[]})", R"({"plugins":{"key-auth":[]}})",
                                 R"({"upstream":[]})", R"({"tls":7,"upstream":{"tls":1}})"}) {
    for (const char* const collection : {"ssls", "consumers", "upstreams", "routes", "x"}) {
      Json json = Json::parse(text);
      EXPECT_THAT(Keyring().OpenPrivateKeys(collection, &json), IsEmpty());
      EXPECT_THAT(Keyring().OpenSecrets(collection, &json), IsEmpty());
      EXPECT_EQ(json, Json::parse(text));
    }
  }
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apisix
