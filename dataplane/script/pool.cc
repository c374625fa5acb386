#include "dataplane/script/pool.h"

#include <algorithm>

#include "dataplane/loop/loop.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::Duration kMostIdle = absl::Minutes(1);
// Whatever an engine may have left behind ends with its process now and then. The time is well
// below the limit that a process has (runner/sandbox.cc).
constexpr int kMostUses = 10'000;
constexpr absl::Duration kMostBusy = absl::Minutes(1);

}  // namespace

ScriptPool::Lease::~Lease() {
  if (helper_ != nullptr) pool_->Return("", std::move(helper_));
}

void ScriptPool::Lease::Keep(absl::Duration busy) {
  helper_->busy += busy;
  ++helper_->uses;
  const bool worn = helper_->uses >= kMostUses || helper_->busy >= kMostBusy;
  pool_->Return(worn ? "" : api_id_, std::move(helper_));
}

ScriptPool::ScriptPool(ScriptPoolOptions options, const base::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      program_(options_.program),
      bodies_(options_.all_body_bytes) {}

ScriptPool::~ScriptPool() {
  const base::MutexLock lock(&mutex_);
  for (Idle& idle : idle_) End(std::move(idle.helper));
  for (const auto& helper : ending_) helper->AwaitEnd();
}

boost::asio::awaitable<bool> ScriptPool::Enter(Loop& loop, Admission& admission,
                                               TargetLimits limits, Deadline deadline,
                                               Admission::Ticket* ticket) {
  const Admission::Answer answer = admission.TryEnter(limits, ticket);
  if (answer != Admission::Answer::kWait) co_return answer == Admission::Answer::kIn;
  auto entered = co_await admission.Wait(loop, limits, deadline);
  loop.RefreshNow();
  if (!entered.has_value()) co_return false;
  *ticket = *std::move(entered);
  co_return true;
}

boost::asio::awaitable<absl::StatusOr<ScriptPool::Lease>> ScriptPool::Acquire(Loop& loop,
                                                                              std::string api_id,
                                                                              Deadline deadline) {
  if (options_.helpers == 0) co_return absl::UnavailableError("scripts.helpers is 0");
  const Deadline until = deadline.Earlier(loop.After(options_.wait));
  TargetLimits of_api, of_all;
  of_api.max_connections = std::max(1U, std::min(options_.helpers_per_api, options_.helpers));
  of_api.max_pending = options_.waiting / 2;
  of_all.max_connections = options_.helpers;
  of_all.max_pending = options_.waiting;
  std::shared_ptr<Admission> api = OfApi(api_id);
  Admission::Ticket api_ticket, all_ticket;
  if (!co_await Enter(loop, *api, of_api, until, &api_ticket))
    co_return absl::ResourceExhaustedError(
        "the API's scripts are all busy (scripts.helpers_per_api)");
  if (!co_await Enter(loop, all_, of_all, until, &all_ticket))
    co_return absl::ResourceExhaustedError("all processes for scripts are busy (scripts.helpers)");
  Lease lease(this, std::move(api_id), std::move(api), std::move(api_ticket),
              std::move(all_ticket));
  lease.helper_ = TakeIdle(lease.api_id_);
  if (lease.helper_ != nullptr) co_return lease;
  auto started = ScriptHelper::Start(program_);
  const base::MutexLock lock(&mutex_);
  if (!started.ok()) {
    --busy_;
    co_return started.status();
  }
  ++started_;
  lease.helper_ = *std::move(started);
  co_return lease;
}

std::shared_ptr<Admission> ScriptPool::OfApi(const std::string& api_id) {
  const base::MutexLock lock(&mutex_);
  std::shared_ptr<Admission>& admission = apis_[api_id];
  if (admission == nullptr) admission = std::make_shared<Admission>();
  return admission;
}

std::unique_ptr<ScriptHelper> ScriptPool::TakeIdle(absl::string_view api_id) {
  const base::MutexLock lock(&mutex_);
  ReapEnded();
  ++busy_;
  for (size_t i = idle_.size(); i-- > 0;) {
    if (idle_[i].api_id != api_id) continue;
    std::unique_ptr<ScriptHelper> helper = std::move(idle_[i].helper);
    idle_.erase(idle_.begin() + static_cast<ptrdiff_t>(i));
    if (helper->IsQuiet()) return helper;
    End(std::move(helper));
  }
  if (busy_ + idle_.size() > options_.helpers && !idle_.empty()) {
    End(std::move(idle_.front().helper));
    idle_.erase(idle_.begin());
  }
  return nullptr;
}

// Without an API it is not to be used again.
void ScriptPool::Return(std::string api_id, std::unique_ptr<ScriptHelper> helper) {
  const base::MutexLock lock(&mutex_);
  --busy_;
  if (api_id.empty()) return End(std::move(helper));
  idle_.push_back({std::move(api_id), std::move(helper), clock_.Monotonic()});
}

void ScriptPool::End(std::unique_ptr<ScriptHelper> helper) {
  helper->Kill();
  if (!helper->Reap()) ending_.push_back(std::move(helper));
}

void ScriptPool::ReapEnded() {
  std::erase_if(ending_, [](const auto& helper) { return helper->Reap(); });
}

void ScriptPool::Sweep() {
  const base::MutexLock lock(&mutex_);
  ReapEnded();
  const absl::Duration long_ago = clock_.Monotonic() - kMostIdle;
  while (!idle_.empty() && idle_.front().since < long_ago) {
    End(std::move(idle_.front().helper));
    idle_.erase(idle_.begin());
  }
  absl::erase_if(apis_, [](const auto& api) { return api.second.use_count() == 1; });
}

ScriptPool::Counts ScriptPool::counts() const {
  const uint32_t waiting = all_.counts().waiting;
  const base::MutexLock lock(&mutex_);
  return {idle_.size(), busy_, waiting, ending_.size(), started_};
}

}  // namespace sallyport::dataplane
