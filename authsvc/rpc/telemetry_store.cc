#include "authsvc/rpc/telemetry_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sallyport/v1/decision.pb.h"
#include "sallyport/v1/telemetry.pb.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kOverhead = 256;  // list node, map slot, two copies of the id
constexpr size_t kMaxId = 512;
constexpr size_t kHexDigest = 64;
constexpr size_t kMaxHandshake = 4 << 10;
constexpr uint32_t kHandshakesShown = 20;
constexpr uint32_t kMostHandshakesShown = 500;
constexpr size_t kMaxRefusal = 64 << 10;  // a larger one loses its certificates

std::string Pack(const ::sallyport::v1::Refusal& refusal) {
  std::string packed = refusal.SerializeAsString();
  if (packed.size() <= kMaxRefusal) return packed;
  ::sallyport::v1::Refusal small;
  small.set_request_id(refusal.request_id());
  small.set_time_unix_ms(refusal.time_unix_ms());
  small.set_api_id(refusal.api_id());
  small.set_reason(refusal.reason());
  small.set_method(refusal.method().substr(0, 64));
  small.set_path(refusal.path().substr(0, 2048));
  small.set_host(refusal.host().substr(0, 256));
  small.set_client_address(refusal.client_address().substr(0, 64));
  small.set_detail(refusal.detail().substr(0, 2048));
  return small.SerializeAsString();
}

bool Matches(const std::string& wanted, const std::string& found) {
  return wanted.empty() || wanted == found;
}

bool Matches(const ::sallyport::v1::HandshakeQuery& query,
             const ::sallyport::v1::HandshakeFailure& failure) {
  return Matches(query.client_address(), failure.client_address()) &&
         Matches(query.sni(), failure.sni()) &&
         Matches(query.presented_sha256(), failure.presented().fingerprint());
}

constexpr size_t kMostReplicas = 64;

void AddQuota(const ::sallyport::v1::Use& use, absl::string_view replica, LastUse* key) {
  if (use.quota_used() <= 0) return;
  for (LastUse::Quota& quota : key->quotas) {
    if (quota.replica != replica) continue;
    // Each loop reports for itself what they count together: in one window it only grows.
    const bool same =
        quota.window_end_unix != 0 && quota.window_end_unix == use.quota_window_end_unix();
    quota.used = same ? std::max(quota.used, use.quota_used()) : use.quota_used();
    quota.window_end_unix = use.quota_window_end_unix();
    return;
  }
  if (key->quotas.size() >= kMostReplicas) key->quotas.erase(key->quotas.begin());
  key->quotas.push_back({std::string(replica), use.quota_used(), use.quota_window_end_unix()});
}

}  // namespace

TelemetryStore::TelemetryStore(const base::Clock* clock, TelemetryOptions options)
    : clock_(clock), options_(options) {}

TelemetryStore::~TelemetryStore() = default;

void TelemetryStore::Add(const ::sallyport::v1::ReportRequest& report, absl::string_view replica) {
  {
    const base::MutexLock lock(&mutex_);
    for (const auto& refusal : report.refusals()) AddRefusal(refusal);
    for (const auto& use : report.uses()) AddUse(use, replica);
    for (const auto& failure : report.handshakes()) AddHandshake(failure, replica);
    lost_ += report.lost();
    Trim();
  }
  if (observer_) observer_(report);
}

void TelemetryStore::Observe(std::function<void(const ::sallyport::v1::ReportRequest&)> observer) {
  observer_ = std::move(observer);
}

void TelemetryStore::AddRefusal(const ::sallyport::v1::Refusal& refusal) {
  // The first report of an id stands: nobody can overwrite what was recorded.
  if (refusal.request_id().empty() || refusal.request_id().size() > 128 || options_.refusals == 0 ||
      by_id_.contains(refusal.request_id())) {
    return;
  }
  refusals_.push_back({refusal.request_id(), Pack(refusal), clock_->Now()});
  by_id_[refusal.request_id()] = std::prev(refusals_.end());
  bytes_ += refusals_.back().packed.size() + kOverhead;
}

void TelemetryStore::AddHandshake(const ::sallyport::v1::HandshakeFailure& failure,
                                  absl::string_view replica) {
  if (options_.handshakes == 0) return;
  ::sallyport::v1::HandshakeFailure named = failure;
  named.set_replica(std::string(replica));
  std::string packed = named.SerializeAsString();
  if (packed.size() > kMaxHandshake) return;  // no data plane of ours makes such a one
  if (handshakes_.size() >= options_.handshakes) handshakes_.pop_front();
  handshakes_.push_back({std::move(packed), clock_->Now()});
}

void TelemetryStore::AddUse(const ::sallyport::v1::Use& use, absl::string_view replica) {
  if (LastUse* const key = Merge(use.key_id(), use, &key_uses_)) AddQuota(use, replica, key);
  const std::string& leaf = use.leaf_sha256();
  if (leaf.size() == kHexDigest && base::IsHex(leaf)) Merge(leaf, use, &leaf_uses_);
}

LastUse* TelemetryStore::Merge(absl::string_view id, const ::sallyport::v1::Use& use,
                               Uses* uses) const {
  if (id.empty() || id.size() > kMaxId || options_.uses == 0) return nullptr;
  LastUse& last = uses->Get(id, options_.uses);
  last.last_unix_ms = std::max(last.last_unix_ms, use.last_unix_ms());
  last.allowed += use.allowed();
  last.refused += use.refused();
  return &last;
}

const LastUse* TelemetryStore::Uses::Find(absl::string_view id) const {
  for (const auto* generation : {&young, &old}) {
    const auto found = generation->find(id);
    if (found != generation->end()) return &found->second;
  }
  return nullptr;
}

// `most` is for both generations together.
LastUse& TelemetryStore::Uses::Get(absl::string_view id, size_t most) {
  if (const auto found = young.find(id); found != young.end()) return found->second;
  LastUse before;
  if (const auto found = old.find(id); found != old.end()) {
    before = found->second;
    old.erase(found);
  }
  if (young.size() >= std::max<size_t>(1, most / 2)) {
    old = std::move(young);
    young.clear();
  }
  return young.emplace(std::string(id), before).first->second;
}

void TelemetryStore::Trim() {
  const absl::Time oldest = clock_->Now() - options_.kept;
  while (!refusals_.empty() && (refusals_.size() > options_.refusals || bytes_ > options_.bytes ||
                                refusals_.front().received < oldest)) {
    bytes_ -= refusals_.front().packed.size() + kOverhead;
    by_id_.erase(refusals_.front().request_id);
    refusals_.pop_front();
  }
  while (!handshakes_.empty() && handshakes_.front().received < oldest) handshakes_.pop_front();
}

std::optional<::sallyport::v1::Refusal> TelemetryStore::FindRefusal(
    absl::string_view request_id) const {
  const base::MutexLock lock(&mutex_);
  const auto found = by_id_.find(request_id);
  if (found == by_id_.end() || found->second->received < clock_->Now() - options_.kept)
    return std::nullopt;
  ::sallyport::v1::Refusal refusal;
  if (!refusal.ParseFromString(found->second->packed)) return std::nullopt;
  return refusal;
}

std::vector<::sallyport::v1::HandshakeFailure> TelemetryStore::FindHandshakes(
    const ::sallyport::v1::HandshakeQuery& query) const {
  const uint32_t wanted = query.most() == 0 ? kHandshakesShown : query.most();
  const size_t most = std::min(wanted, kMostHandshakesShown);
  std::vector<::sallyport::v1::HandshakeFailure> found;
  const base::MutexLock lock(&mutex_);
  const absl::Time oldest = clock_->Now() - options_.kept;
  for (auto at = handshakes_.rbegin(); at != handshakes_.rend() && found.size() < most; ++at) {
    ::sallyport::v1::HandshakeFailure failure;
    if (at->received >= oldest && failure.ParseFromString(at->packed) && Matches(query, failure))
      found.push_back(std::move(failure));
  }
  return found;
}

std::optional<LastUse> TelemetryStore::KeyUse(absl::string_view key_id) const {
  const base::MutexLock lock(&mutex_);
  const LastUse* found = key_uses_.Find(key_id);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<LastUse> TelemetryStore::LeafUse(absl::string_view leaf_sha256) const {
  const base::MutexLock lock(&mutex_);
  const LastUse* found = leaf_uses_.Find(leaf_sha256);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

size_t TelemetryStore::refusals() const {
  const base::MutexLock lock(&mutex_);
  return refusals_.size();
}

size_t TelemetryStore::bytes() const {
  const base::MutexLock lock(&mutex_);
  return bytes_;
}

uint64_t TelemetryStore::lost() const {
  const base::MutexLock lock(&mutex_);
  return lost_;
}

}  // namespace sallyport::authsvc
