#include "dataplane/listen/lifetime.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {
namespace {

using base::Level;

// While one process waits for the other.
constexpr absl::Duration kLook = absl::Milliseconds(10);
constexpr absl::Duration kQuiet = absl::Hours(1);
constexpr int kFailed = 1;

void LogFailure(absl::string_view why) {
  base::Log(Level::kError, "upgrade.failed",
            {{"error", why}, {"hint", "this process goes on serving as before"}});
}

}  // namespace

Lifetime::Lifetime(Program program, absl::Duration upgrade, const base::Clock* clock)
    : program_(std::move(program)),
      manager_(program_.environment),
      upgrade_(upgrade),
      clock_(clock) {
  sigemptyset(&signals_);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR2}) sigaddset(&signals_, number);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int Lifetime::NextSignal(absl::Duration patience) const {
  const timespec time = absl::ToTimespec(patience);
  const int number = sigtimedwait(&signals_, nullptr, &time);
  return number > 0 ? number : 0;
}

absl::Duration Lifetime::Patience() const {
  return taking_over_ || successor_ != nullptr ? kLook : kQuiet;
}

int Lifetime::Run(DataplaneProcess& process) {
  taking_over_ = process.AwaitsTakeOver();
  process.Start();
  base::Log(Level::kInfo, "dataplane.started", {{"pid", static_cast<int64_t>(getpid())}});
  if (!taking_over_) manager_.Tell("READY=1");
  for (;;) {
    const int number = NextSignal(Patience());
    if (taking_over_ && process.Ready()) {
      const absl::Status taken = TakeOver(process);
      if (!taken.ok()) return kFailed;
    }
    if (successor_ != nullptr && SuccessorServes()) {
      if (number == SIGTERM || number == SIGINT) kill(successor_->pid(), SIGTERM);
      HandOver(process);
      return 0;
    }
    if (number == SIGHUP) process.Reload();
    if (number == SIGUSR2) StartSuccessor(process);
    if (number == SIGTERM || number == SIGINT) break;
  }
  End(process);
  return 0;
}

absl::Status Lifetime::TakeOver(DataplaneProcess& process) {
  absl::Status taken = process.TakeOver();
  if (!taken.ok()) {
    base::Log(Level::kError, "upgrade.not_taken_over", {{"error", taken}});
    return taken;
  }
  taking_over_ = false;
  base::Log(Level::kInfo, "upgrade.taken_over", {{"pid", static_cast<int64_t>(getpid())}});
  return taken;
}

void Lifetime::StartSuccessor(DataplaneProcess& process) {
  if (taking_over_ || successor_ != nullptr) {
    base::Log(Level::kWarning, "upgrade.refused", {{"hint", "another upgrade is on"}});
    return;
  }
  const absl::StatusOr<std::vector<int>> sockets = process.CopySockets();
  if (!sockets.ok()) return LogFailure(sockets.status().message());
  auto started = Successor::Start(program_, *sockets);
  for (const int fd : *sockets) close(fd);
  if (!started.ok()) return LogFailure(started.status().message());
  successor_ = *std::move(started);
  successor_by_ = clock_->Monotonic() + upgrade_;
  base::Log(Level::kInfo, "upgrade.started",
            {{"program", program_.file}, {"successor", static_cast<int64_t>(successor_->pid())}});
}

bool Lifetime::SuccessorServes() {
  Successor::State state = successor_->Look();
  if (state == Successor::State::kReady) return true;
  const bool late = state == Successor::State::kStarting && clock_->Monotonic() > successor_by_;
  if (state == Successor::State::kStarting && !late) return false;
  successor_->Kill();
  LogFailure(late ? absl::StrCat("not ready within ", absl::FormatDuration(upgrade_),
                                 " (timeouts.upgrade)")
                  : successor_->failure());
  successor_.reset();
  return false;
}

void Lifetime::HandOver(DataplaneProcess& process) {
  const auto pid = static_cast<int64_t>(successor_->pid());
  manager_.Tell(absl::StrCat("MAINPID=", pid));
  base::Log(Level::kInfo, "upgrade.handing_over", {{"successor", pid}});
  process.HandOverAndStop();
  base::Log(Level::kInfo, "dataplane.stopped");
}

void Lifetime::End(DataplaneProcess& process) {
  successor_.reset();
  manager_.Tell("STOPPING=1");
  base::Log(Level::kInfo, "dataplane.draining");
  process.DrainAndStop();
  base::Log(Level::kInfo, "dataplane.stopped");
}

}  // namespace sallyport::dataplane
