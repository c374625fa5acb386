// Static mTLS: is the proven leaf admitted by one of the allowlists? Exactly listed leaves, bare
// public keys, then paths to listed CAs. Look-ups by hash: the cost does not depend on the length
// of a list.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "authsvc/decide/presented.h"
#include "authsvc/decide/refusal.h"
#include "authsvc/verify/revocation_list.h"

namespace sallyport::authsvc {

class PathMemo;

struct StaticQuestion {
  const Presented& presented;
  absl::Span<const Allowlist* const> lists;  // the API's, then the gateway's
  absl::Time now;
  int max_depth = 0;  // 0: limit of the profile
  RevocationListPtr revocation;
  PathMemo* memo = nullptr;
};

struct StaticVerdict {
  std::optional<Refusal> refusal;            // not set: admitted
  std::string how;                           // for the trace: what admitted it
  std::vector<std::string> certificate_ids;  // stored certificates that the answer depends on
  absl::Time not_after = absl::InfiniteFuture();
  std::vector<crypto::CertificatePtr> issuers;  // the path above the leaf, where there is one
};

// `question.presented` has a certificate.
[[nodiscard]] StaticVerdict CheckStatic(const StaticQuestion& question);

}  // namespace sallyport::authsvc
