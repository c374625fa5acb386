// The certificates of a question, parsed. Only the leaf's key was proven; the others are candidates
// for its path and nothing more.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "authsvc/decide/refusal.h"
#include "authsvc/snapshot/entries.h"
#include "sallyport/v1/decision.pb.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {

class PathMemo;

struct Presented {
  std::vector<crypto::CertificatePtr> chain;  // leaf first; empty: no certificate
  Digest fingerprint{};                       // of the leaf
  std::string hex;                            // the same, lower case

  [[nodiscard]] bool any() const { return !chain.empty(); }
  [[nodiscard]] const crypto::Certificate& leaf() const { return *chain.front(); }
};

inline constexpr int kMostPresented = 8;

// A chain without proof, a header without a trusted proxy, too many certificates or a leaf that
// does not parse are refused; another certificate that does not parse is left out (it can only have
// helped).
[[nodiscard]] std::optional<Refusal> ReadPresented(const v1::AuthorizeRequest& request,
                                                   const v1::GatewaySettings& settings,
                                                   PathMemo* memo, Presented* out);

[[nodiscard]] Digest DigestOf(absl::string_view raw);  // 32 bytes

}  // namespace sallyport::authsvc
