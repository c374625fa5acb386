#include "dataplane/upstream/pool.h"

#include "absl/strings/str_cat.h"
#include "dataplane/upstream/dial.h"
#include "dataplane/upstream/slot.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

constexpr size_t kLooksPerSweep = 256;  // at idle connections that may have been closed

// Why no connection may be made at all.
std::optional<UpstreamFailure> Unfit(const UpstreamTarget& target,
                                     const UpstreamCredentials* credentials) {
  if (credentials == nullptr) {
    if (!target.needs_credentials()) return std::nullopt;
    return UpstreamFailure{
        Reason::kUpstreamCredential, "no answer for a target with TLS or a forward proxy", {}};
  }
  if (credentials->reason == Reason::kAllowed) return std::nullopt;
  return UpstreamFailure{
      Reason::kUpstreamCredential,
      absl::StrCat(base::ReasonName(credentials->reason), ": ", credentials->detail),
      {}};
}

}  // namespace

UpstreamPool::UpstreamPool(Loop& loop, UpstreamPoolOptions options, Resolver& resolver,
                           const SystemTrust& trust, const base::Clock& clock)
    : state_(
          std::make_shared<UpstreamPoolState>(loop, std::move(options), resolver, trust, clock)) {}

UpstreamPool::~UpstreamPool() {
  RetireAll();
  state_->closed = true;
}

UpstreamLease UpstreamPool::TryIdle(const UpstreamTargetPtr& target,
                                    const UpstreamCredentialsPtr& credentials,
                                    const Permit& /*permit*/) {
  if (Unfit(*target, credentials.get()).has_value()) return {};
  const UpstreamSlotPtr slot = state_->Find(target, credentials);
  UpstreamLease lease = slot->TryTake();
  if (lease) slot->last_used = state_->loop.Now();
  return lease;
}

boost::asio::awaitable<UpstreamPool::Result> UpstreamPool::Acquire(
    const UpstreamTargetPtr& target, const UpstreamCredentialsPtr& credentials,
    const Permit& permit, Limits limits) {
  std::optional<UpstreamFailure> unfit = Unfit(*target, credentials.get());
  if (unfit.has_value()) co_return *std::move(unfit);
  if (!limits.fresh) {
    UpstreamLease idle = TryIdle(target, credentials, permit);
    if (idle) co_return std::move(idle);
  }
  const std::shared_ptr<UpstreamPoolState> state = state_;  // the pool may go while this waits
  const UpstreamSlotPtr slot = state->Find(target, credentials);
  slot->last_used = state->loop.Now();
  if (!slot->tls.ok()) {
    co_return UpstreamFailure{
        Reason::kUpstreamCredential, std::string(slot->tls.status().message()), {}};
  }
  bool waited = false;
  for (;;) {
    if (slot->SpeaksHttp2() && (waited || slot->line.empty())) {
      UpstreamLease room = slot->TakeRoom();
      if (room) co_return std::move(room);
    }
    if (slot->line.empty() && slot->MayDial()) {
      slot->BeginDial();
      break;
    }
    if (slot->line.size() >= state->options.max_waiting_per_key) {
      co_return UpstreamFailure{
          Reason::kUpstreamPoolFull,
          absl::StrCat(slot->in_use, " in use, ", slot->line.size(), " waiting"),
          {}};
    }
    SlotWaiter waiter(slot);
    co_await waiter.Wait(limits.deadline);
    waited = true;
    if (waiter.lease) co_return std::move(waiter.lease);
    if (waiter.failure.has_value()) co_return *std::move(waiter.failure);
    if (waiter.may_dial) break;
    if (waiter.look_again) continue;
    co_return UpstreamFailure{
        Reason::kUpstreamPoolFull, absl::StrCat("waited in vain, ", slot->in_use, " in use"), {}};
  }
  DialResult dialled =
      co_await Dial(state->loop, state->resolver, target, slot->proxy, *slot->tls, limits.deadline);
  if (auto* const failure = std::get_if<UpstreamFailure>(&dialled)) {
    slot->EndDial(*failure);
    co_return std::move(*failure);
  }
  UpstreamLease lease = slot->EndDial(std::move(std::get<0>(dialled)));
  if (!lease) co_return UpstreamFailure{Reason::kInternal, "no HTTP/2 session", {}};
  lease.waited_ = waited;
  co_return std::move(lease);
}

template <typename Predicate>
void UpstreamPoolState::KillWhere(Predicate is_void) {
  for (auto it = slots.begin(); it != slots.end();) {
    const auto now = it++;
    if (!is_void(*now->second)) continue;
    Kill(now->second);
    slots.erase(now);
  }
  ForgetPairs();
}

void UpstreamPool::RetireTag(absl::string_view tag) {
  const std::string wanted(tag);
  state_->KillWhere([&](const UpstreamSlot& slot) {
    return slot.more_tags || slot.certificate_tags.contains(wanted);
  });
}

void UpstreamPool::RetireAll() {
  state_->KillWhere([](const UpstreamSlot&) { return true; });
}

void UpstreamPool::Sweep() {
  TrustAnchorsPtr anchors = state_->trust.current();
  if (anchors->version() != state_->anchors_in_use->version()) {
    state_->anchors_in_use = std::move(anchors);
    state_->KillWhere([](const UpstreamSlot& slot) { return slot.uses_trust; });
  }
  state_->KillWhere([](const UpstreamSlot& slot) { return slot.AnswersAreGone(); });
  size_t looks = kLooksPerSweep;
  for (const auto& [key, slot] : state_->slots) {
    state_->FollowName(slot.get());
    state_->SweepSlot(slot.get(), &looks);
    slot->SweepHttp2();
  }
  // A key that nobody uses any more holds a client certificate's key in memory: let go of it.
  const absl::Duration now = state_->loop.Now();
  state_->KillWhere([&](const UpstreamSlot& slot) {
    return slot.unused() && now - slot.last_used > state_->options.max_idle_age;
  });
}

Loop& UpstreamPool::loop() const { return state_->loop; }

UpstreamPool::Counts UpstreamPool::counts() const {
  Counts counts = state_->counts;
  counts.keys = state_->slots.size();
  return counts;
}

}  // namespace sallyport::dataplane
