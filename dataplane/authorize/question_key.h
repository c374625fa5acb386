// Which question to authsvc is which: the key of caches, and the comparison with a connection's
// last one. Pure.
#pragma once

#include "absl/types/span.h"
#include "dataplane/authorize/authorizer.h"
#include "dataplane/authorize/facts.h"
#include "shared/cache/keyed_hash.h"

namespace sallyport::dataplane {

// Only what the question will carry counts as presented.
[[nodiscard]] inline const PeerCertificate* PeerOf(const AuthFacts& facts) {
  return facts.proof == Proof::kNone ? nullptr : facts.peer;
}

[[nodiscard]] cache::Hash128 HashOfCredentials(absl::Span<const PresentedCredential> credentials);

// A hash of hashes where a part was hashed before, under the same key: as hard to collide as one
// over all. No peer: proof is kNone, and only then. `credentials` from HashOfCredentials.
[[nodiscard]] cache::Hash128 QuestionKey(const AuthFacts& facts, const cache::Hash128& credentials);
[[nodiscard]] bool SameQuestion(const ConnectionMemo& memo, const AuthFacts& facts,
                                const cache::Hash128& credentials);
// The memo's next comparison is with this question.
void RememberQuestion(const AuthFacts& facts, const cache::Hash128& credentials,
                      ConnectionMemo* memo);

}  // namespace sallyport::dataplane
