#include "authsvc/tickets/ticket_keeper.h"

#include <algorithm>
#include <utility>

#include "authsvc/store/store.h"
#include "authsvc/tickets/ticket_record.h"
#include "sallyport/v1/distribution.pb.h"
#include "shared/base/log.h"

namespace sallyport::authsvc {
namespace {

// Another authsvc may be first that many times before this one waits for the next look.
constexpr int kMostAttempts = 8;

bool Meet(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&b](const std::string& mark) { return b.contains(mark); });
}

bool Covers(const std::set<std::string>& all, const std::set<std::string>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

void CleanseAndDelete(v1::Update* update) {
  for (v1::TicketKey& key : *update->mutable_ticket_keys()->mutable_keys()) {
    base::Cleanse(key.mutable_secret());
  }
  delete update;
}

// Null or withheld: a message without keys.
std::shared_ptr<const v1::Update> MessageOf(const TicketRing* ring, absl::Time now,
                                            absl::Duration life) {
  std::shared_ptr<v1::Update> update(new v1::Update, CleanseAndDelete);
  v1::TicketKeys* keys = update->mutable_ticket_keys();
  keys->set_life_ms(absl::ToInt64Milliseconds(life));
  if (ring == nullptr) return update;
  for (const TicketKeyPtr& key : ring->keys) {
    v1::TicketKey* to = keys->add_keys();
    const absl::string_view secret = key->secret.Reveal();
    to->set_name(key->name);
    to->set_secret(secret.data(), secret.size());
    to->set_age_ms(std::max<int64_t>(0, absl::ToInt64Milliseconds(now - key->made)));
  }
  return update;
}

}  // namespace

uint64_t TicketKeeper::Join(std::string group, const std::vector<std::string>& names,
                            std::function<void()> wake) {
  Stream stream{std::move(group), {}, std::move(wake), 0};
  for (const std::string& name : names) stream.marks.insert(DenyMark(name));
  uint64_t id = 0;
  {
    const base::MutexLock lock(&mutex_);
    id = next_++;
    ++groups_[stream.group].streams;
    streams_[id] = std::move(stream);
  }
  if (options_.needs_look) options_.needs_look();
  return id;
}

void TicketKeeper::Leave(uint64_t stream) {
  const base::MutexLock lock(&mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  // A group without streams is looked at by nobody: what it had gets old.
  const auto group = groups_.find(found->second.group);
  if (group != groups_.end() && --group->second.streams == 0) groups_.erase(group);
  streams_.erase(found);
}

std::shared_ptr<const v1::Update> TicketKeeper::Take(uint64_t stream) {
  RingPtr ring;
  {
    const base::MutexLock lock(&mutex_);
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return nullptr;
    const Group& group = groups_[found->second.group];
    if (group.serial == found->second.taken) return nullptr;
    found->second.taken = group.serial;
    if (group.ring != nullptr && !Meet(found->second.marks, group.ring->denied)) ring = group.ring;
  }
  return MessageOf(ring.get(), options_.clock->Now(), TicketKeyLife(options_.rotate_every));
}

void TicketKeeper::SetDenied(std::vector<std::string> entries) {
  {
    const base::MutexLock lock(&mutex_);
    entries_ = std::move(entries);
    ++list_;
  }
  if (options_.needs_look) options_.needs_look();
}

std::vector<std::pair<std::string, absl::Duration>> TicketKeeper::Ages() const {
  const absl::Time now = options_.clock->Now();
  const base::MutexLock lock(&mutex_);
  std::vector<std::pair<std::string, absl::Duration>> ages;
  for (const auto& [name, group] : groups_) {
    if (group.ring == nullptr || group.ring->keys.empty()) continue;
    ages.emplace_back(name, now - group.ring->keys.front()->made);
  }
  return ages;
}

void TicketKeeper::Look() {
  std::set<std::string> names;
  {
    const base::MutexLock lock(&mutex_);
    for (const auto& [name, group] : groups_) names.insert(name);
    // The denied one may have been the last of his group here: others may have his keys elsewhere.
    for (const auto& [name, seen] : seen_) {
      if (seen.list != list_) names.insert(name);
    }
  }
  for (const std::string& name : names) LookAt(name);
}

TicketKeeper::Denials TicketKeeper::DenialsOf(const std::string& group) const {
  Denials denials;
  const base::MutexLock lock(&mutex_);
  denials.list = list_;
  for (const std::string& entry : entries_) {
    if (options_.concerns(entry, group)) denials.marks.insert(DenyMark(entry));
  }
  return denials;
}

// What the ring is to become.
TicketKeeper::Change TicketKeeper::ChangeOf(const StoredRing& stored, const Denials& before,
                                            const Denials& denials, absl::Time now) const {
  Change change{stored.ring, "", false};
  TicketRing& ring = change.ring;
  const bool denied_more = !Covers(ring.denied, denials.marks);
  // Who has left our list gets the keys again. Where another authsvc's list still has him, that one
  // replaces them. Whom we never had there may be missing because our list is behind.
  for (const std::string& mark : before.marks) {
    if (!denials.marks.contains(mark)) ring.denied.erase(mark);
  }
  ring.denied.insert(denials.marks.begin(), denials.marks.end());
  const absl::Duration age = now - stored.made;
  if (denied_more) {
    change.cause = "denied";
    Replace(now, &ring);
  } else if (!stored.opened.ok()) {
    // Perhaps another authsvc can open them: they are left to it while they are in use.
    if (age < options_.rotate_every && age > -options_.rotate_every) return change;
    change.cause = "unreadable";
    Replace(now, &ring);
  } else if (RotationDue(ring, now, options_.rotate_every)) {
    change.cause = ring.keys.empty() ? "first" : "age";
    Rotate(now, options_.rotate_every, &ring);
  }
  change.write = !change.cause.empty() || ring.denied != stored.ring.denied || stored.rewrap;
  return change;
}

absl::StatusOr<TicketKeeper::Settled> TicketKeeper::Settle(const std::string& group,
                                                           const Denials& denials) {
  const auto state = options_.store->State();
  if (!state.ok()) return state.status();
  const TicketPlace place{*options_.sealer, state->store_id, group};
  const std::string name = TicketRecordName(group);
  const auto record = options_.store->ReadSealed(name);
  if (!record.ok() && !absl::IsNotFound(record.status())) return record.status();
  const StoredRing stored = record.ok() ? OpenRing(place, record->body) : StoredRing();
  uint64_t version = record.ok() ? record->version : 0;
  Change change = ChangeOf(stored, seen_[group], denials, options_.clock->Now());
  if (change.write) {
    const auto body = SealRing(place, change.ring);
    if (!body.ok()) return body.status();
    const auto swapped = options_.store->SwapSealed(name, version, *body);
    if (!swapped.ok()) return swapped.status();
    version = *swapped;
  } else if (!stored.opened.ok()) {
    return stored.opened;
  }
  seen_[group] = denials;
  if (!change.cause.empty()) {
    base::Log(base::Level::kInfo, "ticket_keys.made", {{"group", group}, {"cause", change.cause}});
    if (options_.made) options_.made(change.cause);
  }
  return Settled{std::make_shared<const TicketRing>(std::move(change.ring)), version};
}

void TicketKeeper::LookAt(const std::string& group) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    const Denials denials = DenialsOf(group);
    const auto settled = Settle(group, denials);
    if (absl::IsAborted(settled.status())) continue;  // another authsvc was first
    Complain(group, settled.status());
    if (settled.ok()) return Publish(group, settled->ring, settled->version);
    // What is in use stays, unless somebody has it who is denied, or nobody can tell any more.
    const bool unreadable =
        absl::IsNotFound(settled.status()) || absl::IsDataLoss(settled.status());
    if (unreadable || !PublishedCovers(group, denials)) Publish(group, nullptr, 0);
    return;
  }
}

bool TicketKeeper::PublishedCovers(const std::string& group, const Denials& denials) const {
  const base::MutexLock lock(&mutex_);
  const auto found = groups_.find(group);
  if (found == groups_.end() || found->second.ring == nullptr) return false;
  return Covers(found->second.ring->denied, denials.marks);
}

void TicketKeeper::Publish(const std::string& group, RingPtr ring, uint64_t version) {
  std::vector<std::function<void()>> wakes;
  {
    const base::MutexLock lock(&mutex_);
    const auto found = groups_.find(group);
    if (found == groups_.end()) return;
    Group& now = found->second;
    const bool same = (now.ring == nullptr) == (ring == nullptr) && now.version == version;
    if (same && now.serial > 0) return;
    now.ring = std::move(ring);
    now.version = version;
    ++now.serial;
    for (const auto& [id, stream] : streams_) {
      if (stream.group == group) wakes.push_back(stream.wake);
    }
  }
  for (const auto& wake : wakes) {
    if (wake) wake();
  }
}

void TicketKeeper::Complain(const std::string& group, const absl::Status& status) {
  std::string text = status.ok() ? std::string() : status.ToString();
  std::string& before = complaints_[group];
  if (text == before) return;
  before = std::move(text);
  base::Log(status.ok() ? base::Level::kInfo : base::Level::kError, "ticket_keys.store",
            {{"group", group}, {"result", status}});
}

}  // namespace sallyport::authsvc
