#include "dataplane/tls/tls_library.h"

#include <gtest/gtest.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/tls/server_credential.h"
#include "shared/crypto/openssl.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::dataplane {
namespace {

using testing::CertBuilder;
using testing::KeyType;
using testing::MakeKey;
using testing::SharedKey;
using testing::TestCert;

// Before anything else in this program uses OpenSSL, as in ours: all tests of this folder see it.
const bool kFewNames = [] {
  TlsLibrary::KnowFewNames();
  return true;
}();

// The fixed RSA pair as one that is for PSS signatures only.
SharedKey RsaPssKey() {
  const SharedKey rsa = MakeKey(KeyType::kRsa2048);
  OSSL_PARAM* params = nullptr;
  EXPECT_EQ(EVP_PKEY_todata(rsa.get(), EVP_PKEY_KEYPAIR, &params), 1);
  const crypto::UniquePkeyCtx making(EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_fromdata_init(making.get()), 1);
  EXPECT_EQ(EVP_PKEY_fromdata(making.get(), &key, EVP_PKEY_KEYPAIR, params), 1);
  OSSL_PARAM_free(params);
  return {key, EVP_PKEY_free};
}

std::vector<SharedKey> Keys() {
  std::vector<SharedKey> keys = {RsaPssKey()};
  for (const KeyType type : {KeyType::kP256, KeyType::kP384, KeyType::kP521, KeyType::kRsa2048,
                             KeyType::kEd25519, KeyType::kEd448}) {
    keys.push_back(MakeKey(type));
  }
  return keys;
}

std::string Pkcs8(EVP_PKEY* key) {
  const crypto::UniqueBio bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(i2d_PKCS8PrivateKey_bio(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr), 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<size_t>(size)};
}

struct Choice {
  int version;
  const char* cipher;
  const char* groups;
};

// What a client can insist on, one by one. In TLS 1.2 the curves of certificates must be among the
// groups too.
const Choice kChoices[] = {
    {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "X25519"},
    {TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", "X25519"},
    {TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", "X25519"},
    {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "P-256"},
    {TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", "P-384"},
    {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "P-521"},
    {TLS1_2_VERSION, "AES128-GCM-SHA256", "X25519:P-256:P-384:P-521"},
    {TLS1_2_VERSION, "AES256-GCM-SHA384", "P-256:P-384:P-521"},
    {TLS1_2_VERSION, "CHACHA20-POLY1305", "P-384:P-256:P-521"},
    {TLS1_2_VERSION, "AES128-GCM-SHA256", "P-521:P-256:P-384"},
};

// Any, as our servers do.
int TakeAny(X509_STORE_CTX* store, void* leaves) {
  return static_cast<KnownLeaves*>(leaves)->Share(X509_STORE_CTX_get0_untrusted(store)) != nullptr;
}

// A server of the library's context and a client of OpenSSL's default one, joined in memory.
class TlsLibraryTest : public ::testing::Test {
 protected:
  crypto::UniqueSslCtx Server(const TestCert& certificate) {
    crypto::UniqueSslCtx context(SSL_CTX_new_ex(library_->keyless(), nullptr, TLS_server_method()));
    SSL_CTX_set1_groups_list(context.get(), "X25519:P-256:P-384:P-521");
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context.get(), TakeAny, &library_->leaves());
    SSL_CTX_set_session_id_context(context.get(), reinterpret_cast<const unsigned char*>("t"), 1);
    const std::string key = certificate.KeyDer();
    const auto made = ServerCredential::Create(*library_, {{{certificate.der}, key}});
    EXPECT_TRUE(made.ok()) << made.status();
    if (made.ok()) credential_ = *made;
    return context;
  }

  static crypto::UniqueSslCtx Client(const TestCert& certificate, const Choice& choice) {
    crypto::UniqueSslCtx context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context.get(), choice.version);
    SSL_CTX_set_max_proto_version(context.get(), choice.version);
    EXPECT_EQ(SSL_CTX_set1_groups_list(context.get(), choice.groups), 1);
    if (choice.version == TLS1_3_VERSION) {
      EXPECT_EQ(SSL_CTX_set_ciphersuites(context.get(), choice.cipher), 1);
    } else {
      const std::string both =
          absl::StrCat("ECDHE-ECDSA-", choice.cipher, ":ECDHE-RSA-", choice.cipher);
      EXPECT_EQ(SSL_CTX_set_cipher_list(context.get(), both.c_str()), 1);
    }
    const auto* bytes = reinterpret_cast<const unsigned char*>(certificate.der.data());
    const crypto::UniqueX509 x509(
        d2i_X509(nullptr, &bytes, static_cast<long>(certificate.der.size())));
    EXPECT_EQ(SSL_CTX_use_certificate(context.get(), x509.get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), certificate.key.get()), 1);
    return context;
  }

  // "" or why not.
  std::string Shake(SSL_CTX* server, SSL_CTX* client, SSL_SESSION* session = nullptr) {
    const crypto::ErrorScope errors;
    server_ssl_.reset(SSL_new(server));
    client_ssl_.reset(SSL_new(client));
    BIO* ends[2];
    EXPECT_EQ(BIO_new_bio_pair(&ends[0], 1 << 16, &ends[1], 1 << 16), 1);
    SSL_set_bio(server_ssl_.get(), ends[0], ends[0]);
    SSL_set_bio(client_ssl_.get(), ends[1], ends[1]);
    SSL_set_accept_state(server_ssl_.get());
    SSL_set_connect_state(client_ssl_.get());
    if (session != nullptr) SSL_set_session(client_ssl_.get(), session);
    EXPECT_TRUE(credential_->Use(server_ssl_.get()));
    int client_done = 0, server_done = 0;
    for (int turn = 0; turn < 10 && (client_done != 1 || server_done != 1); ++turn) {
      client_done = SSL_do_handshake(client_ssl_.get());
      server_done = SSL_do_handshake(server_ssl_.get());
    }
    if (client_done != 1 || server_done != 1) return absl::StrCat("no: ", crypto::TakeErrors());
    char byte = 0;
    if (SSL_write(server_ssl_.get(), "x", 1) != 1 || SSL_read(client_ssl_.get(), &byte, 1) != 1)
      return "no byte went through";
    return SSL_get0_peer_certificate(server_ssl_.get()) == nullptr ? "no certificate" : "";
  }

  std::unique_ptr<TlsLibrary> library_ = *TlsLibrary::Create();
  std::shared_ptr<const ServerCredential> credential_;
  crypto::UniqueSsl server_ssl_;
  crypto::UniqueSsl client_ssl_;
};

// What the provider leaves out by mistake is missed here.
TEST_F(TlsLibraryTest, EverySuiteGroupAndKeyTypeWorks) {
  const TestCert leaf = CertBuilder("CN=alice").SelfSign();
  for (const SharedKey& key : Keys()) {
    const TestCert certificate = CertBuilder("CN=srv").Key(key).ServerAuth().SelfSign();
    const crypto::UniqueSslCtx server = Server(certificate);
    for (const Choice& choice : kChoices) {
      const crypto::UniqueSslCtx client = Client(leaf, choice);
      EXPECT_EQ(Shake(server.get(), client.get()), "")
          << EVP_PKEY_get0_type_name(key.get()) << ", " << choice.cipher << ", " << choice.groups;
    }
  }
}

TEST_F(TlsLibraryTest, EveryKeyTypeOfAClientWorks) {
  const crypto::UniqueSslCtx server = Server(CertBuilder("CN=srv").ServerAuth().SelfSign());
  for (const SharedKey& key : Keys()) {
    const TestCert leaf = CertBuilder("CN=alice").Key(key).SelfSign();
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      const Choice& choice = kChoices[version == TLS1_3_VERSION ? 0 : 6];
      const crypto::UniqueSslCtx client = Client(leaf, choice);
      EXPECT_EQ(Shake(server.get(), client.get()), "")
          << EVP_PKEY_get0_type_name(key.get()) << ", version " << version;
    }
  }
}

TEST_F(TlsLibraryTest, TakesPrivateKeysOfTheseTypesOnly) {
  for (const SharedKey& key : Keys()) {
    const crypto::UniquePkey carried = library_->PrivateKey(Pkcs8(key.get()));
    ASSERT_NE(carried, nullptr) << EVP_PKEY_get0_type_name(key.get());
    EXPECT_EQ(EVP_PKEY_get_id(carried.get()), EVP_PKEY_get_id(key.get()));
    EXPECT_EQ(EVP_PKEY_eq(carried.get(), key.get()), 1);
  }
  const crypto::ErrorScope errors;
  EXPECT_EQ(library_->PrivateKey(""), nullptr);
  EXPECT_EQ(library_->PrivateKey("junk"), nullptr);
  std::string half = Pkcs8(MakeKey(KeyType::kP256).get());
  half.resize(half.size() / 2);
  EXPECT_EQ(library_->PrivateKey(half), nullptr);
  EXPECT_EQ(library_->PrivateKey(Pkcs8(MakeKey(KeyType::kDsa).get())), nullptr);
}

TEST_F(TlsLibraryTest, CertificatesOfOneContextHaveNoPublicKey) {
  const TestCert leaf = CertBuilder("CN=alice").SelfSign();
  const auto read = [&leaf](OSSL_LIB_CTX* context) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(leaf.der.data());
    X509* certificate = X509_new_ex(context, nullptr);
    return crypto::UniqueX509(d2i_X509(&certificate, &bytes, static_cast<long>(leaf.der.size())));
  };
  const crypto::ErrorScope errors;
  EXPECT_NE(X509_get0_pubkey(read(library_->context()).get()), nullptr);
  const crypto::UniqueX509 keyless = read(library_->keyless());
  ASSERT_NE(keyless, nullptr);
  EXPECT_EQ(X509_get0_pubkey(keyless.get()), nullptr);
}

// A public key as certificates carry it, read in a library context; "" when it is refused.
std::string ReadBack(OSSL_LIB_CTX* context, absl::string_view spki) {
  const crypto::ErrorScope errors;
  const auto* bytes = reinterpret_cast<const unsigned char*>(spki.data());
  const crypto::UniquePkey key(
      d2i_PUBKEY_ex(nullptr, &bytes, static_cast<long>(spki.size()), context, nullptr));
  unsigned char point[256];
  size_t size = 0;
  if (key == nullptr ||
      EVP_PKEY_get_octet_string_param(key.get(), "pub", point, sizeof(point), &size) != 1) {
    return "";
  }
  return absl::StrCat(EVP_PKEY_get_bits(key.get()), " ",
                      absl::string_view(reinterpret_cast<const char*>(point), size));
}

TEST_F(TlsLibraryTest, ReadsPublicKeysAsOpensslDoes) {
  for (const KeyType type : {KeyType::kP256, KeyType::kP384, KeyType::kP521}) {
    const std::string spki = CertBuilder("CN=x").Key(type).SelfSign().PublicDer();
    ASSERT_NE(ReadBack(nullptr, spki), "");
    for (size_t bit = 0; bit < spki.size() * 8; ++bit) {
      std::string other = spki;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
      ASSERT_EQ(ReadBack(library_->context(), other), ReadBack(nullptr, other)) << "bit " << bit;
    }
    for (size_t size = 0; size < spki.size(); ++size)
      EXPECT_EQ(ReadBack(library_->context(), spki.substr(0, size)), "") << size;
    EXPECT_EQ(ReadBack(library_->context(), spki), ReadBack(nullptr, spki));
  }
}

TEST_F(TlsLibraryTest, FewNamesAreKnownButThoseOfSignatures) {
  ASSERT_TRUE(kFewNames);
  EXPECT_EQ(EVP_get_cipherbyname("AES-256-CBC"), nullptr);
  const TestCert leaf = CertBuilder("CN=x").SelfSign();
  const auto verifies = [&leaf](EVP_PKEY* key, const EVP_MD* digest) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(leaf.der.data());
    const crypto::UniqueX509 certificate(
        d2i_X509(nullptr, &bytes, static_cast<long>(leaf.der.size())));
    EXPECT_GT(X509_sign(certificate.get(), key, digest), 0);
    return X509_verify(certificate.get(), key) == 1;
  };
  const SharedKey ec = MakeKey(KeyType::kP256), rsa = MakeKey(KeyType::kRsa2048);
  for (const EVP_MD* digest :
       {EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
    EXPECT_TRUE(verifies(ec.get(), digest)) << EVP_MD_get0_name(digest);
    EXPECT_TRUE(verifies(rsa.get(), digest)) << EVP_MD_get0_name(digest);
  }
  // OpenSSL 3.0 knows no signatures of EC keys over these.
  for (const EVP_MD* digest : {EVP_sha3_224(), EVP_sha3_256(), EVP_sha3_384(), EVP_sha3_512()})
    EXPECT_TRUE(verifies(rsa.get(), digest)) << EVP_MD_get0_name(digest);
}

TEST_F(TlsLibraryTest, EachHasItsOwnOnItsOwnThread) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      const auto library = TlsLibrary::Create();
      ASSERT_TRUE(library.ok());
      unsigned char bytes[16];
      EXPECT_EQ(RAND_bytes_ex((*library)->context(), bytes, sizeof(bytes), 0), 1);
      EXPECT_EQ(RAND_bytes_ex((*library)->keyless(), bytes, sizeof(bytes), 0), 1);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace sallyport::dataplane
