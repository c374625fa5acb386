#include "dataplane/tls/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/sync/shared_tickets.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::Duration kOwnLife = absl::Hours(TicketKeys::kOlder + 1);  // kRotation each

TicketKeyPtr MakeKey(absl::Duration now) {
  auto key = std::make_shared<TicketKey>();
  key->made = now;
  key->ends = now + kOwnLife;
  const bool filled = RAND_bytes(key->name.data(), static_cast<int>(key->name.size())) == 1 &&
                      RAND_priv_bytes(key->aes.data(), static_cast<int>(key->aes.size())) == 1 &&
                      RAND_priv_bytes(key->hmac.data(), static_cast<int>(key->hmac.size())) == 1;
  return filled ? key : nullptr;
}

// Null when it is not well-formed.
TicketKeyPtr KeyFrom(const SharedTicketKey& from, absl::Duration life, absl::Duration now) {
  auto key = std::make_shared<TicketKey>();
  const absl::string_view secret = from.secret.Reveal();
  if (from.name.size() != key->name.size() || secret.size() != key->aes.size() + key->hmac.size() ||
      from.age < absl::ZeroDuration()) {
    return nullptr;
  }
  std::memcpy(key->name.data(), from.name.data(), key->name.size());
  std::memcpy(key->aes.data(), secret.data(), key->aes.size());
  std::memcpy(key->hmac.data(), secret.data() + key->aes.size(), key->hmac.size());
  key->made = now - from.age;
  key->ends = key->made + life;
  return key;
}

bool IsNamed(const TicketKeyPtr& key, absl::string_view name) {
  return name.size() == key->name.size() &&
         std::memcmp(key->name.data(), name.data(), name.size()) == 0;
}

bool Opens(const TicketKeyPtr& key, absl::Duration now) {
  return key != nullptr && now < key->ends;
}

}  // namespace

TicketKey::~TicketKey() {
  OPENSSL_cleanse(aes.data(), aes.size());
  OPENSSL_cleanse(hmac.data(), hmac.size());
}

TicketKeys::TicketKeys(const base::Clock& clock, std::function<absl::Duration()> last_proof)
    : clock_(clock), last_proof_(std::move(last_proof)) {}

void TicketKeys::SetShared(const SharedTicketKeys& keys) {
  const absl::Duration now = clock_.Monotonic();
  std::vector<TicketKeyPtr> made;
  for (const SharedTicketKey& from : keys.keys) made.push_back(KeyFrom(from, keys.life, now));
  if (std::find(made.begin(), made.end(), nullptr) != made.end()) made.clear();
  const base::MutexLock lock(&mutex_);
  shared_ = std::move(made);
  proven_ = now;
  proofs_count_ = true;
}

void TicketKeys::StreamEnded() {
  const base::MutexLock lock(&mutex_);
  proven_ = Proven();
  proofs_count_ = false;
}

absl::Duration TicketKeys::Proven() const {
  if (!proofs_count_) return proven_;
  return last_proof_ ? std::max(last_proof_(), proven_) : clock_.Monotonic();
}

void TicketKeys::Prune(absl::Duration now) {
  if (now - Proven() >= kUnproven) shared_.clear();
  std::erase_if(shared_, [now](const TicketKeyPtr& key) { return !Opens(key, now); });
  for (TicketKeyPtr& key : own_) {
    if (!Opens(key, now)) key = nullptr;
  }
}

void TicketKeys::RotateOwnIfDue(absl::Duration now) {
  if (own_[0] != nullptr && now - own_[0]->made < kRotation) return;
  TicketKeyPtr fresh = MakeKey(now);
  if (fresh == nullptr) return;
  std::move_backward(own_.begin(), own_.end() - 1, own_.end());
  own_[0] = std::move(fresh);
}

TicketKeyPtr TicketKeys::Current() {
  const absl::Duration now = clock_.Monotonic();
  const base::MutexLock lock(&mutex_);
  Prune(now);
  if (!shared_.empty()) return shared_.front();
  RotateOwnIfDue(now);
  return own_[0];
}

TicketKeyPtr TicketKeys::Find(absl::string_view name) {
  const absl::Duration now = clock_.Monotonic();
  const base::MutexLock lock(&mutex_);
  Prune(now);
  for (const TicketKeyPtr& key : shared_) {
    if (IsNamed(key, name)) return key;
  }
  for (const TicketKeyPtr& key : own_) {
    if (key != nullptr && IsNamed(key, name)) return key;
  }
  return nullptr;
}

void TicketKeys::DropAll() {
  const base::MutexLock lock(&mutex_);
  shared_.clear();
  for (TicketKeyPtr& key : own_) key = nullptr;
}

TicketKeys::Facts TicketKeys::Report() {
  const absl::Duration now = clock_.Monotonic();
  const base::MutexLock lock(&mutex_);
  Prune(now);
  Facts facts;
  facts.shared = static_cast<int>(shared_.size());
  facts.own = static_cast<int>(std::count_if(
      own_.begin(), own_.end(), [](const TicketKeyPtr& key) { return key != nullptr; }));
  facts.making_shared = facts.shared > 0;
  const TicketKeyPtr& making = facts.making_shared ? shared_.front() : own_[0];
  facts.any = making != nullptr;
  if (facts.any) facts.age = now - making->made;
  return facts;
}

}  // namespace sallyport::dataplane
