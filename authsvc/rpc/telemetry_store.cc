#include "authsvc/rpc/telemetry_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sallyport/v1/telemetry.pb.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kOverhead = 256;         // list node, map slot, two copies of the id
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

}  // namespace

TelemetryStore::TelemetryStore(const base::Clock* clock, TelemetryOptions options)
    : clock_(clock), options_(options) {}

TelemetryStore::~TelemetryStore() = default;

void TelemetryStore::Add(const ::sallyport::v1::ReportRequest& report) {
  const base::MutexLock lock(&mutex_);
  for (const auto& refusal : report.refusals()) AddRefusal(refusal);
  for (const auto& use : report.uses()) AddUse(use);
  lost_ += report.lost();
  Trim();
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

void TelemetryStore::AddUse(const ::sallyport::v1::Use& use) {
  Merge(use.key_id(), use, &key_uses_);
  Merge(use.leaf_sha256(), use, &leaf_uses_);
}

void TelemetryStore::Merge(absl::string_view id, const ::sallyport::v1::Use& use, Uses* uses) {
  if (id.empty() || id.size() > 512) return;
  const auto found = uses->find(id);
  if (found == uses->end() && uses->size() >= options_.uses) return;
  LastUse& last = found == uses->end() ? (*uses)[id] : found->second;
  last.last_unix_ms = std::max(last.last_unix_ms, use.last_unix_ms());
  last.allowed += use.allowed();
  last.refused += use.refused();
}

void TelemetryStore::Trim() {
  const absl::Time oldest = clock_->Now() - options_.kept;
  while (!refusals_.empty() && (refusals_.size() > options_.refusals || bytes_ > options_.bytes ||
                                refusals_.front().received < oldest)) {
    bytes_ -= refusals_.front().packed.size() + kOverhead;
    by_id_.erase(refusals_.front().request_id);
    refusals_.pop_front();
  }
}

std::optional<::sallyport::v1::Refusal> TelemetryStore::FindRefusal(absl::string_view request_id) const {
  const base::MutexLock lock(&mutex_);
  const auto found = by_id_.find(request_id);
  if (found == by_id_.end() || found->second->received < clock_->Now() - options_.kept) return std::nullopt;
  ::sallyport::v1::Refusal refusal;
  if (!refusal.ParseFromString(found->second->packed)) return std::nullopt;
  return refusal;
}

std::optional<LastUse> TelemetryStore::KeyUse(absl::string_view key_id) const {
  const base::MutexLock lock(&mutex_);
  const auto found = key_uses_.find(key_id);
  return found == key_uses_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<LastUse> TelemetryStore::LeafUse(absl::string_view leaf_sha256) const {
  const base::MutexLock lock(&mutex_);
  const auto found = leaf_uses_.find(leaf_sha256);
  return found == leaf_uses_.end() ? std::nullopt : std::optional(found->second);
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
