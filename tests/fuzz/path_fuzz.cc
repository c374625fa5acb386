// Chains that a trusted CA gone wrong could issue: the signed parts of leaf and intermediate are
// edited and signed again. Where we accept, OpenSSL accepts the same fixed chain, or refuses for
// one of the reasons that tests/unit/authsvc/verify/oracle_test.cc explains.
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "authsvc/verify/path_memo.h"
#include "authsvc/verify/verify_path.h"
#include "tests/fakes/test_ca.h"
#include "tests/fuzz/edits.h"

namespace sallyport {
namespace {

using testing::CertBuilder;
using testing::TestCert;

struct World {
  TestCert root = CertBuilder("O=Acme,CN=Root").Ca().SelfSign();
  TestCert inter = CertBuilder("O=Acme,CN=I")
                       .Ca()
                       .Permit(GEN_DNS, "a.com")
                       .Permit(GEN_URI, "corp")
                       .Exclude(GEN_EMAIL, "evil.com")
                       .Permit(GEN_DIRNAME, "O=Acme")
                       .ConfigExtension("certificatePolicies", "1.2.3.4")
                       .SignBy(root);
  TestCert leaf = CertBuilder("O=Acme,CN=x")
                      .Dns("x.a.com")
                      .Uri("spiffe://corp/x")
                      .Email("x@a.com")
                      .ConfigExtension("certificatePolicies", "1.2.3.4")
                      .SignBy(inter);
  authsvc::TrustSetPtr trust = authsvc::TrustSet::Make({.authorities = {root.cert}});
};

const World& Made() {
  static const World* const world = new World;
  return *world;
}

int OpensslError(const TestCert& leaf, const TestCert& inter) {
  const crypto::ErrorScope errors;
  const crypto::UniqueX509Store store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), Made().root.cert->x509.get());
  const crypto::UniqueX509Stack untrusted(sk_X509_new_null());
  sk_X509_push(untrusted.get(), crypto::ShareX509(inter.cert->x509.get()).release());
  const crypto::UniqueX509StoreCtx context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.cert->x509.get(), untrusted.get());
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
  X509_VERIFY_PARAM_set_time(param, absl::ToTimeT(testing::TestNow()));
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_verify_cert(context.get()) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context.get());
}

bool HasKeyIdMismatch(const crypto::Certificate& child, const crypto::Certificate& issuer) {
  return X509_check_issued(issuer.x509.get(), child.x509.get()) != X509_V_OK;
}

bool HasAnyUsage(const crypto::Certificate& certificate) {
  return certificate.extended_key_usage != crypto::kNoUsage &&
         (certificate.extended_key_usage & XKU_ANYEKU) != 0;
}

// OpenSSL refuses what we may accept; each has its case in the oracle test.
bool IsExplained(int error, const TestCert& leaf, const TestCert& inter) {
  switch (error) {
    case X509_V_OK: return true;
    case X509_V_ERR_INVALID_PURPOSE: return HasAnyUsage(*leaf.cert) || HasAnyUsage(*inter.cert);
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return leaf.cert->not_after == testing::TestNow() ||
             inter.cert->not_after == testing::TestNow();
    case X509_V_ERR_UNNESTED_RESOURCE:  // RFC 3779 blocks that are not critical
      return true;
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
    case X509_V_ERR_PERMITTED_VIOLATION:
      // The host of a URI with a colon in its path.
      for (const std::string& uri : leaf.cert->uri_sans) {
        if (absl::StrContains(absl::string_view(uri).substr(uri.find("//") + 2), ":")) return true;
      }
      return false;
    default:
      return HasKeyIdMismatch(*leaf.cert, *inter.cert) ||
             HasKeyIdMismatch(*inter.cert, *Made().root.cert);
  }
}

void Require(bool ok) {
  if (!ok) std::abort();
}

void Check(const TestCert& leaf, const TestCert& inter) {
  if (leaf.cert == nullptr || inter.cert == nullptr) return;
  static authsvc::PathMemo* const memo = new authsvc::PathMemo;
  authsvc::PathQuestion question;
  question.presented = {leaf.cert, inter.cert};
  question.trust = Made().trust;
  question.time = testing::TestNow();
  const authsvc::PathResult cold = authsvc::VerifyPath(question, nullptr);
  const authsvc::PathResult first = authsvc::VerifyPath(question, memo);
  const authsvc::PathResult warm = authsvc::VerifyPath(question, memo);
  Require(cold.ok() == first.ok() && cold.ok() == warm.ok() && warm.from_memo);
  if (!cold.ok()) return;
  Require(cold.path->certificates.back() == Made().root.cert);
  Require(IsExplained(OpensslError(leaf, inter), leaf, inter));
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sallyport::Made;
  using sallyport::fuzz::Edited;
  if (size < 2) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t split = data[0] % (input.size() + 1);
  const std::string inter_tbs =
      Edited(sallyport::testing::SignedPartOf(Made().inter), input.substr(0, split));
  const std::string leaf_tbs =
      Edited(sallyport::testing::SignedPartOf(Made().leaf), input.substr(split));
  const auto inter = sallyport::testing::SignBytes(inter_tbs, Made().root, Made().inter.key);
  const auto leaf = sallyport::testing::SignBytes(leaf_tbs, Made().inter, Made().leaf.key);
  sallyport::Check(leaf, inter);
  return 0;
}
