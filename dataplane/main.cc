// sallyport-dataplane: terminates TLS, routes, asks authsvc, forwards. Holds nothing on disk.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "dataplane/listen/check_config.h"
#include "dataplane/listen/inherited_sockets.h"
#include "dataplane/listen/lifetime.h"
#include "dataplane/listen/process.h"
#include "dataplane/loop/kept_memory.h"
#include "dataplane/tls/tls_library.h"
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

int Serve(const config::DataplaneConfig& config, Program program,
          std::unique_ptr<InheritedSockets> inherited, DataplaneProcess::ReadAgain read_again) {
  base::Level level = base::Level::kInfo;
  (void)base::ParseLevel(config.log_level, &level);
  Lifetime lifetime(std::move(program), config.timeouts.upgrade, &base::SystemClock());
  base::InitLog("dataplane", level);
  auto process = DataplaneProcess::Create(config, std::move(inherited), std::move(read_again));
  if (!process.ok()) {
    base::FlushLog();
    return Complain(process.status());
  }
  const int code = lifetime.Run(**process);
  base::FlushLog();
  return code;
}

int Main(const std::vector<std::string>& words) {
  const std::vector<std::string> args(words.begin() + 1, words.end());
  std::vector<std::string> environment = config::ProcessEnvironment();
  // First: what is opened from now on has other numbers.
  auto inherited = InheritedSockets::FromEnvironment(&environment);
  if (!inherited.ok()) return Complain(inherited.status());
  const auto line = config::ParseCommandLine(args, environment, config::DataplaneFlags());
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
  auto read_again = [args, environment]() -> absl::StatusOr<config::DataplaneConfig> {
    const auto once_more = config::ParseCommandLine(args, environment, config::DataplaneFlags());
    if (!once_more.ok()) return once_more.status();
    return config::MakeDataplaneConfig(once_more->root);
  };
  return Serve(*config, {ProgramFile(words.front()), words, environment}, *std::move(inherited),
               std::move(read_again));
}

}  // namespace
}  // namespace sallyport::dataplane

int main(int argc, char** argv) {
  // Debian's Abseil looks for deadlocks at every lock; ours are looked for by annotations and TSan.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  sallyport::dataplane::KeptMemory::KeepForOpenssl();
  sallyport::dataplane::TlsLibrary::KnowFewNames();
  sallyport::dataplane::ProtectMemory();
  sallyport::dataplane::RaiseDescriptorLimit();
  return sallyport::dataplane::Main(std::vector<std::string>(argv, argv + argc));
}
