#include "dataplane/tls/tls13_kdf.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "dataplane/tls/tls_library.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {
namespace {

using KdfContext = std::unique_ptr<EVP_KDF_CTX, crypto::FreeWith<EVP_KDF_CTX_free>>;

struct Question {
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  std::string digest = "SHA2-256";
  std::optional<std::string> key, salt, prefix, label, data;
};

class Tls13KdfTest : public ::testing::Test {
 protected:
  static KdfContext Make(OSSL_LIB_CTX* library) {
    EVP_KDF* const kdf = EVP_KDF_fetch(library, OSSL_KDF_NAME_TLS1_3_KDF, nullptr);
    KdfContext context(EVP_KDF_CTX_new(kdf));
    EVP_KDF_free(kdf);
    return context;
  }
  static std::vector<OSSL_PARAM> Params(Question* question) {
    std::vector<OSSL_PARAM> params = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &question->mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, question->digest.data(), 0)};
    const auto add = [&params](const char* name, std::optional<std::string>& text) {
      if (text.has_value())
        params.push_back(OSSL_PARAM_construct_octet_string(name, text->data(), text->size()));
    };
    add(OSSL_KDF_PARAM_KEY, question->key);
    add(OSSL_KDF_PARAM_SALT, question->salt);
    add(OSSL_KDF_PARAM_PREFIX, question->prefix);
    add(OSSL_KDF_PARAM_LABEL, question->label);
    add(OSSL_KDF_PARAM_DATA, question->data);
    params.push_back(OSSL_PARAM_construct_end());
    return params;
  }
  // Nothing: refused.
  static std::optional<std::string> Ask(EVP_KDF_CTX* context, Question question, size_t size) {
    const crypto::ErrorScope errors;
    std::string out(size, '\0');
    const std::vector<OSSL_PARAM> params = Params(&question);
    const int done =
        EVP_KDF_derive(context, reinterpret_cast<unsigned char*>(out.data()), size, params.data());
    return done == 1 ? std::make_optional(out) : std::nullopt;
  }
  std::optional<std::string> Ours(const Question& question, size_t size) const {
    return Ask(Make(library_->context()).get(), question, size);
  }
  static std::optional<std::string> OfOpenssl(const Question& question, size_t size) {
    return Ask(Make(nullptr).get(), question, size);
  }
  std::string Hex(const Question& question, size_t size) const {
    return absl::BytesToHexString(Ours(question, size).value_or("refused"));
  }
  static Question Extract(std::optional<std::string> salt, std::optional<std::string> key) {
    Question question;
    question.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
    question.salt = std::move(salt);
    question.key = std::move(key);
    question.prefix = "tls13 ";
    question.label = "derived";
    return question;
  }
  static Question Expand(std::string key, std::string label, std::string data) {
    Question question;
    question.key = std::move(key);
    question.prefix = "tls13 ";
    question.label = std::move(label);
    question.data = std::move(data);
    return question;
  }

  std::unique_ptr<TlsLibrary> library_ = *TlsLibrary::Create();
};

// RFC 8448 3.
TEST_F(Tls13KdfTest, GivesTheSecretsOfThePublishedTrace) {
  const std::string early =
      absl::HexStringToBytes("33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
  const std::string shared =
      absl::HexStringToBytes("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
  const std::string handshake =
      absl::HexStringToBytes("1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
  EXPECT_EQ(Ours(Extract(std::nullopt, std::nullopt), 32), early);
  EXPECT_EQ(Ours(Extract(early, shared), 32), handshake);
  const std::string nothing =
      absl::HexStringToBytes("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Expand(early, "derived", nothing), 32),
            "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
  EXPECT_EQ(Hex(Expand(handshake, "derived", nothing), 32),
            "43de77e0c77713859a944db9db2590b53190a65b3ee2e4f12dd7a0bb7ce254b4");
  EXPECT_EQ(Hex(Extract(handshake, std::nullopt), 32),
            "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");
}

TEST_F(Tls13KdfTest, AgreesWithOpenssl) {
  std::mt19937 random(1);
  const auto text = [&random](size_t size) {
    std::string made(size, '\0');
    for (char& byte : made) byte = static_cast<char>(random());
    return made;
  };
  for (int round = 0; round < 2000; ++round) {
    const bool wide = random() % 2 == 0;
    const size_t hash = wide ? 48 : 32;
    Question question;
    size_t size = hash;
    if (random() % 2 == 0) {
      question = Extract(text(hash), text(random() % 67));
      if (random() % 4 == 0) question.salt.reset();
      if (random() % 4 == 0 || question.key->empty()) question.key.reset();
    } else {
      question = Expand(text(hash), text(1 + random() % 20), text(random() % 49));
      if (question.data->empty()) question.data.reset();
      size = 1 + random() % 200;
    }
    question.digest = wide ? "SHA2-384" : "SHA2-256";
    const auto expected = OfOpenssl(question, size);
    ASSERT_TRUE(expected.has_value());
    ASSERT_EQ(Ours(question, size), expected) << "round " << round;
  }
}

TEST_F(Tls13KdfTest, TakesParametersBeforehandAndForgetsThemOnReset) {
  const Question question = Expand(std::string(32, 'k'), "key", "data");
  Question given = question;
  const auto context = Make(library_->context());
  const std::vector<OSSL_PARAM> params = Params(&given);
  ASSERT_EQ(EVP_KDF_CTX_set_params(context.get(), params.data()), 1);
  const KdfContext copy(EVP_KDF_CTX_dup(context.get()));
  const auto derive = [](EVP_KDF_CTX* from) {
    const crypto::ErrorScope errors;
    std::string out(32, '\0');
    return EVP_KDF_derive(from, reinterpret_cast<unsigned char*>(out.data()), 32, nullptr) == 1
               ? out
               : "refused";
  };
  const std::string expected = OfOpenssl(question, 32).value_or("none");
  EXPECT_EQ(derive(context.get()), expected);
  EVP_KDF_CTX_reset(context.get());
  EXPECT_EQ(derive(context.get()), "refused");
  EXPECT_EQ(derive(copy.get()), expected);
}

TEST_F(Tls13KdfTest, RefusesWhatTlsNeverAsks) {
  const Question good = Expand(std::string(32, 'k'), "key", "data");
  ASSERT_TRUE(Ours(good, 32).has_value());
  EXPECT_EQ(EVP_KDF_CTX_get_kdf_size(Make(library_->context()).get()), SIZE_MAX);

  Question wrong = good;
  wrong.digest = "SHA2-512";
  EXPECT_FALSE(Ours(wrong, 32).has_value());
  wrong.digest = "MD5";
  EXPECT_FALSE(Ours(wrong, 32).has_value());
  wrong = good;
  wrong.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
  EXPECT_FALSE(Ours(wrong, 32).has_value());
  for (const size_t size : {0u, 31u, 33u, 64u, 200u}) {
    wrong = good;
    wrong.key = std::string(size, 'k');
    EXPECT_FALSE(Ours(wrong, 32).has_value()) << size;
  }
  wrong = good;
  wrong.key.reset();
  EXPECT_FALSE(Ours(wrong, 32).has_value());
  wrong = good;
  wrong.label = std::string(250, 'l');
  EXPECT_FALSE(Ours(wrong, 32).has_value());
  wrong = good;
  wrong.data = std::string(65, 'd');
  EXPECT_FALSE(Ours(wrong, 32).has_value());
  EXPECT_FALSE(Ours(good, 255 * 32 + 1).has_value());
  EXPECT_FALSE(Ours(Extract(std::nullopt, std::nullopt), 31).has_value());
  EXPECT_FALSE(Ours(Extract(std::string(31, 's'), std::nullopt), 32).has_value());
  EXPECT_FALSE(Ours(Extract(std::nullopt, std::string(129, 'k')), 32).has_value());
}

}  // namespace
}  // namespace sallyport::dataplane
