// The signature algorithms of RFC 7518 section 3.1 and RFC 8037 that are verified; "none" is not
// one of them and has no number. Plain values, thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>

#include "absl/strings/string_view.h"

namespace sallyport::jwt {

enum class Algorithm : uint8_t {
  kHs256,
  kHs384,
  kHs512,
  kRs256,
  kRs384,
  kRs512,
  kPs256,
  kPs384,
  kPs512,
  kEs256,
  kEs384,
  kEs512,
  kEdDsa,
};

// Names are compared byte by byte, as RFC 7515 section 4.1.1 demands.
[[nodiscard]] std::optional<Algorithm> AlgorithmFromName(absl::string_view name);
[[nodiscard]] absl::string_view AlgorithmName(Algorithm algorithm);
[[nodiscard]] bool IsSymmetric(Algorithm algorithm);

// Which algorithms a caller accepts; nothing unless it says so.
class AlgorithmSet {
 public:
  constexpr AlgorithmSet() = default;
  constexpr AlgorithmSet(std::initializer_list<Algorithm> algorithms) {
    for (const Algorithm algorithm : algorithms) Add(algorithm);
  }
  constexpr void Add(Algorithm algorithm) { bits_ |= Bit(algorithm); }
  [[nodiscard]] constexpr bool Has(Algorithm algorithm) const {
    return (bits_ & Bit(algorithm)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }

 private:
  static constexpr uint32_t Bit(Algorithm algorithm) {
    return uint32_t{1} << static_cast<uint32_t>(algorithm);
  }
  uint32_t bits_ = 0;
};

// All that verify with a public key: what an issuer with a JWKS or a certificate gets by default.
[[nodiscard]] AlgorithmSet PublicKeyAlgorithms();
// Those and HS256, HS384, HS512: for whoever looks at each token's algorithm once its issuer is
// known.
[[nodiscard]] AlgorithmSet EveryAlgorithm();

}  // namespace sallyport::jwt
