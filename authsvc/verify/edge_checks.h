// What must hold of the leaf, and of one issuer over the path below it (reference x509.md, step 4).
// Problems are collected in `out`; kPruned stops at the first one.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "authsvc/verify/name_check.h"
#include "authsvc/verify/problem.h"
#include "authsvc/verify/signature_check.h"
#include "authsvc/verify/verify_path.h"

namespace sallyport::authsvc {

enum class CheckMode : uint8_t {
  kPruned,  // stop at the first problem; signatures are verified
  kReport,  // all problems; no new signatures
};

// Leaf first.
using PathView = absl::Span<const crypto::CertificatePtr>;

// Deny list, defects, time, usage. False when `out` got something.
bool CheckLeaf(const crypto::Certificate& leaf, absl::Time time, Purpose purpose,
               const RevocationList* revocation, std::vector<Problem>* out);

class EdgeChecker {
 public:
  EdgeChecker(const PathQuestion& question, SignatureChecker* signatures, NameChecker* names)
      : question_(question), signatures_(signatures), names_(names) {}

  // `issuer` over `path`, whose last certificate it is said to have signed. False when `out` got
  // something. A budget that ends is a problem with kCertPathBudget.
  bool Check(PathView path, const crypto::Certificate& issuer, CheckMode mode,
             std::vector<Problem>* out);

 private:
  bool CheckKeys(PathView path, const crypto::Certificate& issuer, std::vector<Problem>* out);
  bool CheckSignature(PathView path, const crypto::Certificate& issuer, CheckMode mode,
                      std::vector<Problem>* out);
  bool CheckAuthority(PathView path, const crypto::Certificate& issuer, std::vector<Problem>* out);
  bool CheckUse(PathView path, const crypto::Certificate& issuer, std::vector<Problem>* out);
  bool CheckNames(PathView path, const crypto::Certificate& issuer, std::vector<Problem>* out);

  const PathQuestion& question_;
  SignatureChecker* const signatures_;
  NameChecker* const names_;
};

}  // namespace sallyport::authsvc
