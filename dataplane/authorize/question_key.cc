#include "dataplane/authorize/question_key.h"

namespace sallyport::dataplane {
namespace {

const PeerDigest& Nothing() {
  static constexpr PeerDigest zero{};
  return zero;
}

Proof ProofOf(const AuthFacts& facts) {
  return PeerOf(facts) == nullptr ? Proof::kNone : facts.proof;
}

}  // namespace

cache::Hash128 HashOfCredentials(absl::Span<const PresentedCredential> credentials) {
  if (credentials.empty()) return {};
  cache::KeyBuilder builder;
  for (const PresentedCredential& credential : credentials) {
    const cache::Hash128 value =
        cache::KeyedHash(cache::ProcessHashKey(), credential.value.Reveal());
    builder.Add(credential.mechanism()).Add(credential.place).Add(credential.name);
    builder.Add(value.low).Add(value.high);
  }
  return builder.Finish();
}

cache::Hash128 QuestionKey(const AuthFacts& facts, const cache::Hash128& credentials) {
  const PeerCertificate* peer = PeerOf(facts);
  const cache::Hash128 peer_key = peer == nullptr ? cache::Hash128() : peer->cache_key;
  cache::KeyBuilder builder;
  builder.Add((static_cast<uint64_t>(ProofOf(facts)) << 1) | (facts.tls ? 1 : 0));
  builder.Add(peer_key.low).Add(peer_key.high).Add(credentials.low).Add(credentials.high);
  builder.Add(facts.route->api_id).Add(facts.profile).Add(facts.proxy);
  return builder.Finish();
}

bool SameQuestion(const ConnectionMemo& memo, const AuthFacts& facts,
                  const cache::Hash128& credentials) {
  const PeerCertificate* peer = PeerOf(facts);
  return memo.proof == ProofOf(facts) && memo.tls == facts.tls &&
         memo.credentials[0] == credentials.low && memo.credentials[1] == credentials.high &&
         memo.leaf_sha256 == (peer == nullptr ? Nothing() : peer->leaf_sha256) &&
         memo.chain_sha256 == (peer == nullptr ? Nothing() : peer->chain_sha256) &&
         memo.api_id == facts.route->api_id && memo.profile == facts.profile &&
         memo.proxy == facts.proxy;
}

void RememberQuestion(const AuthFacts& facts, const cache::Hash128& credentials,
                      ConnectionMemo* memo) {
  const PeerCertificate* peer = PeerOf(facts);
  memo->api_id = facts.route->api_id;
  memo->profile.assign(facts.profile.data(), facts.profile.size());
  memo->proxy.assign(facts.proxy.data(), facts.proxy.size());
  memo->proof = ProofOf(facts);
  memo->tls = facts.tls;
  memo->leaf_sha256 = peer == nullptr ? Nothing() : peer->leaf_sha256;
  memo->chain_sha256 = peer == nullptr ? Nothing() : peer->chain_sha256;
  memo->credentials[0] = credentials.low;
  memo->credentials[1] = credentials.high;
}

}  // namespace sallyport::dataplane
