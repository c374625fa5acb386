// Names to addresses: getaddrinfo on a few threads of its own, one lookup per name at a time,
// answers cached with bounds. An answer is fresh for `fresh`; then it is still served while a new
// lookup runs; when lookups fail it is served until `stale`. Failures are remembered for
// `negative`. `localhost` and names below it are never looked up (RFC 6761 6.3). Thread-safe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/loop/loop.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

using Addresses = std::shared_ptr<const std::vector<boost::asio::ip::address>>;

struct ResolverOptions {
  absl::Duration fresh = absl::Seconds(30);
  absl::Duration stale = absl::Minutes(10);
  absl::Duration negative = absl::Seconds(2);
  size_t max_names = 10'000;
  size_t max_waiting = 4'096;  // lookups queued; above it a miss fails at once
  int threads = 2;
};

class Resolver {
 public:
  // Blocks; never empty when OK.
  using LookupFunction =
      std::function<absl::StatusOr<std::vector<boost::asio::ip::address>>(const std::string& host)>;

  // `lookup` empty: getaddrinfo. `clock` outlives this.
  explicit Resolver(ResolverOptions options = {}, LookupFunction lookup = {},
                    const base::Clock& clock = base::SystemClock());
  ~Resolver();  // stops
  // Waits for running lookups and fails those that wait; later ones fail where the cache has no
  // answer. Answers are posted to the loops that asked: whoever owns the loops must call this
  // before the first of them is destroyed. May be called again.
  void Stop();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // On `loop`'s thread. IP literals are answered at once. DeadlineExceeded when the deadline passes
  // first.
  [[nodiscard]] boost::asio::awaitable<absl::StatusOr<Addresses>> Resolve(Loop& loop,
                                                                          const std::string& host,
                                                                          Deadline deadline);
  // For whom none of `than`, an answer of before, was of any use: other addresses, where a lookup
  // has found some since, or finds some now because that answer is not fresh any more. Null: there
  // are none.
  [[nodiscard]] boost::asio::awaitable<Addresses> Newer(Loop& loop, const std::string& host,
                                                        Addresses than, Deadline deadline);
  // For who has connections to a name's addresses and makes no new ones: what the cache holds now,
  // and a lookup starts where that is not fresh any more. Null: nothing is known (any more), or
  // `host` was never asked for.
  [[nodiscard]] Addresses Follow(const std::string& host);
  // What the cache holds now (fresh or stale); null otherwise. Starts no lookup.
  [[nodiscard]] Addresses Peek(const std::string& host) const;

 private:
  using Done = std::function<void(const absl::StatusOr<Addresses>&)>;
  struct Entry {
    Addresses addresses;  // null after a failure with nothing to serve
    absl::Status failure;
    absl::Duration fresh_until;
    absl::Duration stale_until;
    bool running = false;
    std::vector<Done> waiting;
  };

  // Answers at once (true) or calls `done` later on a resolver thread.
  bool Ask(const std::string& host, absl::StatusOr<Addresses>* answer, Done done);
  // Likewise, for Newer.
  bool AskNewer(const std::string& host, const Addresses& than, absl::StatusOr<Addresses>* answer,
                Done done);
  struct Waiting;
  static Done Post(Loop& loop, std::shared_ptr<Waiting> waiting);
  bool Enqueue(const std::string& host, Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Work();
  void Finish(const std::string& host, absl::StatusOr<std::vector<boost::asio::ip::address>> found);
  void MakeRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ResolverOptions options_;
  const LookupFunction lookup_;
  const base::Clock& clock_;
  mutable base::Mutex mutex_;
  base::CondVar wake_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> queue_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace sallyport::dataplane
