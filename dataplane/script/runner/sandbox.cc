#include "dataplane/script/runner/sandbox.h"

#include <linux/capability.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace sallyport::script {
namespace {

constexpr int kFirstToClose = 3;
// Backstops: the engine's memory is counted exactly (heap.h), time is the data plane's business,
// which takes another process long before this one has used so much.
constexpr rlim_t kAddressBytes = 512u << 20;
constexpr rlim_t kCpuSeconds = 120;

// Those too that the data plane was started with to open ports below 1024.
bool DropCapabilities() {
  __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
         syscall(SYS_capset, &head, none) == 0;
}

bool Limit(int resource, rlim_t most) {
  const rlimit limit = {most, most};
  return setrlimit(resource, &limit) == 0;
}

bool LimitResources() {
  return Limit(RLIMIT_CORE, 0) && Limit(RLIMIT_AS, kAddressBytes) &&
         Limit(RLIMIT_CPU, kCpuSeconds) && Limit(RLIMIT_NOFILE, kFirstToClose) &&
         Limit(RLIMIT_NPROC, 0) && Limit(RLIMIT_FSIZE, 0) && Limit(RLIMIT_MEMLOCK, 0);
}

bool AllowCalls(scmp_filter_ctx filter) {
  for (const int call :
       {SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk),
        SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
        SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall)}) {
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) != 0) return false;
  }
  // Memory is never code: of the third argument, which is the protection.
  const scmp_arg_cmp not_code = {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, not_code) != 0) return false;
  }
  // What the C library may try, and can do without.
  for (const int call : {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(newfstatat), SCMP_SYS(fstat),
                         SCMP_SYS(getrandom)}) {
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0) != 0) return false;
  }
  return true;
}

bool FilterCalls() {
  const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (filter == nullptr) return false;
  const bool loaded = AllowCalls(filter) && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return loaded;
}

// The engine asks for local times: the C library looks for their rules once.
bool ForgetEnvironment() {
  if (clearenv() != 0 || setenv("TZ", "UTC0", 1) != 0) return false;
  tzset();
  return true;
}

}  // namespace

std::string EnterSandbox() {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return "PR_SET_PDEATHSIG";
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return "PR_SET_DUMPABLE";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "PR_SET_NO_NEW_PRIVS";
  if (close_range(kFirstToClose, ~0u, 0) != 0) return "close_range";
  if (!DropCapabilities()) return "capset";
  if (!ForgetEnvironment()) return "clearenv";
  if (!LimitResources()) return "setrlimit";
  if (!FilterCalls()) return "seccomp";
  return "";
}

}  // namespace sallyport::script
