#include "authsvc/verify/edge_checks.h"

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

bool CheckTime(const crypto::Certificate& certificate, absl::Time time, int depth,
               std::vector<Problem>* out) {
  if (time < certificate.not_before) {
    out->push_back(
        {Reason::kCertNotYetValid, X509_V_ERR_CERT_NOT_YET_VALID,
         absl::StrCat("valid from ", absl::FormatTime(certificate.not_before, absl::UTCTimeZone())),
         depth});
    return false;
  }
  if (time > certificate.not_after) {
    out->push_back(
        {Reason::kCertExpired, X509_V_ERR_CERT_HAS_EXPIRED,
         absl::StrCat("expired at ", absl::FormatTime(certificate.not_after, absl::UTCTimeZone())),
         depth});
    return false;
  }
  return true;
}

// RFC 5280 4.2.1.12: no extension, or anyExtendedKeyUsage, is any purpose.
bool CheckExtendedUsage(const crypto::Certificate& certificate, Purpose purpose, int depth,
                        std::vector<Problem>* out) {
  if (purpose == Purpose::kAny || certificate.extended_key_usage == crypto::kNoUsage) return true;
  const uint32_t wanted = purpose == Purpose::kClient ? XKU_SSL_CLIENT : XKU_SSL_SERVER;
  if ((certificate.extended_key_usage & (wanted | XKU_ANYEKU)) != 0) return true;
  out->push_back({Reason::kCertWrongUsage, X509_V_ERR_INVALID_PURPOSE,
                  purpose == Purpose::kClient ? "extended key usage has no clientAuth"
                                              : "extended key usage has no serverAuth",
                  depth});
  return false;
}

// RFC 8446 4.4.2.2; a TLS 1.2 server may also decrypt or agree on keys.
bool CheckLeafUsage(const crypto::Certificate& leaf, Purpose purpose, std::vector<Problem>* out) {
  if (purpose == Purpose::kAny || leaf.key_usage == crypto::kNoUsage) return true;
  const uint32_t wanted = purpose == Purpose::kClient
                              ? KU_DIGITAL_SIGNATURE
                              : KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT;
  if ((leaf.key_usage & wanted) != 0) return true;
  out->push_back({Reason::kCertKeyUsage, X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE,
                  "key usage has no digitalSignature", 0});
  return false;
}

bool CheckRevocation(const crypto::Certificate& certificate, const RevocationList* revocation,
                     int depth, std::vector<Problem>* out) {
  if (revocation == nullptr) return true;
  const absl::string_view by = revocation->DeniedBy(certificate);
  if (by.empty()) return true;
  out->push_back(
      {Reason::kCertRevoked, X509_V_ERR_CERT_REVOKED, absl::StrCat("denied by ", by), depth});
  return false;
}

bool Add(Problem problem, std::vector<Problem>* out) {
  out->push_back(std::move(problem));
  return false;
}

Problem KeyProblem(const crypto::Defect& defect, int depth) {
  Problem problem = FromDefect(defect, depth);
  if (depth > 0 && problem.x509_error == X509_V_ERR_EE_KEY_TOO_SMALL) {
    problem.x509_error = X509_V_ERR_CA_KEY_TOO_SMALL;
  }
  return problem;
}

int Depth(PathView path) { return static_cast<int>(path.size()); }  // of the issuer

}  // namespace

bool CheckLeaf(const crypto::Certificate& leaf, absl::Time time, Purpose purpose,
               const RevocationList* revocation, std::vector<Problem>* out) {
  if (leaf.certificate_defect) return Add(FromDefect(*leaf.certificate_defect, 0), out);
  if (leaf.key_defect) return Add(KeyProblem(*leaf.key_defect, 0), out);
  return CheckRevocation(leaf, revocation, 0, out) && CheckTime(leaf, time, 0, out) &&
         CheckLeafUsage(leaf, purpose, out) && CheckExtendedUsage(leaf, purpose, 0, out);
}

bool EdgeChecker::Check(PathView path, const crypto::Certificate& issuer, CheckMode mode,
                        std::vector<Problem>* out) {
  const auto go_on = [mode](bool good) { return good || mode == CheckMode::kReport; };
  const size_t before = out->size();
  // The key first: a signature is never verified with one that is out of bounds.
  if (!go_on(CheckKeys(path, issuer, out))) return false;
  if (!go_on(CheckSignature(path, issuer, mode, out))) return false;
  if (!go_on(CheckAuthority(path, issuer, out))) return false;
  if (!go_on(CheckUse(path, issuer, out))) return false;
  if (!go_on(CheckNames(path, issuer, out))) return false;
  return out->size() == before;
}

bool EdgeChecker::CheckKeys(PathView path, const crypto::Certificate& issuer,
                            std::vector<Problem>* out) {
  if (issuer.key_defect) return Add(KeyProblem(*issuer.key_defect, Depth(path)), out);
  const auto& weak = path.back()->signature_defect;  // the anchor's own is never looked at
  return weak ? Add(FromDefect(*weak, Depth(path) - 1), out) : true;
}

bool EdgeChecker::CheckSignature(PathView path, const crypto::Certificate& issuer, CheckMode mode,
                                 std::vector<Problem>* out) {
  const crypto::Certificate& child = *path.back();
  if (mode == CheckMode::kReport) {
    if (signatures_->Known(child, issuer).value_or(true)) return true;
  } else {
    const SignatureChecker::Verdict verdict = signatures_->Check(child, issuer);
    if (verdict == SignatureChecker::Verdict::kGood) return true;
    if (verdict == SignatureChecker::Verdict::kBudget) {
      return Add({Reason::kCertPathBudget, X509_V_ERR_UNSPECIFIED, "too many signatures", 0}, out);
    }
  }
  return Add({Reason::kCertBadSignature, X509_V_ERR_CERT_SIGNATURE_FAILURE,
              absl::StrCat("not signed by the key of \"", issuer.subject, "\""), Depth(path) - 1},
             out);
}

bool EdgeChecker::CheckAuthority(PathView path, const crypto::Certificate& issuer,
                                 std::vector<Problem>* out) {
  const int depth = Depth(path);
  if (issuer.certificate_defect) return Add(FromDefect(*issuer.certificate_defect, depth), out);
  if (!CheckRevocation(issuer, question_.revocation.get(), depth, out)) return false;
  if (!issuer.is_ca) {
    return Add({Reason::kCertInvalidCa, X509_V_ERR_INVALID_CA,
                "issuer is not a version 3 certificate with CA:TRUE", depth},
               out);
  }
  if (issuer.key_usage != crypto::kNoUsage && (issuer.key_usage & KU_KEY_CERT_SIGN) == 0) {
    return Add({Reason::kCertInvalidCa, X509_V_ERR_KEYUSAGE_NO_CERTSIGN,
                "key usage of the issuer has no keyCertSign", depth},
               out);
  }
  int between = 0;
  for (const auto& certificate : path.subspan(1)) between += certificate->self_issued ? 0 : 1;
  if (issuer.path_length >= 0 && between > issuer.path_length) {
    return Add(
        {Reason::kCertPathTooLong, X509_V_ERR_PATH_LENGTH_EXCEEDED,
         absl::StrCat("path length ", issuer.path_length, ", ", between, " CAs below"), depth},
        out);
  }
  return true;
}

bool EdgeChecker::CheckUse(PathView path, const crypto::Certificate& issuer,
                           std::vector<Problem>* out) {
  return CheckTime(issuer, question_.time, Depth(path), out) &&
         CheckExtendedUsage(issuer, question_.purpose, Depth(path), out);
}

bool EdgeChecker::CheckNames(PathView path, const crypto::Certificate& issuer,
                             std::vector<Problem>* out) {
  if (!issuer.name_constraints) return true;
  for (size_t i = 0; i < path.size(); ++i) {
    if (i > 0 && path[i]->self_issued) continue;  // RFC 5280 4.2.1.10: not to these
    std::optional<Problem> problem = names_->Check(issuer, *path[i], static_cast<int>(i));
    if (names_->exhausted()) {
      return Add({Reason::kCertPathBudget, X509_V_ERR_UNSPECIFIED, "too many name comparisons", 0},
                 out);
    }
    if (problem) return Add(*std::move(problem), out);
  }
  return true;
}

}  // namespace sallyport::authsvc
