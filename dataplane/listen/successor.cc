#include "dataplane/listen/successor.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/listen/inherited_sockets.h"
#include "shared/base/clock.h"

namespace sallyport::dataplane {
namespace {

// In the successor: after standard input, output and error.
constexpr int kReadyThere = 3;
constexpr int kFirstThere = 4;
constexpr absl::Duration kEnding = absl::Seconds(5);

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  // posix_spawn's signature is older than const; it writes to none of them.
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Copies above every number that the successor has, so that giving it one overwrites none.
class Copies {
 public:
  ~Copies() {
    for (const int fd : fds_) close(fd);
  }
  bool Add(int fd, int above) {
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, above);
    if (copy >= 0) fds_.push_back(copy);
    return copy >= 0;
  }
  [[nodiscard]] const std::vector<int>& fds() const { return fds_; }

 private:
  std::vector<int> fds_;
};

// Gives the successor `fds` as kReadyThere and the following, and nothing else beside its standard
// ones. Not by fork: the memory of a process with threads and keys is not to be copied.
absl::StatusOr<pid_t> Spawn(const Program& program, const std::vector<int>& fds) {
  std::vector<std::string> environment = program.environment;
  environment.push_back(absl::StrCat(kInheritanceVariable, "=",
                                     InheritanceText(kReadyThere, kFirstThere, fds.size() - 1)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  int there = kReadyThere;
  int error = 0;
  for (const int fd : fds) {
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, fd, there++);
  }
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, there);
  pid_t pid = -1;
  if (error == 0) {
    error = posix_spawn(&pid, program.file.c_str(), &actions, nullptr,
                        Pointers(program.arguments).data(), Pointers(environment).data());
  }
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return pid;
  return absl::UnavailableError(
      absl::StrCat("cannot start ", program.file, ": ", std::strerror(error)));
}

}  // namespace

std::string ProgramFile(const std::string& name) {
  std::array<char, PATH_MAX> path = {};
  if (absl::StrContains(name, "/")) {
    if (name[0] == '/') return name;
    if (getcwd(path.data(), path.size()) != nullptr) return absl::StrCat(path.data(), "/", name);
  }
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<size_t>(size)) : name;
}

absl::StatusOr<std::unique_ptr<Successor>> Successor::Start(const Program& program,
                                                            const std::vector<int>& sockets) {
  std::array<int, 2> ends = {-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    return absl::ResourceExhaustedError(absl::StrCat("no pipe: ", std::strerror(errno)));
  const int above = kFirstThere + static_cast<int>(sockets.size());
  Copies copies;
  bool copied = copies.Add(ends[1], above);
  close(ends[1]);
  for (const int fd : sockets) copied = copied && copies.Add(fd, above);
  if (!copied) {
    close(ends[0]);
    return absl::ResourceExhaustedError("no descriptors left for copies of the sockets");
  }
  const absl::StatusOr<pid_t> pid = Spawn(program, copies.fds());
  if (!pid.ok()) {
    close(ends[0]);
    return pid.status();
  }
  return std::unique_ptr<Successor>(new Successor(*pid, ends[0]));
}

Successor::~Successor() {
  Kill();
  close(heard_);
}

Successor::State Successor::Look() {
  if (state_ != State::kStarting) return state_;
  char said = 0;
  const ssize_t size = read(heard_, &said, 1);
  if (size == 1 && said == 'R') return state_ = State::kReady;
  if (size < 0) return state_;  // nothing yet
  // It has closed its end, as one does that is ending, and then tells how; or it talks nonsense. It
  // may go on running all the same: nobody would ever attend it.
  const absl::Duration now = base::SystemClock().Monotonic();
  if (size == 0 && !ending_by_.has_value()) ending_by_ = now + kEnding;
  int status = 0;
  if (size == 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
    Failed(status);
  } else if (size == 1 || now >= *ending_by_) {
    Kill();
  }
  return state_;
}

void Successor::Kill() {
  if (state_ != State::kStarting) return;
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  Failed(status);
}

void Successor::Failed(int status) {
  state_ = State::kFailed;
  failure_ = WIFEXITED(status) ? absl::StrCat("it ended with ", WEXITSTATUS(status))
                               : absl::StrCat("it ended by signal ", WTERMSIG(status));
}

}  // namespace sallyport::dataplane
