// What an operator uploads. Whatever the bytes: no crash, no error left in OpenSSL's queue, and
// what was taken is whole. Half of the inputs are edits of a good bundle.
#include <cstdlib>
#include <string>

#include "shared/crypto/pem.h"
#include "shared/crypto/private_key.h"
#include "tests/fakes/test_ca.h"
#include "tests/fuzz/edits.h"

namespace sallyport {
namespace {

const std::string& Good() {
  static const std::string* const text = [] {
    const testing::TestCert root = testing::CertBuilder("CN=R").Ca().SelfSign();
    const testing::TestCert leaf = testing::CertBuilder("CN=x").Dns("a").SignBy(root);
    return new std::string(leaf.Pem() + leaf.KeyPem() + root.Pem());
  }();
  return *text;
}

void Require(bool ok) {
  if (!ok) std::abort();
}

void Check(absl::string_view text) {
  const absl::StatusOr<crypto::PemBundle> bundle = crypto::ParsePemOrDer(text, testing::TestNow());
  Require(crypto::TakeErrors().empty());
  if (!bundle.ok()) {
    Require(!bundle.status().message().empty());
    return;
  }
  Require(bundle->chain.empty() != bundle->public_key_der.empty());
  for (const crypto::CertificatePtr& certificate : bundle->chain) {
    const absl::StatusOr<crypto::CertificatePtr> again = crypto::ParseCertificate(certificate->der);
    Require(again.ok() && (*again)->fingerprint == certificate->fingerprint);
  }
  if (bundle->private_key.empty()) return;
  const absl::StatusOr<crypto::UniquePkey> key =
      crypto::LoadPrivateKey(bundle->private_key.Reveal());
  Require(key.ok() && crypto::KeyMatches(*bundle->chain.front(), key->get()));
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) {
    sallyport::Check(sallyport::fuzz::Edited(sallyport::Good(), input));
  } else {
    sallyport::Check(input);
  }
  return 0;
}
