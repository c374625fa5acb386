#include "dataplane/listen/inherited_sockets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dataplane/listen/listening_socket.h"

namespace sallyport::dataplane {
namespace {

constexpr int kFirstOfOthers = 3;  // after standard input, output and error
constexpr int kMostSockets = 1 << 16;
constexpr absl::string_view kSystemdVariables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};

// "" where there is none.
std::string TakeVariable(absl::string_view name, std::vector<std::string>* environment) {
  std::string value;
  const auto is_it = [&](const std::string& entry) {
    if (!absl::StartsWith(entry, absl::StrCat(name, "="))) return false;
    if (value.empty()) value = entry.substr(name.size() + 1);
    return true;
  };
  environment->erase(std::remove_if(environment->begin(), environment->end(), is_it),
                     environment->end());
  return value;
}

// Digits and nothing else.
bool ParseNumber(absl::string_view text, int* number) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  return digits && absl::SimpleAtoi(text, number);
}

bool IsPipe(int fd) {
  struct stat facts = {};
  return fstat(fd, &facts) == 0 && S_ISFIFO(facts.st_mode) &&
         (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
}

absl::Status Wrong(absl::string_view variable, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(variable, ": ", what));
}

// What an environment says.
struct SaidSockets {
  absl::string_view variable;
  int ready = -1;
  int first = 0;
  int count = 0;
};

absl::StatusOr<SaidSockets> ByPredecessor(absl::string_view text) {
  SaidSockets said;
  said.variable = kInheritanceVariable;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() != 4 || parts[0] != "v1" || !ParseNumber(parts[1], &said.ready) ||
      !ParseNumber(parts[2], &said.first) || !ParseNumber(parts[3], &said.count)) {
    return Wrong(said.variable, "not \"v1:READY:FIRST:COUNT\"; it is set for a successor alone");
  }
  if (said.ready < kFirstOfOthers || !IsPipe(said.ready))
    return Wrong(said.variable, absl::StrCat(said.ready, " is not a pipe to write to"));
  return said;
}

// count 0: it is not said to this process.
absl::StatusOr<SaidSockets> BySystemd(absl::string_view pid, absl::string_view count) {
  SaidSockets said;
  said.variable = "LISTEN_FDS";
  said.first = kFirstOfOthers;
  int for_process = 0;
  if (!ParseNumber(pid, &for_process) || for_process != getpid()) return said;
  if (!ParseNumber(count, &said.count)) return Wrong(said.variable, "not a number");
  return said;
}

absl::Status CheckSockets(const SaidSockets& said) {
  if (said.first < kFirstOfOthers || said.count > kMostSockets ||
      said.first > (1 << 30) - said.count ||
      (said.ready >= said.first && said.ready < said.first + said.count)) {
    return Wrong(said.variable, "no such descriptors");
  }
  for (int fd = said.first; fd < said.first + said.count; ++fd) {
    if (!IsListening(fd))
      return Wrong(said.variable, absl::StrCat(fd, " is not a TCP socket that listens"));
    if (said.ready < 0 && !SharesItsPort(fd)) {
      return Wrong(said.variable,
                   absl::StrCat("port ", BoundPort(fd), " is not shared: set ReusePort=yes"));
    }
  }
  return absl::OkStatus();
}

void Prepare(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

std::string InheritanceText(int ready, int first, size_t count) {
  return absl::StrCat("v1:", ready, ":", first, ":", count);
}

absl::StatusOr<std::unique_ptr<InheritedSockets>> InheritedSockets::FromEnvironment(
    std::vector<std::string>* environment) {
  const std::string text = TakeVariable(kInheritanceVariable, environment);
  std::string of_systemd[3];
  for (size_t i = 0; i < 3; ++i) of_systemd[i] = TakeVariable(kSystemdVariables[i], environment);
  const bool predecessor = !text.empty();
  const absl::StatusOr<SaidSockets> said =
      predecessor ? ByPredecessor(text) : BySystemd(of_systemd[0], of_systemd[1]);
  if (!said.ok()) return said.status();
  if (!predecessor && said->count == 0) return nullptr;
  absl::Status checked = CheckSockets(*said);
  if (!checked.ok()) return checked;
  if (said->ready >= 0) Prepare(said->ready);
  for (int fd = said->first; fd < said->first + said->count; ++fd) Prepare(fd);
  return std::unique_ptr<InheritedSockets>(
      new InheritedSockets(said->ready, said->first, said->count));
}

InheritedSockets::InheritedSockets(int ready, int first, int count)
    : from_predecessor_(ready >= 0), ready_(ready) {
  std::map<std::string, size_t> seen;
  for (int fd = first; fd < first + count; ++fd) held_.push_back({fd, seen[PlaceOf(fd)]++});
}

InheritedSockets::~InheritedSockets() {
  CloseRest();
  const base::MutexLock lock(&mutex_);
  if (ready_ >= 0) close(ready_);
}

std::vector<int> InheritedSockets::Take(const std::string& address, uint16_t port, size_t index,
                                        size_t shares) {
  const base::MutexLock lock(&mutex_);
  std::vector<int> taken;
  if (held_.empty()) return taken;
  const std::string usable = UsableAddress(address);
  const auto take = [&](const Held& held) {
    if (held.number % shares != index || !IsBoundTo(held.fd, usable, port)) return false;
    taken.push_back(held.fd);
    return true;
  };
  held_.erase(std::remove_if(held_.begin(), held_.end(), take), held_.end());
  return taken;
}

void InheritedSockets::CloseRest() {
  const base::MutexLock lock(&mutex_);
  for (const Held& held : held_) close(held.fd);
  held_.clear();
}

void InheritedSockets::TellReady() {
  const base::MutexLock lock(&mutex_);
  const int fd = std::exchange(ready_, -1);
  if (fd < 0) return;
  // One that is gone needs no word: SIGPIPE is ignored.
  (void)!write(fd, "R", 1);
  close(fd);
}

}  // namespace sallyport::dataplane
