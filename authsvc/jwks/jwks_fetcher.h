// Key sets of token issuers (RFC 7517), fetched by HTTPS, kept and fetched anew (DESIGN 3: no
// network inside a decision; what one lacks is fetched beside it).
//
// A set is fetched when a decision lacks it, again when it is older than `refresh_after` and asked
// for (beside the decision, which uses the old one meanwhile), or when a token names a key that it
// does not hold (at most every `least_between`), and never used beyond `max_age`: an issuer that
// cannot be reached for that long signs for nobody.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "authsvc/decide/key_sets.h"

namespace sallyport::base {
class Clock;
}

namespace sallyport::authsvc {

class Snapshot;
namespace v1 = ::sallyport::v1;

struct JwksOptions {
  absl::Duration refresh_after = absl::Minutes(5);
  absl::Duration max_age = absl::Hours(1);
  absl::Duration least_between = absl::Seconds(5);  // of two fetches of one set, failures included
  absl::Duration timeout = absl::Seconds(5);        // of one fetch, all of it
  size_t max_sets = 10'000;  // kept at once; more are not fetched, which is reported
  // Fetches at once that nobody waits for, ahead of their use or because a set is old, and of them
  // those of one server (FetchLine).
  size_t most_ahead = 8;
  size_t most_ahead_of_one = 4;
  // Certificates beside those of an issuer; empty: the system's.
  std::string ca_path;
};

// How a fetch ended, for log and metrics. Never what was answered.
struct JwksResult {
  std::string issuer_id;
  std::string url;
  absl::Status status;
  size_t keys = 0;
  size_t skipped = 0;
};

class JwksFetcher : public KeySets {
 public:
  // `clock` must outlive it. `report` may be empty; it is called on the fetching thread.
  JwksFetcher(JwksOptions options, const base::Clock* clock,
              std::function<void(const JwksResult&)> report);
  // Ends the fetches under way; who waits is called.
  ~JwksFetcher() override;
  JwksFetcher(const JwksFetcher&) = delete;
  JwksFetcher& operator=(const JwksFetcher&) = delete;

  [[nodiscard]] FetchedKeysPtr Find(const v1::TokenIssuer& issuer) const override;
  [[nodiscard]] bool MayAskAgain(const v1::TokenIssuer& issuer) const override;
  // Fetches the sets of these issuers, each once whoever asks; `done` is called once, on the
  // fetching thread, when every one of them was answered, failed, or may not be fetched yet.
  // Thread-safe, does not block.
  void Fetch(const Snapshot& snapshot, const std::vector<std::string>& issuer_ids,
             std::function<void()> done);
  // The same for what nobody waits for: a few at once, and beside them what Fetch is asked for.
  void Prefetch(const Snapshot& snapshot, const std::vector<std::string>& issuer_ids);
  // Forgets the sets that no issuer of it has: those of issuers that went, or that were given
  // another address or other trust.
  void KeepThoseOf(const Snapshot& snapshot);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::authsvc
