// The last requests of one loop that were let in, so that `sallyctl explain --request` can say why:
// what was asked, what was presented, what the decision said, where the request went. One loop's
// thread, no lock; Keep allocates nothing but for a chain that was not there. Bounded by number and
// bytes, oldest out first.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dataplane/sync/decision.h"
#include "dataplane/sync/telemetry_sink.h"
#include "shared/base/reason.h"
#include "shared/cache/keyed_hash.h"
#include "shared/cache/store.h"

namespace sallyport::dataplane {

// Views are only read during Keep. No secret goes in: no query (it may carry a token), no header
// values, of tokens the SHA-256 alone.
struct AllowedRequest {
  struct Token {
    absl::string_view mechanism, place;
    std::array<uint8_t, 32> sha256;
  };

  absl::Time time;
  absl::string_view request_id, api_id, version, profile, method, host, path, client_address;
  bool tls = false;
  Proof proof = Proof::kNone;
  absl::string_view proxy;  // kHeader: which trusted proxy
  // Of what was presented; null: nothing was. `chain_key` stands for the whole chain.
  const std::vector<std::string>* chain_der = nullptr;
  const std::array<uint8_t, 32>* leaf_sha256 = nullptr;
  cache::Hash128 chain_key;
  absl::Span<const Token> tokens;
  const Decision* decision = nullptr;  // never null in Keep
  bool stale = false;
  bool target_tls = false;
  bool streams = false;        // of an API of protocol tls or tcp
  absl::string_view target;    // host[:port]; empty: a script answered
  absl::string_view upstream;  // address:port
  absl::string_view upstream_certificate_id;
  bool upstream_reused = false;
  int status = 0;
  base::Reason reason = base::Reason::kAllowed;  // else: what broke the answer off
  absl::Duration total;
};

class AllowedRing {
 public:
  // `requests` 0: nothing is kept. Half of `bytes` is for the chains, each kept once whoever
  // presents it; a request whose chain had to go is known by its leaf's hash still. Memory is taken
  // as it is used.
  AllowedRing(size_t requests, size_t bytes);
  AllowedRing(const AllowedRing&) = delete;
  AllowedRing& operator=(const AllowedRing&) = delete;

  [[nodiscard]] bool on() const { return most_ > 0; }
  // Long texts are cut: the path at 2,048 bytes, others at 512 or less.
  void Keep(const AllowedRequest& request);
  // The newest of this id.
  [[nodiscard]] std::optional<AllowedRecord> Find(absl::string_view request_id);
  [[nodiscard]] size_t size() const { return count_; }
  [[nodiscard]] size_t chain_bytes() const { return chains_.bytes(); }

 private:
  struct Slot {
    uint64_t tail;  // last bytes of the id: finds without touching the records
    uint32_t at, size;
  };

  // 0 is the oldest; the one after the newest may be named too.
  [[nodiscard]] Slot& At(size_t age) const {
    const size_t index = oldest_ + age;
    return slots_[index < most_ ? index : index - most_];
  }
  void KeepChain(const AllowedRequest& request);
  // Where `size` bytes are free; the oldest records went for them.
  uint32_t MakeRoom(uint32_t size);
  void DropOldest();
  [[nodiscard]] std::optional<AllowedRecord> Read(const Slot& slot);

  const size_t most_;
  const size_t record_bytes_;
  // Neither is touched before it is used. Records stand in the order of their slots, each in one
  // piece.
  const std::unique_ptr<Slot[]> slots_;
  const std::unique_ptr<char[]> records_;
  const std::unique_ptr<char[]> scratch_;
  size_t oldest_ = 0, count_ = 0;
  size_t head_ = 0;  // where the newest record ends
  cache::LruStore<std::vector<std::string>> chains_;
};

}  // namespace sallyport::dataplane
