#include "dataplane/tls/x25519_keys.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "dataplane/tls/curve25519.h"
#include "dataplane/tls/tls_library.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {
namespace {

std::string Text(const X25519Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

X25519Bytes BytesOf(absl::string_view text) {
  X25519Bytes bytes = {};
  std::copy_n(text.begin(), std::min(text.size(), bytes.size()), bytes.begin());
  return bytes;
}

std::string PublicOf(absl::string_view secret) {
  X25519Bytes made = {};
  EXPECT_TRUE(X25519PublicOf(BytesOf(secret), &made));
  return Text(made);
}

template <auto kGet>
std::string Raw(const EVP_PKEY* key) {
  std::string bytes(kX25519Bytes, '\0');
  size_t size = bytes.size();
  EXPECT_EQ(kGet(key, reinterpret_cast<unsigned char*>(bytes.data()), &size), 1);
  bytes.resize(size);
  return bytes;
}

const unsigned char* Unsigned(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

crypto::UniquePkey SecretKey(absl::string_view secret) {
  return crypto::UniquePkey(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, Unsigned(secret), secret.size()));
}

// Null: not taken.
crypto::UniquePkey PeersKey(OSSL_LIB_CTX* library, absl::string_view bytes) {
  return crypto::UniquePkey(
      EVP_PKEY_new_raw_public_key_ex(library, "X25519", nullptr, Unsigned(bytes), bytes.size()));
}

// "": refused.
std::string Exchange(OSSL_LIB_CTX* library, EVP_PKEY* own, EVP_PKEY* peer) {
  const crypto::ErrorScope errors;
  const crypto::UniquePkeyCtx context(EVP_PKEY_CTX_new_from_pkey(library, own, nullptr));
  std::string shared(kX25519Bytes, '\0');
  size_t size = shared.size();
  if (EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer) != 1 ||
      EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(shared.data()), &size) != 1)
    return "";
  return shared.substr(0, size);
}

class X25519KeysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(X25519Ready());
    auto made = TlsLibrary::Create();
    ASSERT_TRUE(made.ok()) << made.status();
    library_ = *std::move(made);
  }
  crypto::UniquePkey Generate() {
    return crypto::UniquePkey(EVP_PKEY_Q_keygen(library_->keyless(), nullptr, "X25519"));
  }

  std::unique_ptr<TlsLibrary> library_;
};

struct Pair {
  const char* secret;
  const char* public_key;
};
constexpr Pair kAlice = {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
                         "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"};
constexpr Pair kBob = {"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
                       "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"};

TEST_F(X25519KeysTest, VectorsOfTheRfc) {  // RFC 7748 6.1, and the first of 5.2's iterations
  const Pair first = {"0900000000000000000000000000000000000000000000000000000000000000",
                      "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"};
  for (const Pair& pair : {kAlice, kBob, first}) {
    EXPECT_EQ(absl::BytesToHexString(PublicOf(absl::HexStringToBytes(pair.secret))),
              pair.public_key);
  }
}

TEST_F(X25519KeysTest, PublicKeysAreOpenssls) {
  std::vector<std::string> secrets = {std::string(32, '\0'), std::string(32, '\xff'),
                                      std::string(32, '\x7f'), std::string(31, '\0') + "\x80"};
  for (int i = 0; i < 500; ++i) {
    std::string secret(32, '\0');
    ASSERT_EQ(RAND_bytes(reinterpret_cast<unsigned char*>(secret.data()), 32), 1);
    secrets.push_back(secret);
  }
  for (const std::string& secret : secrets) {
    // All zeros is the one secret that libsodium refuses; generated ones are clamped before.
    if (secret == std::string(32, '\0')) continue;
    EXPECT_EQ(PublicOf(secret), Raw<EVP_PKEY_get_raw_public_key>(SecretKey(secret).get()))
        << absl::BytesToHexString(secret);
  }
}

TEST_F(X25519KeysTest, ASecretOfZerosHasNoPublicKey) {
  X25519Bytes made;
  EXPECT_FALSE(X25519PublicOf({}, &made));
}

TEST_F(X25519KeysTest, EachPairIsNewClampedAndWhole) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const crypto::UniquePkey key = Generate();
    ASSERT_NE(key, nullptr);
    const std::string secret = Raw<EVP_PKEY_get_raw_private_key>(key.get());
    EXPECT_TRUE(seen.insert(secret).second);
    EXPECT_EQ(secret.front() & 7, 0);
    EXPECT_EQ(secret.back() & 0xc0, 0x40);
    EXPECT_EQ(Raw<EVP_PKEY_get_raw_public_key>(key.get()),
              Raw<EVP_PKEY_get_raw_public_key>(SecretKey(secret).get()));
  }
}

TEST_F(X25519KeysTest, BothSidesOfAnExchangeAgree) {
  const crypto::UniquePkey ours = Generate();
  const crypto::UniquePkey theirs(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  const auto ours_there = PeersKey(nullptr, Raw<EVP_PKEY_get_raw_public_key>(ours.get()));
  const auto theirs_here =
      PeersKey(library_->keyless(), Raw<EVP_PKEY_get_raw_public_key>(theirs.get()));
  const std::string shared = Exchange(library_->keyless(), ours.get(), theirs_here.get());
  EXPECT_EQ(shared.size(), 32U);
  EXPECT_EQ(shared, Exchange(nullptr, theirs.get(), ours_there.get()));
}

// RFC 7748 6.1: of points of small order the secret would be zeros.
TEST_F(X25519KeysTest, PointsOfSmallOrderAreRefused) {
  const crypto::UniquePkey ours = Generate();
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"}) {
    const auto peer = PeersKey(library_->keyless(), absl::HexStringToBytes(point));
    ASSERT_NE(peer, nullptr);
    EXPECT_EQ(Exchange(library_->keyless(), ours.get(), peer.get()), "") << point;
  }
}

TEST_F(X25519KeysTest, KeysOfAnotherLengthAreRefused) {
  const crypto::ErrorScope errors;
  for (const size_t size : {0U, 1U, 31U, 33U, 64U})
    EXPECT_EQ(PeersKey(library_->keyless(), std::string(size, '\x09')), nullptr) << size;
}

TEST_F(X25519KeysTest, OnlyItsOwnGroupCanBeAskedFor) {
  const crypto::ErrorScope errors;
  for (const auto& [group, taken] : std::vector<std::pair<std::string, bool>>{
           {"X25519", true}, {"x25519", true}, {"P-256", false}, {"X448", false}, {"", false}}) {
    const crypto::UniquePkeyCtx making(
        EVP_PKEY_CTX_new_from_name(library_->keyless(), "X25519", nullptr));
    ASSERT_EQ(EVP_PKEY_keygen_init(making.get()), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_group_name(making.get(), group.c_str()) == 1, taken) << group;
  }
}

// As libssl makes the peer's key, before it has its bytes.
TEST_F(X25519KeysTest, ParametersAloneAreNoKeyPair) {
  const crypto::ErrorScope errors;
  const crypto::UniquePkeyCtx making(
      EVP_PKEY_CTX_new_from_name(library_->keyless(), "X25519", nullptr));
  EVP_PKEY* made = nullptr;
  ASSERT_EQ(EVP_PKEY_paramgen_init(making.get()), 1);
  ASSERT_EQ(EVP_PKEY_paramgen(making.get(), &made), 1);
  const crypto::UniquePkey key(made);
  EXPECT_EQ(Exchange(library_->keyless(), made, Generate().get()), "");
}

}  // namespace
}  // namespace sallyport::dataplane
