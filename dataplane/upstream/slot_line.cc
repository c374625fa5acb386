// Who waits for a connection, and connections that are shared: requests get what becomes free in
// the order in which they came.
#include <algorithm>
#include <utility>

#include "dataplane/upstream/slot.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

// So many requests are expected to fit on a connection that is being opened.
constexpr size_t kExpectedStreams = 64;

}  // namespace

// A place in the line -----------------------------------------------------------------------------

SlotWaiter::SlotWaiter(std::shared_ptr<UpstreamSlot> slot)
    : slot_(std::move(slot)), called_(slot_->pool->loop) {
  slot_->line.push_back(this);
  ++slot_->pool->counts.waiting;
}

SlotWaiter::~SlotWaiter() { LeaveLine(); }

void SlotWaiter::LeaveLine() {
  if (!std::exchange(in_line_, false)) return;
  std::erase(slot_->line, this);
  --slot_->pool->counts.waiting;
}

boost::asio::awaitable<void> SlotWaiter::Wait(Deadline deadline) {
  slot_->ServeLine();  // as long as it is now, it may call for one more connection
  (void)co_await called_.Wait(deadline);
  LeaveLine();
  lease.waited_ = true;
}

SlotWaiter* UpstreamSlot::Call() {
  SlotWaiter* const first = line.front();
  first->LeaveLine();
  first->called_.Set();
  return first;
}

// What has become free goes to those who wait, as far as it reaches.
void UpstreamSlot::ServeLine() {
  while (!line.empty() && !dead) {
    UpstreamLease lease = TryTake();
    if (lease) {
      Call()->lease = std::move(lease);
    } else if (MayDial()) {
      BeginDial();
      Call()->may_dial = true;
    } else {
      return;
    }
  }
}

void UpstreamSlot::CallAll() {
  while (!line.empty()) Call()->look_again = true;
}

// Opening -----------------------------------------------------------------------------------------

bool UpstreamSlot::MayDial() const {
  if (dead) return true;  // who is here already opens one for itself, as it would have before
  if (!SpeaksHttp2()) return in_use < pool->options.max_connections_per_key;
  if (line.size() < dialling * kExpectedStreams) return false;
  // Those that only end with long requests take no place away.
  const auto serving =
      std::count_if(http2.begin(), http2.end(), [](const auto& one) { return one->serving(); });
  return static_cast<size_t>(serving) + dialling < pool->options.max_http2_connections_per_key;
}

void UpstreamSlot::BeginDial() {
  ++dialling;
  ++in_use;
  ++pool->counts.in_use;
}

UpstreamLease UpstreamSlot::EndDial(std::unique_ptr<UpstreamConnection> connection) {
  --dialling;
  ++pool->counts.opened;
  if (protocol == UpstreamProtocol::kAuto) chose_http1 = !connection->http2;
  if (connection->http2) return Share(std::move(connection));
  UpstreamLease lease(std::move(connection), shared_from_this());
  // It was not known before that each needs a connection of its own.
  if (protocol == UpstreamProtocol::kAuto) CallAll();
  return lease;
}

void UpstreamSlot::EndDial(const UpstreamFailure& failure) {
  --dialling;
  CountOut();
  // All of them wait for a connection to the same place. That one's own time was over says nothing
  // about theirs.
  const bool theirs = SpeaksHttp2() && http2.empty() && dialling == 0 &&
                      failure.reason != Reason::kUpstreamConnectTimeout;
  while (theirs && !line.empty()) Call()->failure = failure;
  ServeLine();
}

UpstreamLease UpstreamSlot::Share(std::unique_ptr<UpstreamConnection> connection) {
  // Each keeps the other until it is over, or the slot is taken out of the table.
  auto on_change = [slot = shared_from_this()](UpstreamHttp2& changed, UpstreamHttp2::Change what) {
    if (what == UpstreamHttp2::Change::kOver) slot->ForgetOver(changed);
    slot->ServeLine();
  };
  std::shared_ptr<UpstreamHttp2> made = UpstreamHttp2::Start(
      std::move(connection), pool->loop, pool->options.http2, std::move(on_change));
  if (made == nullptr) {
    CountOut();
    return {};
  }
  ++pool->counts.http2_opened;
  ++pool->counts.http2;
  UpstreamLease lease(made, shared_from_this());
  if (dead || pool->closed) {
    made->Retire();
  } else {
    http2.push_back(made);
  }
  ServeLine();
  return lease;
}

// Sharing -----------------------------------------------------------------------------------------

UpstreamLease UpstreamSlot::TakeRoom() {
  UpstreamHttp2* best = nullptr;
  for (const std::shared_ptr<UpstreamHttp2>& one : http2) {
    if (!one->HasRoom()) continue;
    if (pool->TooOld(one->connection()) || IsElsewhere(one->connection())) continue;  // swept soon
    if (best == nullptr || one->taken() < best->taken()) best = one.get();
  }
  if (best == nullptr) return {};
  ++in_use;
  ++pool->counts.in_use;
  if (best->proven()) ++pool->counts.reused;
  return UpstreamLease(best->shared_from_this(), shared_from_this());
}

void UpstreamSlot::GiveBack(UpstreamHttp2& connection) {
  CountOut();
  connection.Release();  // serves the line
}

void UpstreamSlot::ForgetOver(UpstreamHttp2& connection) {
  std::erase_if(http2, [&connection](const std::shared_ptr<UpstreamHttp2>& one) {
    return one.get() == &connection;
  });
  --pool->counts.http2;
  const absl::string_view fault = connection.fault();
  if (!fault.empty() && pool->options.on_http2_fault) pool->options.on_http2_fault(fault);
}

void UpstreamSlot::Retire(absl::string_view why) {
  for (const std::shared_ptr<UpstreamHttp2>& one : std::exchange(http2, {})) one->Retire();
  while (!line.empty())
    Call()->failure = UpstreamFailure{Reason::kUpstreamPoolFull, std::string(why), {}};
}

void UpstreamSlot::SweepHttp2() {
  if (http2.empty()) return;
  const absl::Duration now = pool->loop.Now();
  const std::vector<std::shared_ptr<UpstreamHttp2>> all = http2;
  for (const std::shared_ptr<UpstreamHttp2>& one : all) {
    const bool unused_long =
        one->taken() == 0 && now - one->idle_since() > pool->options.max_idle_age;
    const bool moved = IsElsewhere(one->connection());
    if (one->retired() || (!unused_long && !moved && !pool->TooOld(one->connection()))) continue;
    if (moved) ++pool->counts.moved;
    one->Retire();
  }
}

}  // namespace sallyport::dataplane
