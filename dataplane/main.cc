// sallyport-dataplane: terminates TLS, routes, asks authsvc, forwards. Holds nothing on disk.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "dataplane/listen/check_config.h"
#include "dataplane/listen/process.h"
#include "dataplane/loop/kept_memory.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/base/version.h"
#include "shared/config/command_line.h"
#include "shared/config/dataplane_config.h"

namespace sallyport::dataplane {
namespace {

constexpr char kProgram[] = "sallyport-dataplane";
constexpr int kBadUse = 2;

// Private keys are in this process's memory: no core dump, no ptrace by others.
void ProtectMemory() {
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

// As many descriptors as the system lets us have.
void RaiseDescriptorLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "%s: %s\n", kProgram, std::string(status.message()).c_str());
  return kBadUse;
}

int PrintSettings(const config::DataplaneConfig& config) {
  for (const config::Setting& setting : config::SettingsOf(config)) {
    std::printf("%s = %s  # %s\n", setting.path.c_str(), setting.value.c_str(),
                std::string(setting.help).c_str());
  }
  return 0;
}

int CheckConfig(const config::DataplaneConfig& config) {
  const std::vector<std::string> problems = ConfigProblems(config, base::SystemClock().Now());
  for (const std::string& problem : problems)
    std::fprintf(stderr, "%s: %s\n", kProgram, problem.c_str());
  if (problems.empty()) std::puts("configuration is usable");
  return problems.empty() ? 0 : kBadUse;
}

// Blocked in every thread, so that only WaitForEnd takes them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

void WaitForEnd(const sigset_t& signals, DataplaneProcess& process) {
  for (;;) {
    int number = 0;
    if (sigwait(&signals, &number) != 0) continue;
    if (number != SIGHUP) return;
    process.ReopenLogs();
  }
}

int Serve(const config::DataplaneConfig& config) {
  base::Level level = base::Level::kInfo;
  (void)base::ParseLevel(config.log_level, &level);
  const sigset_t signals = BlockSignals();
  base::InitLog("dataplane", level);
  auto process = DataplaneProcess::Create(config);
  if (!process.ok()) {
    base::FlushLog();
    return Complain(process.status());
  }
  (*process)->Start();
  base::Log(base::Level::kInfo, "dataplane.started");
  WaitForEnd(signals, **process);
  base::Log(base::Level::kInfo, "dataplane.draining");
  (*process)->DrainAndStop();
  base::Log(base::Level::kInfo, "dataplane.stopped");
  base::FlushLog();
  return 0;
}

int Main(const std::vector<std::string>& args) {
  const auto line =
      config::ParseCommandLine(args, config::ProcessEnvironment(), config::DataplaneFlags());
  if (!line.ok()) return Complain(line.status());
  if (line->help) {
    std::fputs(
        config::HelpText(kProgram, "terminates TLS, authorizes, forwards", config::DataplaneFlags())
            .c_str(),
        stdout);
    return 0;
  }
  if (line->version) {
    std::printf("%s %s\n", kProgram, base::kVersion);
    return 0;
  }
  const auto config = config::MakeDataplaneConfig(line->root);
  if (!config.ok()) return Complain(config.status());
  if (line->print_settings) return PrintSettings(*config);
  if (line->check_config) return CheckConfig(*config);
  return Serve(*config);
}

}  // namespace
}  // namespace sallyport::dataplane

int main(int argc, char** argv) {
  // Debian's Abseil looks for deadlocks at every lock; ours are looked for by annotations and TSan.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  sallyport::dataplane::KeptMemory::KeepRecordBuffers();
  sallyport::dataplane::ProtectMemory();
  sallyport::dataplane::RaiseDescriptorLimit();
  return sallyport::dataplane::Main(std::vector<std::string>(argv + 1, argv + argc));
}
