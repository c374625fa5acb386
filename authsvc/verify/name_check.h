// Name constraints, RFC 5280 4.2.1.10, with the cases of reference x509.md that OpenSSL gets wrong.
// One object per request: it counts the comparisons against the request's budget. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "authsvc/verify/problem.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {

class NameChecker {
 public:
  NameChecker(bool allow_leading_period, int64_t budget)
      : allow_leading_period_(allow_leading_period), budget_(budget) {}

  // The issuer's constraints against all names of `below`, which stands at `depth`. Answers are
  // remembered: certificates must outlive this. Once the budget is exhausted every answer is a
  // problem.
  [[nodiscard]] std::optional<Problem> Check(const crypto::Certificate& issuer,
                                             const crypto::Certificate& below, int depth);

  [[nodiscard]] bool exhausted() const { return comparisons_ > budget_; }
  [[nodiscard]] int64_t comparisons() const { return comparisons_; }

 private:
  enum class Verdict : uint8_t { kOutside, kInside, kBadConstraint, kBadName, kNotSupported };
  struct Candidate {
    crypto::NameKind kind;
    int type;
    absl::string_view value;
    const X509_NAME* directory;
  };
  using Pair = std::pair<const crypto::Certificate*, const crypto::Certificate*>;

  std::optional<Problem> CheckAll(const crypto::NameConstraints& constraints,
                                  const crypto::Certificate& below);
  std::optional<Problem> CheckName(const crypto::NameConstraints& constraints,
                                   const Candidate& name);
  std::optional<Problem> CheckPermitted(const crypto::NameConstraints& constraints,
                                        const Candidate& name);
  std::optional<Problem> CheckExcluded(const crypto::NameConstraints& constraints,
                                       const Candidate& name);
  Verdict Compare(const crypto::GeneralName& base, const Candidate& name, bool excluded);
  Verdict CompareDns(absl::string_view base, absl::string_view name, bool excluded);
  Verdict CompareDirectory(const X509_NAME* base, const X509_NAME* name);
  const X509_NAME* Prefix(const X509_NAME* name, int rdns);

  const bool allow_leading_period_;
  const int64_t budget_;
  int64_t comparisons_ = 0;
  absl::flat_hash_map<Pair, std::optional<Problem>> answers_;
  absl::flat_hash_map<std::pair<const X509_NAME*, int>, crypto::UniqueX509Name> prefixes_;
};

}  // namespace sallyport::authsvc
