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
    if (!target.tls) return std::nullopt;
    return UpstreamFailure{Reason::kUpstreamCredential, "no answer for an https target", {}};
  }
  if (credentials->reason == Reason::kAllowed) return std::nullopt;
  return UpstreamFailure{Reason::kUpstreamCredential,
                         absl::StrCat(base::ReasonName(credentials->reason), ": ", credentials->detail),
                         {}};
}

}  // namespace

UpstreamLease::UpstreamLease(std::unique_ptr<UpstreamConnection> connection,
                             std::shared_ptr<UpstreamSlot> slot)
    : connection_(std::move(connection)), slot_(std::move(slot)) {
  ++connection_->uses;
}

UpstreamLease::UpstreamLease(UpstreamLease&& other) noexcept = default;

UpstreamLease& UpstreamLease::operator=(UpstreamLease&& other) noexcept {
  if (this != &other) {
    Drop();
    connection_ = std::move(other.connection_);
    slot_ = std::move(other.slot_);
  }
  return *this;
}

UpstreamLease::~UpstreamLease() { Drop(); }

void UpstreamLease::Keep() {
  if (slot_ == nullptr) return;
  slot_->GiveBack(std::move(connection_));
  slot_ = nullptr;
}

void UpstreamLease::Drop() {
  if (slot_ == nullptr) return;
  connection_ = nullptr;
  slot_->GiveBack(nullptr);
  slot_ = nullptr;
}

UpstreamPool::UpstreamPool(Loop& loop, UpstreamPoolOptions options, Resolver& resolver,
                           const SystemTrust& trust, const base::Clock& clock)
    : state_(std::make_shared<UpstreamPoolState>(loop, options, resolver, trust, clock)) {}

UpstreamPool::~UpstreamPool() {
  RetireAll();
  state_->closed = true;
}

UpstreamLease UpstreamPool::TryIdle(const UpstreamTargetPtr& target,
                                    const UpstreamCredentialsPtr& credentials,
                                    const Permit& /*permit*/) {
  if (Unfit(*target, credentials.get()).has_value()) return {};
  const UpstreamSlotPtr slot = state_->Find(target, credentials);
  std::unique_ptr<UpstreamConnection> connection = slot->TakeIdle();
  if (connection == nullptr) return {};
  slot->last_used = state_->loop.Now();
  return UpstreamLease(std::move(connection), slot);
}

boost::asio::awaitable<UpstreamPool::Result> UpstreamPool::Acquire(
    const UpstreamTargetPtr& target, const UpstreamCredentialsPtr& credentials, const Permit& permit,
    Limits limits) {
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
    co_return UpstreamFailure{Reason::kUpstreamCredential, std::string(slot->tls.status().message()), {}};
  }
  if (slot->in_use >= state->options.max_connections_per_key) {
    co_return UpstreamFailure{Reason::kUpstreamPoolFull, absl::StrCat(slot->in_use, " in use"), {}};
  }
  ++slot->in_use;
  ++state->counts.in_use;
  DialResult dialled =
      co_await Dial(state->loop, state->resolver, target, *slot->tls, limits.deadline);
  if (auto* const failure = std::get_if<UpstreamFailure>(&dialled)) {
    slot->GiveBack(nullptr);
    co_return std::move(*failure);
  }
  ++state->counts.opened;
  co_return UpstreamLease(std::move(std::get<0>(dialled)), slot);
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
  }
  // A key that nobody uses any more holds a client certificate's key in memory: let go of it.
  const absl::Duration now = state_->loop.Now();
  state_->KillWhere([&](const UpstreamSlot& slot) {
    return slot.idle.empty() && slot.in_use == 0 &&
           now - slot.last_used > state_->options.max_idle_age;
  });
}

Loop& UpstreamPool::loop() const { return state_->loop; }

UpstreamPool::Counts UpstreamPool::counts() const {
  Counts counts = state_->counts;
  counts.keys = state_->slots.size();
  return counts;
}

}  // namespace sallyport::dataplane
