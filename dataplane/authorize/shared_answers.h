// Answers of authsvc of one kind, shared by all loops: a bounded store, and one question at a time
// per key that every asker shares. An answer that an eviction overtook while it was on its way is
// asked for once more and never used. Thread-safe. Private to dataplane/authorize.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "dataplane/authorize/answer.h"
#include "dataplane/sync/authsvc_client.h"
#include "shared/base/mutex.h"
#include "shared/cache/store.h"

namespace sallyport::dataplane {

// What SharedAnswers must know of a value.
struct AnswerFacts {
  absl::Span<const std::string> tags;
  uint64_t revision = 0;
  AnswerBounds bounds;
  bool positive = false;
  size_t bytes = 0;
};

[[nodiscard]] inline bool NobodyAnswered(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsCancelled(status);
}
[[nodiscard]] inline bool WeAreRefused(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

// So often an answer that a change has overtaken is asked for once more: with many changes a second
// that happens several times in a row.
inline constexpr int kMostOvertaken = 8;

template <typename T>
class SharedAnswers {
 public:
  using Ptr = std::shared_ptr<const Answer<T>>;
  using Result = absl::StatusOr<Ptr>;
  // Puts the question to authsvc; may be called more than once.
  using Question = std::function<void(uint64_t min_revision, Poster* poster,
                                      Completion<std::shared_ptr<const T>> done)>;

  struct Options {
    std::function<AnswerFacts(const T&)> facts;
    std::function<void()> on_refused;  // after everything was dropped
    std::function<double()> jitter;
    size_t entries = 0, bytes = 0;
    size_t negative_entries = 0, negative_bytes = 0;
    size_t max_open = 10'000;  // questions at a time
  };
  struct Counters {
    std::atomic<uint64_t> asked{0}, joined{0}, reasked{0};
  };

  SharedAnswers(Options options, AnswerContext context)
      : options_(std::move(options)),
        context_(context),
        positive_(options_.entries, options_.bytes),
        negative_(options_.negative_entries, options_.negative_bytes) {}

  // What is kept for the key, fresh or not. One that was evicted goes here, and the key in it with
  // it.
  [[nodiscard]] Ptr Find(const cache::Hash128& key, int64_t now) {
    for (auto* store : {&positive_, &negative_}) {
      Ptr found = store->Find(key, now);
      if (found == nullptr) continue;
      if (context_.generations->Valid(found->stamp)) return found;
      store->Erase(key);
    }
    return nullptr;
  }

  // True while somebody has asked for the key and waits: whoever asks now causes no question.
  [[nodiscard]] bool Asked(const cache::Hash128& key) {
    const base::MutexLock lock(&mutex_);
    return flights_.contains(key);
  }

  // `done` is posted to `poster` once. `keep` false: the answer is handed out but not stored.
  void Ask(const cache::Hash128& key, Question question, Poster* poster,
           std::function<void(Result)> done, bool keep = true);

  void Clear() {
    positive_.Clear();
    negative_.Clear();
  }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const cache::ShardedStore<Answer<T>>& positive() const { return positive_; }
  [[nodiscard]] const cache::ShardedStore<Answer<T>>& negative() const { return negative_; }

 private:
  struct Waiter {
    Poster* poster;
    std::function<void(Result)> done;
  };
  struct Flight {
    cache::Hash128 key;
    Question question;
    Poster* poster;  // of the first asker
    bool keep;
    uint64_t incarnation = 0;
    uint64_t min_revision = 0;    // of the last question
    int again = 0;                // how often it was asked once more
    std::vector<Waiter> waiters;  // guarded by mutex_
  };
  using FlightPtr = std::shared_ptr<Flight>;

  void Send(const FlightPtr& flight, uint64_t min_revision);
  void Came(const FlightPtr& flight, absl::StatusOr<std::shared_ptr<const T>> value);
  Ptr Wrap(const FlightPtr& flight, std::shared_ptr<const T> value, const AnswerFacts& facts,
           cache::TagStamp stamp);
  void Land(const FlightPtr& flight, const Result& result);

  const Options options_;
  const AnswerContext context_;
  cache::ShardedStore<Answer<T>> positive_, negative_;
  Counters counters_;
  base::Mutex mutex_;
  absl::flat_hash_map<cache::Hash128, FlightPtr> flights_ ABSL_GUARDED_BY(mutex_);
};

template <typename T>
void SharedAnswers<T>::Ask(const cache::Hash128& key, Question question, Poster* poster,
                           std::function<void(Result)> done, bool keep) {
  FlightPtr flight;
  {
    base::MutexLock lock(&mutex_);
    const auto open = flights_.find(key);
    if (open != flights_.end()) {
      open->second->waiters.push_back({poster, std::move(done)});
      counters_.joined.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (flights_.size() < options_.max_open) {
      flight = std::make_shared<Flight>();
      flight->key = key;
      flight->question = std::move(question);
      flight->poster = poster;
      flight->keep = keep;
      flight->waiters.push_back({poster, std::move(done)});
      flights_.emplace(key, flight);
    }
  }
  if (flight == nullptr) {
    poster->Post(
        [done = std::move(done)] {  // NOLINT(bugprone-use-after-move): only a flight takes it
          done(absl::ResourceExhaustedError("too many open questions"));
        });
    return;
  }
  counters_.asked.fetch_add(1, std::memory_order_relaxed);
  Send(flight, context_.stream->AppliedRevision());
}

template <typename T>
void SharedAnswers<T>::Send(const FlightPtr& flight, uint64_t min_revision) {
  flight->incarnation = context_.generations->Incarnation();
  flight->min_revision = min_revision;
  flight->question(min_revision, flight->poster,
                   [this, flight](absl::StatusOr<std::shared_ptr<const T>> value) {
                     Came(flight, std::move(value));
                   });
}

template <typename T>
void SharedAnswers<T>::Came(const FlightPtr& flight,
                            absl::StatusOr<std::shared_ptr<const T>> value) {
  if (!value.ok()) {
    if (WeAreRefused(value.status())) {
      context_.generations->VoidAll();
      if (options_.on_refused) options_.on_refused();
    }
    Land(flight, value.status());
    return;
  }
  if (*value == nullptr) {
    Land(flight, absl::InternalError("empty answer"));
    return;
  }
  const AnswerFacts facts = options_.facts(**value);
  cache::TagStamp stamp =
      context_.generations->Stamp(facts.tags, facts.revision, flight->incarnation);
  if (!context_.generations->Valid(stamp)) {
    // Overtaken by a change, of which many may follow each other closely; an authsvc that stays
    // behind what it was asked for is asked no more.
    const bool overtaken = flight->again == 0 || facts.revision >= flight->min_revision;
    if (overtaken && flight->again < kMostOvertaken) {
      ++flight->again;
      counters_.reasked.fetch_add(1, std::memory_order_relaxed);
      Send(flight,
           std::max(context_.stream->AppliedRevision(), context_.generations->Newest(stamp)));
      return;
    }
    Land(flight, absl::UnavailableError("the answer was older than what it depends on"));
    return;
  }
  Land(flight, Wrap(flight, *std::move(value), facts, std::move(stamp)));
}

template <typename T>
typename SharedAnswers<T>::Ptr SharedAnswers<T>::Wrap(const FlightPtr& flight,
                                                      std::shared_ptr<const T> value,
                                                      const AnswerFacts& facts,
                                                      cache::TagStamp stamp) {
  const int64_t now = context_.Now();
  auto answer = std::make_shared<Answer<T>>();
  answer->value = std::move(value);
  answer->stamp = std::move(stamp);
  answer->times =
      TimesFor(facts.bounds, context_.clock->Now(), now, options_.jitter ? options_.jitter() : 0);
  answer->hard_expiry = facts.bounds.hard_expiry;
  answer->positive = facts.positive;
  const AnswerTimes& times = answer->times;
  const int64_t keep_until = facts.positive
                                 ? std::min(times.fresh_until + times.stale_for, times.hard_until)
                                 : times.fresh_until;
  if (flight->keep && keep_until > now) {
    auto& store = facts.positive ? positive_ : negative_;
    (facts.positive ? negative_ : positive_).Erase(flight->key);
    const size_t bytes = facts.bytes + sizeof(Answer<T>) + answer->stamp.slots.size() * 4 + 64;
    store.Put(flight->key, answer, bytes, keep_until);
  }
  return answer;
}

template <typename T>
void SharedAnswers<T>::Land(const FlightPtr& flight, const Result& result) {
  std::vector<Waiter> waiters;
  {
    base::MutexLock lock(&mutex_);
    flights_.erase(flight->key);
    waiters = std::move(flight->waiters);
  }
  for (Waiter& waiter : waiters) {
    waiter.poster->Post([done = std::move(waiter.done), result] { done(result); });
  }
}

}  // namespace sallyport::dataplane
