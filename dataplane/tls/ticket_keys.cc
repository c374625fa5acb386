#include "dataplane/tls/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <utility>

namespace sallyport::dataplane {
namespace {

TicketKeyPtr MakeKey(absl::Duration now) {
  auto key = std::make_shared<TicketKey>();
  key->made = now;
  const bool filled = RAND_bytes(key->name.data(), static_cast<int>(key->name.size())) == 1 &&
                      RAND_priv_bytes(key->aes.data(), static_cast<int>(key->aes.size())) == 1 &&
                      RAND_priv_bytes(key->hmac.data(), static_cast<int>(key->hmac.size())) == 1;
  return filled ? key : nullptr;
}

}  // namespace

TicketKey::~TicketKey() {
  OPENSSL_cleanse(aes.data(), aes.size());
  OPENSSL_cleanse(hmac.data(), hmac.size());
}

TicketKeys::TicketKeys(const base::Clock& clock) : clock_(clock) {}

void TicketKeys::RotateIfDue() {
  const absl::Duration now = clock_.Monotonic();
  if (keys_[0] != nullptr && now - keys_[0]->made < kRotation) return;
  TicketKeyPtr fresh = MakeKey(now);
  if (fresh == nullptr) return;
  std::move_backward(keys_.begin(), keys_.end() - 1, keys_.end());
  keys_[0] = std::move(fresh);
  // A process that slept for long must not take keys that should have gone meanwhile.
  for (TicketKeyPtr& key : keys_) {
    if (key != nullptr && now - key->made >= kRotation * (kOlder + 1)) key = nullptr;
  }
}

TicketKeyPtr TicketKeys::Current() {
  const base::MutexLock lock(&mutex_);
  RotateIfDue();
  return keys_[0];
}

TicketKeyPtr TicketKeys::Find(absl::string_view name) {
  const base::MutexLock lock(&mutex_);
  RotateIfDue();
  for (const TicketKeyPtr& key : keys_) {
    if (key != nullptr && name == absl::string_view(reinterpret_cast<const char*>(key->name.data()),
                                                    key->name.size())) {
      return key;
    }
  }
  return nullptr;
}

void TicketKeys::DropAll() {
  const base::MutexLock lock(&mutex_);
  for (TicketKeyPtr& key : keys_) key = nullptr;
}

}  // namespace sallyport::dataplane
