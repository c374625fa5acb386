// One certificate from the network: no crash; what parses is exactly the input; nothing that was
// not signed by the trusted CA is ever accepted.
#include <cstdlib>
#include <string>

#include "authsvc/verify/verify_path.h"
#include "tests/fakes/test_ca.h"
#include "tests/fuzz/edits.h"

namespace sallyport {
namespace {

struct World {
  testing::TestCert root = testing::CertBuilder("O=Acme,CN=Root").Ca().SelfSign();
  testing::TestCert leaf = testing::CertBuilder("O=Acme,CN=x")
                               .Dns("*.a.com")
                               .Uri("spiffe://corp/x")
                               .Email("x@a.com")
                               .Ip(absl::string_view("\x0a\0\0\x01", 4))
                               .SignBy(root);
  authsvc::TrustSetPtr trust = authsvc::TrustSet::Make({.authorities = {root.cert}});
};

const World& Made() {
  static const World* const world = new World;
  return *world;
}

void Require(bool ok) {
  if (!ok) std::abort();
}

void Check(absl::string_view der) {
  const absl::StatusOr<crypto::CertificatePtr> parsed = crypto::ParseCertificate(der);
  Require(crypto::TakeErrors().empty());
  if (!parsed.ok()) return;
  const crypto::Certificate& certificate = **parsed;
  Require(absl::string_view(certificate.der) == der);
  Require(certificate.fingerprint.size() == 32 && certificate.tbs_sha256.size() == 32);
  (void)authsvc::CheckLeafAlone(certificate, testing::TestNow(), authsvc::Purpose::kClient);
  authsvc::PathQuestion question;
  question.presented = {*parsed, Made().root.cert};
  question.trust = Made().trust;
  question.time = testing::TestNow();
  const authsvc::PathResult result = authsvc::VerifyPath(question, nullptr);
  Require(result.ok() != (result.failure != nullptr));
  const bool ours = certificate.tbs_sha256 == Made().leaf.cert->tbs_sha256 ||
                    certificate.tbs_sha256 == Made().root.cert->tbs_sha256;
  Require(!result.ok() || ours);
  Require(crypto::TakeErrors().empty());
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) {
    sallyport::Check(sallyport::fuzz::Edited(sallyport::Made().leaf.der, input));
  } else {
    sallyport::Check(input);
  }
  return 0;
}
