#include "authsvc/verify/policies.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>

#include "shared/crypto/openssl.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

using UniquePolicyTree = std::unique_ptr<X509_POLICY_TREE, crypto::FreeWith<X509_policy_tree_free>>;
using UniquePolicies =
    std::unique_ptr<STACK_OF(ASN1_OBJECT), decltype([](STACK_OF(ASN1_OBJECT) * policies) {
                      sk_ASN1_OBJECT_free(policies);
                    })>;
using UniqueView =
    std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * view) { sk_X509_free(view); })>;

int EvaluatePolicies(PathView path) {
  const crypto::ErrorScope errors;
  const UniqueView chain(sk_X509_new_null());
  const UniquePolicies any(sk_ASN1_OBJECT_new_null());
  if (chain == nullptr || any == nullptr) return X509_PCY_TREE_INTERNAL;
  for (const auto& certificate : path) {
    if (sk_X509_push(chain.get(), certificate->x509.get()) == 0) return X509_PCY_TREE_INTERNAL;
  }
  // A static object: never freed.
  if (sk_ASN1_OBJECT_push(any.get(), OBJ_nid2obj(NID_any_policy)) == 0) {
    return X509_PCY_TREE_INTERNAL;
  }
  X509_POLICY_TREE* tree = nullptr;
  int explicit_policy = 0;
  const int result = X509_policy_check(&tree, &explicit_policy, chain.get(), any.get(), 0);
  const UniquePolicyTree owner(tree);
  return result;
}

using UniqueConstraints =
    std::unique_ptr<POLICY_CONSTRAINTS, crypto::FreeWith<POLICY_CONSTRAINTS_free>>;

bool Has(const crypto::Certificate& certificate, int nid) {
  return X509_get_ext_by_NID(certificate.x509.get(), nid, -1) >= 0;
}

// OpenSSL 3.0 leaks the policy constraints of a certificate without policies, so it is not asked
// about a path with one. No policy is valid for such a path (RFC 5280 6.1.3 e).
bool LacksPolicies(PathView below) {
  return std::any_of(below.begin(), below.end(), [](const auto& certificate) {
    return Has(*certificate, NID_policy_constraints) &&
           !Has(*certificate, NID_certificate_policies);
  });
}

bool IsWellFormed(const crypto::Certificate& certificate, int nid) {
  int critical = 0;
  void* const value = X509_get_ext_d2i(certificate.x509.get(), nid, &critical, nullptr);
  if (value == nullptr) return critical == -1;  // it is not there
  ASN1_item_free(static_cast<ASN1_VALUE*>(value), ASN1_ITEM_ptr(X509V3_EXT_get_nid(nid)->it));
  return true;
}

// `*skip`: certificates until a policy is required, empty when that is not asked for. False:
// malformed.
bool ReadRequired(const crypto::Certificate& certificate, std::optional<int64_t>* skip) {
  for (const int nid : {NID_policy_constraints, NID_certificate_policies, NID_policy_mappings,
                        NID_inhibit_any_policy}) {
    if (!IsWellFormed(certificate, nid)) return false;
  }
  const UniqueConstraints constraints(static_cast<POLICY_CONSTRAINTS*>(
      X509_get_ext_d2i(certificate.x509.get(), NID_policy_constraints, nullptr, nullptr)));
  if (constraints == nullptr) return true;
  if (constraints->requireExplicitPolicy == nullptr) {
    return constraints->inhibitPolicyMapping != nullptr;  // RFC 5280 4.2.1.11: never empty
  }
  int64_t value = 0;
  if (ASN1_INTEGER_get_int64(&value, constraints->requireExplicitPolicy) != 1 || value < 0)
    return false;
  *skip = value;
  return true;
}

// RFC 5280 6.1 of a path for which no policy is valid: whether one is required anywhere. The count
// never grows, so its end tells.
int EvaluateWithoutPolicies(PathView below) {
  const crypto::ErrorScope errors;
  int64_t until_required = static_cast<int64_t>(below.size()) + 1;
  for (size_t i = below.size(); i-- > 0;) {
    const crypto::Certificate& certificate = *below[i];
    const bool last = i == 0;
    std::optional<int64_t> skip;
    if (!ReadRequired(certificate, &skip)) return X509_PCY_TREE_INVALID;
    if (until_required > 0 && (last || !certificate.self_issued)) --until_required;
    if (skip.has_value() && (!last || *skip == 0)) until_required = std::min(until_required, *skip);
  }
  return until_required > 0 ? X509_PCY_TREE_VALID : X509_PCY_TREE_FAILURE;
}

}  // namespace

bool CheckPolicies(PathView path, std::vector<Problem>* out) {
  const PathView below = path.subspan(0, path.size() - 1);
  const bool needed = std::any_of(below.begin(), below.end(), [](const auto& certificate) {
    return certificate->has_policy_rules;
  });
  if (!needed) return true;
  const int result = LacksPolicies(below) ? EvaluateWithoutPolicies(below) : EvaluatePolicies(path);
  if (result == X509_PCY_TREE_VALID) return true;
  const bool none = result == X509_PCY_TREE_FAILURE;
  out->push_back({Reason::kCertPolicy,
                  none ? X509_V_ERR_NO_EXPLICIT_POLICY : X509_V_ERR_INVALID_POLICY_EXTENSION,
                  none ? "no certificate policy is valid for the path"
                       : "certificate policies are inconsistent",
                  0});
  return false;
}

}  // namespace sallyport::authsvc
