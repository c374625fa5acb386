#include "shared/jwt/algorithm.h"

namespace sallyport::jwt {
namespace {

struct NamedAlgorithm {
  Algorithm algorithm;
  absl::string_view name;
};

constexpr NamedAlgorithm kAlgorithms[] = {
    {Algorithm::kHs256, "HS256"}, {Algorithm::kHs384, "HS384"}, {Algorithm::kHs512, "HS512"},
    {Algorithm::kRs256, "RS256"}, {Algorithm::kRs384, "RS384"}, {Algorithm::kRs512, "RS512"},
    {Algorithm::kPs256, "PS256"}, {Algorithm::kPs384, "PS384"}, {Algorithm::kPs512, "PS512"},
    {Algorithm::kEs256, "ES256"}, {Algorithm::kEs384, "ES384"}, {Algorithm::kEs512, "ES512"},
    {Algorithm::kEdDsa, "EdDSA"},
};

}  // namespace

std::optional<Algorithm> AlgorithmFromName(absl::string_view name) {
  for (const NamedAlgorithm& known : kAlgorithms) {
    if (known.name == name) return known.algorithm;
  }
  return std::nullopt;
}

absl::string_view AlgorithmName(Algorithm algorithm) {
  for (const NamedAlgorithm& known : kAlgorithms) {
    if (known.algorithm == algorithm) return known.name;
  }
  return "";
}

bool IsSymmetric(Algorithm algorithm) {
  return algorithm == Algorithm::kHs256 || algorithm == Algorithm::kHs384 ||
         algorithm == Algorithm::kHs512;
}

AlgorithmSet PublicKeyAlgorithms() {
  AlgorithmSet set;
  for (const NamedAlgorithm& known : kAlgorithms) {
    if (!IsSymmetric(known.algorithm)) set.Add(known.algorithm);
  }
  return set;
}

AlgorithmSet EveryAlgorithm() {
  AlgorithmSet set;
  for (const NamedAlgorithm& known : kAlgorithms) set.Add(known.algorithm);
  return set;
}

}  // namespace sallyport::jwt
