#include "dataplane/upstream/slot.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/upstream_tls/credentials_digest.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMaxTags = 64;
constexpr size_t kKeptOutBytes = 4096;  // an idle connection is small
constexpr absl::string_view kCertificateTag = "cert:";

// The same object, not another one at its old address.
template <typename T>
bool SameObject(const std::weak_ptr<T>& held, const std::shared_ptr<T>& given) {
  return !held.owner_before(given) && !given.owner_before(held);
}

std::string KeyOf(const UpstreamTarget& target, const UpstreamCredentials* credentials) {
  // No connection that spoke HTTP carries a tunnel of bytes, nor do they wait in one line.
  const absl::string_view spoken = target.streams                                ? "tcp+"
                                   : target.protocol == UpstreamProtocol::kHttp1 ? ""
                                   : target.protocol == UpstreamProtocol::kHttp2 ? "h2+"
                                                                                 : "auto+";
  const bool by_proxy = credentials != nullptr && credentials->proxy.has_value();
  if (!target.tls && !by_proxy) return absl::StrCat(spoken, "http|", target.host, "|", target.port);
  return absl::StrCat(spoken, target.tls ? "https|" : "http|", target.host, "|", target.port, "|",
                      CredentialsDigest(*credentials));
}

void AddTags(const UpstreamCredentials* credentials, UpstreamSlot* slot) {
  if (credentials == nullptr) return;
  for (const std::string& tag : credentials->tags) {
    if (!absl::StartsWith(base::ToAbsl(tag), kCertificateTag)) continue;
    if (slot->certificate_tags.size() < kMaxTags) {
      slot->certificate_tags.insert(tag);
    } else if (!slot->certificate_tags.contains(tag)) {
      slot->more_tags = true;
    }
  }
}

}  // namespace

UpstreamLease UpstreamSlot::TakeIdle() {
  while (!idle.empty()) {
    std::unique_ptr<UpstreamConnection> connection = std::move(idle.back());
    idle.pop_back();
    --pool->counts.idle;
    if (!connection->Quiet()) {
      ++pool->counts.found_closed;
      continue;
    }
    if (pool->TooOld(*connection)) continue;
    ++in_use;
    ++pool->counts.in_use;
    ++pool->counts.reused;
    return UpstreamLease(std::move(connection), shared_from_this());
  }
  return {};
}

void UpstreamSlot::CountOut() {
  --in_use;
  --pool->counts.in_use;
}

bool UpstreamSlot::MayKeep(const UpstreamConnection& connection) const {
  return !dead && !pool->closed && !connection.retired && !IsElsewhere(connection) &&
         !pool->TooOld(connection) && connection.NothingLeft();
}

void UpstreamSlot::GiveBack(std::unique_ptr<UpstreamConnection> connection) {
  CountOut();
  if (connection != nullptr && (pool->options.max_idle_per_key == 0 || !MayKeep(*connection))) {
    connection->stream->TryShutdown();
    connection = nullptr;
  }
  if (connection == nullptr) return line.empty() ? void() : ServeLine();
  connection->buffer.ReleaseIfEmpty();
  if (connection->out.capacity() > kKeptOutBytes) connection->out = std::string();
  connection->idle_since = pool->loop.Now();
  connection->looks_when_given_back = pool->loop.looks();
  idle.push_back(std::move(connection));
  ++pool->counts.idle;
  if (!line.empty()) return ServeLine();
  if (idle.size() > pool->options.max_idle_per_key) {
    idle.front()->stream->TryShutdown();
    idle.pop_front();
    --pool->counts.idle;
  }
}

bool UpstreamSlot::IsElsewhere(const UpstreamConnection& connection) const {
  return addresses != nullptr &&
         std::find(addresses->begin(), addresses->end(), connection.address) == addresses->end();
}

void UpstreamSlot::Remember(const UpstreamCredentialsPtr& answer) {
  if (answer == nullptr || !tls.ok() || (*tls == nullptr && proxy == nullptr)) return;
  std::erase_if(answers, [&](const std::weak_ptr<const UpstreamCredentials>& held) {
    return held.expired() || SameObject(held, answer);
  });
  answers.push_back(answer);
}

bool UpstreamSlot::AnswersAreGone() const {
  return !answers.empty() && std::all_of(answers.begin(), answers.end(),
                                         [](const std::weak_ptr<const UpstreamCredentials>& held) {
                                           return held.expired();
                                         });
}

bool UpstreamPoolState::TooOld(const UpstreamConnection& connection) const {
  if (loop.Now() - connection.opened > options.max_age) return true;
  return connection.tls_context != nullptr && clock.Now() > connection.tls.verdict.not_after;
}

UpstreamSlotPtr UpstreamPoolState::Make(std::string key, const UpstreamTarget& target,
                                        const UpstreamCredentials* credentials) {
  if (slots.size() >= options.max_keys) MakeRoom();
  auto slot = std::make_shared<UpstreamSlot>();
  slot->key = std::move(key);
  slot->proxy = MakeProxyHop(credentials);
  slot->host = slot->proxy != nullptr ? slot->proxy->host : target.host;
  slot->protocol = target.protocol;
  slot->pool = shared_from_this();
  if (target.tls) {
    slot->uses_trust = true;
    slot->tls = ClientTlsContext::Create(*credentials, base::ToAbsl(target.host), anchors_in_use,
                                         &clock, AlpnFor(target));
  }
  slots[slot->key] = slot;
  return slot;
}

UpstreamSlotPtr UpstreamPoolState::Find(const UpstreamTargetPtr& target,
                                        const UpstreamCredentialsPtr& credentials) {
  const std::pair<const void*, const void*> identity(target.get(), credentials.get());
  const auto known = pairs.find(identity);
  if (known != pairs.end() && !known->second.slot->dead &&
      SameObject(known->second.target, target) &&
      SameObject(known->second.credentials, credentials)) {
    return known->second.slot;
  }
  std::string key = KeyOf(*target, credentials.get());
  const auto found = slots.find(key);
  UpstreamSlotPtr slot =
      found != slots.end() ? found->second : Make(std::move(key), *target, credentials.get());
  AddTags(credentials.get(), slot.get());
  slot->Remember(credentials);
  if (pairs.size() >= 4 * options.max_keys) ForgetPairs();
  pairs[identity] = Pair{target, credentials, slot};
  return slot;
}

void UpstreamPoolState::Kill(const UpstreamSlotPtr& slot) {
  slot->dead = true;
  counts.retired += slot->idle.size() + slot->http2.size();
  counts.idle -= slot->idle.size();
  for (const auto& connection : slot->idle) connection->stream->TryShutdown();
  slot->idle.clear();
  slot->Retire("what it rests on has changed while a request waited");
}

// Slots that nobody uses now, least recently used first.
void UpstreamPoolState::MakeRoom() {
  std::vector<std::pair<absl::Duration, UpstreamSlotPtr>> free;
  for (const auto& [key, slot] : slots) {
    if (slot->in_use == 0 && slot->line.empty()) free.emplace_back(slot->last_used, slot);
  }
  const size_t wanted = std::min(free.size(), options.max_keys / 10 + 1);
  std::partial_sort(free.begin(), free.begin() + static_cast<std::ptrdiff_t>(wanted), free.end(),
                    [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < wanted; ++i) {
    Kill(free[i].second);
    slots.erase(free[i].second->key);
  }
  ForgetPairs();
}

void UpstreamPoolState::ForgetPairs() {
  for (auto it = pairs.begin(); it != pairs.end();) {
    const auto now = it++;
    const Pair& pair = now->second;
    const bool no_credentials = now->first.second == nullptr;
    if (pair.slot->dead || pair.target.expired() ||
        (!no_credentials && pair.credentials.expired())) {
      pairs.erase(now);
    }
  }
  if (pairs.size() >= 4 * options.max_keys) pairs.clear();
}

// A name that has other addresses now: idle connections to the old ones go, those in use after
// their request.
void UpstreamPoolState::FollowName(UpstreamSlot* slot) {
  if (slot->unused()) return;  // and nobody has it looked up
  Addresses now = resolver.Follow(slot->host);
  if (now == slot->addresses) return;
  slot->addresses = std::move(now);
  std::deque<std::unique_ptr<UpstreamConnection>> kept;
  for (auto& connection : slot->idle) {
    if (slot->IsElsewhere(*connection)) {
      connection->stream->TryShutdown();
      ++counts.moved;
    } else {
      kept.push_back(std::move(connection));
    }
  }
  counts.idle -= slot->idle.size() - kept.size();
  slot->idle = std::move(kept);
}

void UpstreamPoolState::SweepSlot(UpstreamSlot* slot, size_t* looks) {
  while (!slot->idle.empty()) {
    UpstreamConnection& oldest = *slot->idle.front();
    const bool old = loop.Now() - oldest.idle_since > options.max_idle_age || TooOld(oldest);
    if (!old) {
      if (*looks == 0) return;
      --*looks;
      if (oldest.Quiet()) return;
    }
    oldest.stream->TryShutdown();
    slot->idle.pop_front();
    --counts.idle;
  }
}

}  // namespace sallyport::dataplane
