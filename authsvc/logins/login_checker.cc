#include "authsvc/logins/login_checker.h"

#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "authsvc/logins/login_line.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/snapshot/stand_in.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/password.h"
#include "shared/crypto/random.h"

namespace sallyport::authsvc {
namespace {

// Called once when nothing holds it any more.
class WhenAll {
 public:
  explicit WhenAll(std::function<void()> done) : done_(std::move(done)) {}
  ~WhenAll() { done_(); }
  WhenAll(const WhenAll&) = delete;
  WhenAll& operator=(const WhenAll&) = delete;

 private:
  std::function<void()> done_;
};
using Waiter = std::shared_ptr<WhenAll>;

constexpr size_t kMostWaitersOfOneCheck = 1000;

struct Remembered {
  bool right = false;
  absl::Duration until;
};

}  // namespace

struct LoginChecker::Impl {
  Impl(LoginOptions chosen, const base::Clock* its_clock, HashOpener its_open)
      : options(chosen), clock(its_clock), open(std::move(its_open)) {}

  // What tells one password of one stored hash from every other. Keyed: nobody who sees it can try
  // passwords against it.
  [[nodiscard]] std::string DigestOf(const v1::Key* key, const LoginName& name,
                                     absl::string_view password) const {
    std::string text(secret.Reveal());
    const auto add = [&text](absl::string_view part) {
      absl::StrAppend(&text, part.size(), ":", part);
    };
    add(key != nullptr ? "key" : "nobody");
    add(key != nullptr ? key->id() : name.org_id);
    add(key != nullptr ? key->basic_login().sealed_hash().ciphertext() : name.username);
    text.append(password.data(), password.size());
    std::string digest = crypto::Sha256(text);
    base::Cleanse(&text);
    return digest;
  }

  [[nodiscard]] LoginVerdict Find(const std::string& digest) ABSL_LOCKS_EXCLUDED(mutex) {
    const absl::Duration now = clock->Monotonic();
    base::MutexLock lock(&mutex);
    const auto found = remembered.find(digest);
    if (found == remembered.end() || found->second.until < now) return LoginVerdict::kUnknown;
    if (found->second.right) found->second.until = now + options.right_for;
    return found->second.right ? LoginVerdict::kRight : LoginVerdict::kWrong;
  }

  // What has no place is let go of.
  void Enqueue(const std::shared_ptr<const Snapshot>& snapshot, LoginNeed need,
               const Waiter& waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const KeyEntry* const entry = need.key_id.empty() ? nullptr : snapshot->FindKey(need.key_id);
    std::string digest =
        DigestOf(entry != nullptr ? &entry->key : nullptr, need.name, need.password.Reveal());
    if (const auto found = waiters.find(digest); found != waiters.end()) {
      if (found->second.size() < kMostWaitersOfOneCheck) found->second.push_back(waiter);
      return;
    }
    LoginJob job;
    job.digest = std::move(digest);
    if (entry != nullptr) job.key_id = std::move(need.key_id);
    job.name = absl::StrCat(need.name.org_id, "\n", need.name.username);
    job.org_id = std::move(need.name.org_id);
    job.since = clock->Monotonic();
    job.snapshot = snapshot;
    job.password = std::move(need.password);
    if (!line.HasPlaceFor(job)) return;
    waiters[job.digest].push_back(waiter);
    line.Add(std::move(job));
    while (threads.size() < options.threads) threads.emplace_back([this] { Work(); });
    wake.Signal();
  }

  void Work() {
    while (const auto job = Next()) {
      std::optional<bool> right;
      if (clock->Monotonic() - job->since <= options.patience) right = IsRight(*job);
      Finish(*job, right);
    }
  }

  // None: it is the end.
  std::optional<LoginJob> Next() ABSL_LOCKS_EXCLUDED(mutex) {
    base::MutexLock lock(&mutex);
    while (!stop) {
      if (auto job = line.Next(); job.has_value()) return job;
      wake.Wait(&mutex);
    }
    return std::nullopt;
  }

  [[nodiscard]] bool IsRight(const LoginJob& job) const {
    const KeyEntry* const entry = job.IsNobodys() ? nullptr : job.snapshot->FindKey(job.key_id);
    // As much work for a user name of nobody as for one that somebody has: hashes that were brought
    // along cost otherwise than ours, and a name whose check takes another time than all others'
    // would be known to be nobody's.
    const KeyEntry* const tried =
        entry != nullptr ? entry : FindStandIn(*job.snapshot, job.org_id, job.name);
    if (tried != nullptr) {
      const auto hash = open(tried->key);
      if (hash.ok()) {
        const bool right = crypto::VerifyPassword(job.password.Reveal(), hash->Reveal());
        return entry != nullptr && right;
      }
    }
    const auto unused = crypto::HashPassword(job.password.Reveal());
    static_cast<void>(unused);
    return false;
  }

  // Nothing: it was not checked.
  void Finish(const LoginJob& job, std::optional<bool> right) ABSL_LOCKS_EXCLUDED(mutex) {
    std::vector<Waiter> done;  // called when it goes, without the lock
    {
      base::MutexLock lock(&mutex);
      line.End(job);
      const auto found = waiters.find(job.digest);
      done = std::move(found->second);
      waiters.erase(found);
      if (right.has_value()) Remember(job.digest, *right);
    }
  }

  void Remember(const std::string& digest, bool right) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const absl::Duration until =
        clock->Monotonic() + (right ? options.right_for : options.wrong_for);
    if (remembered.insert_or_assign(digest, Remembered{right, until}).second)
      in_order.push_back(digest);
    while (in_order.size() > options.most_remembered) {
      remembered.erase(in_order.front());
      in_order.pop_front();
    }
  }

  const LoginOptions options;
  const base::Clock* const clock;
  const HashOpener open;
  const base::Secret secret{crypto::RandomBytes(32)};

  mutable base::Mutex mutex;
  base::CondVar wake;
  bool stop ABSL_GUARDED_BY(mutex) = false;
  LoginLine line ABSL_GUARDED_BY(mutex){options};
  absl::flat_hash_map<std::string, std::vector<Waiter>> waiters ABSL_GUARDED_BY(mutex);
  absl::flat_hash_map<std::string, Remembered> remembered ABSL_GUARDED_BY(mutex);
  std::deque<std::string> in_order ABSL_GUARDED_BY(mutex);
  std::vector<std::thread> threads ABSL_GUARDED_BY(mutex);
};

LoginChecker::LoginChecker(LoginOptions options, const base::Clock* clock, HashOpener open)
    : impl_(std::make_unique<Impl>(options, clock, std::move(open))) {}

LoginChecker::~LoginChecker() {
  std::vector<std::thread> threads;
  {
    base::MutexLock lock(&impl_->mutex);
    impl_->stop = true;
    impl_->wake.SignalAll();
    threads.swap(impl_->threads);
  }
  for (std::thread& thread : threads) thread.join();
  // Called now, while all of this is still there.
  absl::flat_hash_map<std::string, std::vector<Waiter>> left;
  {
    base::MutexLock lock(&impl_->mutex);
    left.swap(impl_->waiters);
  }
}

LoginVerdict LoginChecker::Find(const v1::Key* key, const LoginName& name,
                                absl::string_view password) const {
  return impl_->Find(impl_->DigestOf(key, name, password));
}

void LoginChecker::Check(std::shared_ptr<const Snapshot> snapshot, std::vector<LoginNeed> needs,
                         std::function<void()> done) {
  // Called when the last check lets go of it; at the end of this call, without the lock, where none
  // took it.
  const Waiter waiter = std::make_shared<WhenAll>(std::move(done));
  base::MutexLock lock(&impl_->mutex);
  if (impl_->stop) return;
  for (LoginNeed& need : needs) impl_->Enqueue(snapshot, std::move(need), waiter);
}

}  // namespace sallyport::authsvc
