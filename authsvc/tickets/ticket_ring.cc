#include "authsvc/tickets/ticket_ring.h"

#include <algorithm>
#include <utility>

#include "shared/crypto/digest.h"
#include "shared/crypto/random.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kNameBytes = 16;
constexpr size_t kSecretBytes = 64;
constexpr size_t kTimeBytes = 8;
constexpr size_t kKeyBytes = kNameBytes + kSecretBytes + kTimeBytes;
constexpr size_t kMarkBytes = 16;

TicketKeyPtr NewKey(absl::Time now) {
  auto key = std::make_shared<TicketKey>();
  key->name = crypto::RandomBytes(kNameBytes);
  key->secret = base::Secret(crypto::RandomBytes(kSecretBytes));
  // As it will be read back.
  key->made = absl::FromUnixMillis(absl::ToUnixMillis(now));
  return key;
}

bool IsAlive(const TicketKey& key, absl::Time now, absl::Duration rotate_every) {
  const absl::Duration age = now - key.made;
  return age < TicketKeyLife(rotate_every) && age > -rotate_every;
}

void AppendMillis(absl::Time time, std::string* bytes) {
  const auto millis = static_cast<uint64_t>(absl::ToUnixMillis(time));
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes->push_back(static_cast<char>(millis >> shift & 0xff));
  }
}

absl::Time MillisFrom(absl::string_view bytes) {
  uint64_t millis = 0;
  for (const char byte : bytes) millis = millis << 8 | static_cast<unsigned char>(byte);
  return absl::FromUnixMillis(static_cast<int64_t>(millis));
}

}  // namespace

bool RotationDue(const TicketRing& ring, absl::Time now, absl::Duration rotate_every) {
  if (ring.keys.empty()) return true;
  const absl::Duration age = now - ring.keys.front()->made;
  return age >= rotate_every || age <= -rotate_every;
}

void Rotate(absl::Time now, absl::Duration rotate_every, TicketRing* ring) {
  std::vector<TicketKeyPtr> keys = {NewKey(now)};
  for (TicketKeyPtr& key : ring->keys) {
    if (keys.size() == kTicketKeysLive) break;
    if (IsAlive(*key, now, rotate_every)) keys.push_back(std::move(key));
  }
  ring->keys = std::move(keys);
}

void Replace(absl::Time now, TicketRing* ring) { ring->keys = {NewKey(now)}; }

std::string DenyMark(absl::string_view entry) {
  return crypto::Sha256(entry).substr(0, kMarkBytes);
}

base::Secret EncodeTicketKeys(const std::vector<TicketKeyPtr>& keys) {
  std::string bytes;
  bytes.reserve(keys.size() * kKeyBytes);  // it must not move, and leave secrets behind
  for (const TicketKeyPtr& key : keys) {
    const absl::string_view secret = key->secret.Reveal();
    bytes.append(key->name).append(secret.data(), secret.size());
    AppendMillis(key->made, &bytes);
  }
  return base::Secret(std::move(bytes));
}

absl::StatusOr<std::vector<TicketKeyPtr>> DecodeTicketKeys(absl::string_view bytes) {
  if (bytes.size() % kKeyBytes != 0 || bytes.size() > kTicketKeysLive * kKeyBytes) {
    return absl::DataLossError("stored ticket keys are damaged");
  }
  std::vector<TicketKeyPtr> keys;
  for (; !bytes.empty(); bytes.remove_prefix(kKeyBytes)) {
    auto key = std::make_shared<TicketKey>();
    key->name = std::string(bytes.substr(0, kNameBytes));
    key->secret = base::Secret::CopyOf(bytes.substr(kNameBytes, kSecretBytes));
    key->made = MillisFrom(bytes.substr(kNameBytes + kSecretBytes, kTimeBytes));
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace sallyport::authsvc
