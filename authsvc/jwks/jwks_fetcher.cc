#include "authsvc/jwks/jwks_fetcher.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/transfers/transfers.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"
#include "shared/crypto/pem.h"
#include "shared/jwt/jwks.h"

namespace sallyport::authsvc {
namespace {

// Another address or other trust is another set.
std::string KeyOf(const v1::TokenIssuer& issuer) {
  return absl::StrCat(issuer.id(), "\n", issuer.jwks_url(), "\n",
                      absl::StrJoin(issuer.jwks_trust_ids(), "\n"));
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
  // One issuer's set.
  struct Set {
    std::string issuer_id;
    Transfer transfer;
    FetchedKeysPtr keys;
    absl::Duration tried = -absl::InfiniteDuration();  // when the last fetch began
    bool under_way = false;
    std::vector<std::shared_ptr<std::function<void()>>> waiting;  // last holder gone: called
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

  void Ended(const std::string& key, const absl::StatusOr<std::string>& body) {
    JwksResult result;
    std::vector<std::shared_ptr<std::function<void()>>> waiting;
    {
      const base::MutexLock lock(&mutex);
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
  Transfers transfers{
      [this](const std::string& key, const absl::StatusOr<std::string>& body) { Ended(key, body); },
      options.timeout, jwt::kMostJwksBytes, options.ca_path, clock};
};

JwksFetcher::JwksFetcher(JwksOptions options, const base::Clock* clock,
                         std::function<void(const JwksResult&)> report)
    : impl_(std::make_unique<Impl>(std::move(options), clock, std::move(report))) {}

JwksFetcher::~JwksFetcher() { impl_->transfers.Stop(); }

FetchedKeysPtr JwksFetcher::Find(const v1::TokenIssuer& issuer) const {
  const std::string key = KeyOf(issuer);
  const base::MutexLock lock(&impl_->mutex);
  const auto found = impl_->sets.find(key);
  if (found == impl_->sets.end() || !impl_->Usable(found->second)) return nullptr;
  Impl::Set& set = found->second;
  if (impl_->clock->Monotonic() - set.keys->fetched >= impl_->options.refresh_after &&
      impl_->MayFetch(set)) {
    impl_->Begin(key, &set);
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
  for (const std::string& id : issuer_ids) {
    const TokenIssuerEntry* const entry = snapshot.FindTokenIssuer(id);
    if (entry == nullptr || entry->issuer.jwks_url().empty()) continue;
    const std::string key = KeyOf(entry->issuer);
    Transfer transfer{entry->issuer.jwks_url(), TrustPem(snapshot, entry->issuer)};
    const base::MutexLock lock(&impl_->mutex);
    if (impl_->sets.size() >= impl_->options.max_sets && impl_->sets.count(key) == 0) continue;
    Impl::Set& set = impl_->sets[key];
    set.issuer_id = id;
    if (!set.under_way) {
      if (!impl_->MayFetch(set)) continue;
      set.transfer = std::move(transfer);
      impl_->Begin(key, &set);
    }
    set.waiting.push_back(waiting);
  }
}

}  // namespace sallyport::authsvc
