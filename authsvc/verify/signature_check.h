// Is this certificate signed by that issuer's key? Answers from the shared memo (only good ones are
// shared), then from this request's own, then by OpenSSL, within a budget by weight. One object per
// request; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "authsvc/verify/path_memo.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {

class SignatureChecker {
 public:
  enum class Verdict : uint8_t { kGood, kBad, kBudget };

  SignatureChecker(PathMemo* memo, int weight_budget) : memo_(memo), budget_(weight_budget) {}

  [[nodiscard]] Verdict Check(const crypto::Certificate& child, const crypto::Certificate& issuer);
  // What is known without verifying anything.
  [[nodiscard]] std::optional<bool> Known(const crypto::Certificate& child,
                                          const crypto::Certificate& issuer);

  [[nodiscard]] int verified() const { return verified_; }
  [[nodiscard]] int weight() const { return weight_; }

 private:
  // Child, SHA-256 of the issuer's key: certificates of one key share the answer. Both outlive
  // this.
  using Pair = std::pair<const crypto::Certificate*, absl::string_view>;
  static Pair PairOf(const crypto::Certificate& child, const crypto::Certificate& issuer) {
    return {&child, issuer.spki_sha256};
  }

  PathMemo* const memo_;
  const int budget_;
  int verified_ = 0;
  int weight_ = 0;
  absl::flat_hash_map<Pair, bool> answers_;
};

// What one verification with this key costs: RSA and P-256 1, as measured (reference x509.md).
[[nodiscard]] int SignatureWeight(const crypto::Certificate& issuer);

}  // namespace sallyport::authsvc
