#include "authsvc/jwks/jwks_fetcher.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/jwks/fetch_line.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/transfers/transfers.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"
#include "shared/crypto/pem.h"
#include "shared/jwt/jwks.h"

namespace sallyport::authsvc {
namespace {

using Waiting = std::vector<std::shared_ptr<std::function<void()>>>;

// Another address or other trust is another set; issuers of one organisation that have both in
// common share it.
std::string KeyOf(const v1::TokenIssuer& issuer) {
  return absl::StrCat(issuer.org_id(), "\n", issuer.jwks_url(), "\n",
                      absl::StrJoin(issuer.jwks_trust_ids(), "\n"));
}

std::set<std::string> AllKeysOf(const Snapshot& snapshot) {
  std::set<std::string> keys;
  std::string token;
  do {
    const auto page = snapshot.ListTokenIssuers(nullptr, token, 1000);
    for (const TokenIssuerEntry* const entry : page.entries) {
      if (!entry->issuer.jwks_url().empty()) keys.insert(KeyOf(entry->issuer));
    }
    token = page.next;
  } while (!token.empty());
  return keys;
}

std::string TrustPem(const Snapshot& snapshot, const v1::TokenIssuer& issuer) {
  std::string pem;
  for (const std::string& reference : issuer.jwks_trust_ids()) {
    const CertificateEntry* const entry = snapshot.FindCertificate(issuer.org_id(), reference);
    if (entry == nullptr) continue;
    for (const absl::string_view der : entry->ChainDer())
      absl::StrAppend(&pem, crypto::CertificatePem(der));
  }
  return pem;
}

}  // namespace

struct JwksFetcher::Impl {
  struct Set {
    std::string issuer_id;  // of who asked last
    Transfer transfer;
    FetchedKeysPtr keys;
    absl::Duration tried = -absl::InfiniteDuration();  // when the last fetch began
    bool under_way = false;
    bool in_line = false;
    Waiting waiting;  // last holder gone: called
  };

  Impl(JwksOptions given, const base::Clock* its_clock,
       std::function<void(const JwksResult&)> its_report)
      : options(std::move(given)), clock(its_clock), report(std::move(its_report)) {}

  // A token that calls `done` when the last copy of it is gone.
  static std::shared_ptr<std::function<void()>> WhenGone(std::function<void()> done) {
    return {new std::function<void()>(std::move(done)), [](std::function<void()>* call) {
              if (*call) (*call)();
              delete call;
            }};
  }

  [[nodiscard]] bool Usable(const Set& set) const {
    return set.keys != nullptr && clock->Monotonic() - set.keys->fetched < options.max_age;
  }
  [[nodiscard]] bool MayFetch(const Set& set) const {
    return !set.under_way && clock->Monotonic() - set.tried >= options.least_between;
  }

  void Begin(const std::string& key, Set* set) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    set->under_way = true;
    set->tried = clock->Monotonic();
    transfers.Add(key, set->transfer);
  }

  // Who waits for one of these is called when `released` goes, which must be without the mutex.
  void DropOthers(const std::set<std::string>& keys, Waiting* released)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    for (auto at = sets.begin(); at != sets.end();) {
      const Waiting& waiting = at->second.waiting;
      if (keys.count(at->first) != 0) {
        ++at;
        continue;
      }
      released->insert(released->end(), waiting.begin(), waiting.end());
      at = sets.erase(at);
    }
  }

  // Null: there is no room, even without those that no issuer has any more.
  Set* Open(const Snapshot& snapshot, const std::string& key, Waiting* released, bool* told)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (sets.size() >= options.max_sets && sets.count(key) == 0) {
      const absl::Duration now = clock->Monotonic();
      *told = now - swept < options.least_between;
      if (*told) return nullptr;
      swept = now;
      DropOthers(AllKeysOf(snapshot), released);
      if (sets.size() >= options.max_sets) return nullptr;
    }
    return &sets[key];
  }

  // `waiting` null: nobody waits yet, and it is fetched when its turn comes.
  void Want(const Snapshot& snapshot, const std::string& id,
            const std::shared_ptr<std::function<void()>>& waiting) {
    const TokenIssuerEntry* const entry = snapshot.FindTokenIssuer(id);
    if (entry == nullptr || entry->issuer.jwks_url().empty()) return;
    const std::string key = KeyOf(entry->issuer);
    Transfer transfer{entry->issuer.jwks_url(), TrustPem(snapshot, entry->issuer)};
    Waiting released;
    bool told = false;
    {
      const base::MutexLock lock(&mutex);
      Set* const set = Open(snapshot, key, &released, &told);
      if (set != nullptr) return Take(key, set, id, std::move(transfer), waiting);
    }
    if (told || !report) return;
    JwksResult result{id, entry->issuer.jwks_url(), {}};
    result.status = absl::ResourceExhaustedError(
        absl::StrCat("there are ", options.max_sets, " key sets, which is the most"));
    report(result);
  }

  void Take(const std::string& key, Set* set, const std::string& id, Transfer transfer,
            const std::shared_ptr<std::function<void()>>& waiting)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    set->issuer_id = id;
    if (!set->under_way) {
      if (!MayFetch(*set)) return;
      set->transfer = std::move(transfer);
    }
    if (waiting != nullptr) {
      if (!set->under_way) Begin(key, set);
      set->waiting.push_back(waiting);
    } else {
      Queue(key, set);
    }
  }

  // Nobody waits for it: it is fetched when its turn comes.
  void Queue(const std::string& key, Set* set) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (set->under_way || std::exchange(set->in_line, true)) return;
    line.Add(key, set->transfer.url);
    Advance();
  }

  // A decision that needed one of them may have had it fetched.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    while (const auto key = line.Next()) {
      const auto found = sets.find(*key);
      if (found != sets.end() && std::exchange(found->second.in_line, false) &&
          MayFetch(found->second)) {
        Begin(*key, &found->second);
      } else {
        line.End(*key);
      }
    }
  }

  void Ended(const std::string& key, const absl::StatusOr<std::string>& body) {
    JwksResult result;
    Waiting waiting;
    {
      const base::MutexLock lock(&mutex);
      line.End(key);
      Advance();
      const auto found = sets.find(key);
      if (found == sets.end()) return;
      Set& set = found->second;
      set.under_way = false;
      waiting.swap(set.waiting);
      result.issuer_id = set.issuer_id;
      result.url = set.transfer.url;
      result.status = body.status();
      if (body.ok()) {
        auto keys = jwt::ReadJwks(*body);
        result.status = keys.status();
        if (keys.ok()) {
          result.keys = keys->keys.size();
          result.skipped = keys->skipped.size();
          set.keys = std::make_shared<const FetchedKeys>(FetchedKeys{*std::move(keys), set.tried});
        }
      }
    }
    if (report) report(result);
  }

  const JwksOptions options;
  const base::Clock* const clock;
  const std::function<void(const JwksResult&)> report;
  base::Mutex mutex;
  std::map<std::string, Set> sets ABSL_GUARDED_BY(mutex);
  FetchLine line ABSL_GUARDED_BY(mutex){options.most_ahead, options.most_ahead_of_one};
  absl::Duration swept ABSL_GUARDED_BY(mutex) = -absl::InfiniteDuration();
  Transfers transfers{
      [this](const std::string& key, const absl::StatusOr<std::string>& body) { Ended(key, body); },
      options.timeout, jwt::kMostJwksBytes, options.ca_path, clock};
};

JwksFetcher::JwksFetcher(JwksOptions options, const base::Clock* clock,
                         std::function<void(const JwksResult&)> report)
    : impl_(std::make_unique<Impl>(std::move(options), clock, std::move(report))) {}

JwksFetcher::~JwksFetcher() {
  {
    const base::MutexLock lock(&impl_->mutex);
    impl_->line.Clear();
  }
  impl_->transfers.Stop();
}

FetchedKeysPtr JwksFetcher::Find(const v1::TokenIssuer& issuer) const {
  const std::string key = KeyOf(issuer);
  const base::MutexLock lock(&impl_->mutex);
  const auto found = impl_->sets.find(key);
  if (found == impl_->sets.end() || !impl_->Usable(found->second)) return nullptr;
  Impl::Set& set = found->second;
  if (impl_->clock->Monotonic() - set.keys->fetched >= impl_->options.refresh_after &&
      impl_->MayFetch(set)) {
    impl_->Queue(key, &set);
  }
  return set.keys;
}

bool JwksFetcher::MayAskAgain(const v1::TokenIssuer& issuer) const {
  const base::MutexLock lock(&impl_->mutex);
  const auto found = impl_->sets.find(KeyOf(issuer));
  return found == impl_->sets.end() || found->second.under_way || impl_->MayFetch(found->second);
}

void JwksFetcher::Fetch(const Snapshot& snapshot, const std::vector<std::string>& issuer_ids,
                        std::function<void()> done) {
  const auto waiting = Impl::WhenGone(std::move(done));
  for (const std::string& id : issuer_ids) impl_->Want(snapshot, id, waiting);
}

void JwksFetcher::Prefetch(const Snapshot& snapshot, const std::vector<std::string>& issuer_ids) {
  for (const std::string& id : issuer_ids) impl_->Want(snapshot, id, nullptr);
}

void JwksFetcher::KeepThoseOf(const Snapshot& snapshot) {
  const std::set<std::string> keys = AllKeysOf(snapshot);
  Waiting released;
  const base::MutexLock lock(&impl_->mutex);
  impl_->DropOthers(keys, &released);
}

}  // namespace sallyport::authsvc
