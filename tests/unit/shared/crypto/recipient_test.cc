#include "shared/crypto/recipient.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "shared/crypto/openssl.h"

namespace sallyport::crypto {
namespace {

using ::testing::HasSubstr;

constexpr absl::string_view kKey = "0123456789abcdef0123456789abcdef";

struct Pair {
  std::string public_pem, private_pem;
};

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

Pair MakePair(EVP_PKEY* made) {
  const UniquePkey key(made);
  const UniqueBio open(BIO_new(BIO_s_mem()));
  const UniqueBio closed(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(open.get(), key.get());
  PEM_write_bio_PrivateKey(closed.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {Text(open.get()), Text(closed.get())};
}
Pair X25519() { return MakePair(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")); }
Pair Curve(const char* name) { return MakePair(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", name)); }
Pair Rsa(size_t bits) { return MakePair(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits)); }

TEST(Recipient, EveryKindOfKeyThatCanBeWrappedForGetsItOut) {
  for (const Pair& pair : {X25519(), Curve("P-256"), Curve("P-521"), Rsa(2048)}) {
    const auto wrapped = WrapForPublicKey(pair.public_pem, kKey);
    ASSERT_TRUE(wrapped.ok()) << wrapped.status();
    EXPECT_EQ(wrapped->recipient.size(), 64U);
    EXPECT_EQ(wrapped->wrapped.find(std::string(kKey)), std::string::npos);
    const auto opened = UnwrapWithPrivateKey(pair.private_pem, *wrapped);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->Reveal(), kKey);
  }
}

TEST(Recipient, NobodyElseGetsItOut) {
  const Pair pair = X25519();
  const auto wrapped = WrapForPublicKey(pair.public_pem, kKey);
  ASSERT_TRUE(wrapped.ok());
  for (const Pair& other : {X25519(), Curve("P-256"), Rsa(2048)}) {
    const auto opened = UnwrapWithPrivateKey(other.private_pem, *wrapped);
    EXPECT_THAT(opened.status().message(), HasSubstr("another key than the one"));
    WrappedKey claimed = *wrapped;  // as if it were theirs
    claimed.recipient = WrapForPublicKey(other.public_pem, kKey)->recipient;
    EXPECT_FALSE(UnwrapWithPrivateKey(other.private_pem, claimed).ok());
  }
  EXPECT_THAT(UnwrapWithPrivateKey(pair.public_pem, *wrapped).status().message(),
              HasSubstr("no private key"));
  EXPECT_FALSE(UnwrapWithPassphrase("correct horse battery", *wrapped).ok());
}

TEST(Recipient, WeakCurvesAreRefused) {
  for (const char* const weak : {"P-192", "secp160r1", "secp112r1"}) {
    const auto wrapped = WrapForPublicKey(Curve(weak).public_pem, kKey);
    EXPECT_THAT(std::string(wrapped.status().message()), HasSubstr("fewer than 224 bits")) << weak;
  }
  EXPECT_TRUE(WrapForPublicKey(Curve("P-224").public_pem, kKey).ok());
}

TEST(Recipient, WhatWasChangedIsNotOpened) {
  for (const Pair& pair : {X25519(), Curve("P-256"), Rsa(2048)}) {
    const auto wrapped = WrapForPublicKey(pair.public_pem, kKey);
    ASSERT_TRUE(wrapped.ok());
    for (const size_t at : {size_t{0}, wrapped->wrapped.size() / 2, wrapped->wrapped.size() - 1}) {
      WrappedKey changed = *wrapped;
      changed.wrapped[at] = static_cast<char>(changed.wrapped[at] ^ 1);
      const auto opened = UnwrapWithPrivateKey(pair.private_pem, changed);
      EXPECT_TRUE(absl::IsDataLoss(opened.status())) << at << " " << opened.status();
    }
    for (const char* const cut : {"", "x", "\xff"}) {
      WrappedKey changed = *wrapped;
      changed.wrapped = cut;
      EXPECT_FALSE(UnwrapWithPrivateKey(pair.private_pem, changed).ok());
      changed = *wrapped;
      changed.given += cut;
      changed.method = "none";
      EXPECT_FALSE(UnwrapWithPrivateKey(pair.private_pem, changed).ok());
    }
  }
}

TEST(Recipient, AnotherEphemeralKeyOpensNothing) {
  const Pair pair = X25519();
  auto wrapped = WrapForPublicKey(pair.public_pem, kKey);
  ASSERT_TRUE(wrapped.ok());
  wrapped->given = WrapForPublicKey(pair.public_pem, kKey)->given;
  EXPECT_TRUE(absl::IsDataLoss(UnwrapWithPrivateKey(pair.private_pem, *wrapped).status()));
  wrapped->given = "no key";
  EXPECT_TRUE(absl::IsDataLoss(UnwrapWithPrivateKey(pair.private_pem, *wrapped).status()));
}

TEST(Recipient, KeysThatOnlySignOrAreTooShortAreRefusedWithWhatToDo) {
  const Pair signs = MakePair(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  EXPECT_THAT(WrapForPublicKey(signs.public_pem, kKey).status().message(),
              HasSubstr("openssl genpkey -algorithm X25519"));
  EXPECT_THAT(WrapForPublicKey(Rsa(1024).public_pem, kKey).status().message(), HasSubstr("2048"));
  EXPECT_FALSE(WrapForPublicKey("", kKey).ok());
  EXPECT_FALSE(WrapForPublicKey(X25519().private_pem, kKey).ok());
}

TEST(Recipient, APassphraseOpensWhatItClosed) {
  const auto wrapped = WrapForPassphrase("correct horse battery", kKey);
  ASSERT_TRUE(wrapped.ok());
  const auto opened = UnwrapWithPassphrase("correct horse battery", *wrapped);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->Reveal(), kKey);
  EXPECT_THAT(UnwrapWithPassphrase("correct horse batterx", *wrapped).status().message(),
              HasSubstr("is not the passphrase"));
  EXPECT_FALSE(UnwrapWithPrivateKey(X25519().private_pem, *wrapped).ok());
  EXPECT_THAT(WrapForPassphrase("short", kKey).status().message(), HasSubstr("12"));
}

}  // namespace
}  // namespace sallyport::crypto
