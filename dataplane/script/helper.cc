#include "dataplane/script/helper.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

constexpr char kProgramName[] = "sallyport-script";
// In the helper: its program, behind standard input (the socket), output and error. It closes it.
constexpr int kProgramThere = 3;

std::string Beside() {
  std::array<char, PATH_MAX> path = {};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  const std::string own(path.data(), size > 0 ? static_cast<size_t>(size) : 0);
  return own.substr(0, own.rfind('/') + 1) + kProgramName;
}

// Two ends of a socket; the second is the helper's.
class Ends {
 public:
  Ends() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds_.data()) != 0) fds_ = {-1, -1};
  }
  ~Ends() {
    for (const int fd : fds_) {
      if (fd >= 0) close(fd);
    }
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;
  [[nodiscard]] bool open() const { return fds_[0] >= 0; }
  [[nodiscard]] int theirs() const { return fds_[1]; }
  [[nodiscard]] int TakeOurs() {
    fcntl(fds_[0], F_SETFL, O_NONBLOCK);
    return std::exchange(fds_[0], -1);
  }

 private:
  std::array<int, 2> fds_ = {-1, -1};
};

// Below kProgramThere there may be a descriptor of ours that would be overwritten before its turn.
int Above(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, kProgramThere + 1); }

int Spawn(int program, int socket, pid_t* pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  // A group of its own: what a terminal sends to ours is for us.
  posix_spawnattr_setpgroup(&attributes, 0);
  int error = posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const auto add = [&error](int result) { error = error == 0 ? result : error; };
  add(posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO));
  add(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0));
  add(posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0));
  add(posix_spawn_file_actions_adddup2(&actions, program, kProgramThere));
  add(posix_spawn_file_actions_addclosefrom_np(&actions, kProgramThere + 1));
  // posix_spawn's signature is older than const; it writes to neither.
  char* const arguments[] = {const_cast<char*>(kProgramName), nullptr};
  char* const environment[] = {nullptr};
  const std::string file = absl::StrCat("/proc/self/fd/", kProgramThere);
  if (error == 0)
    error = posix_spawn(pid, file.c_str(), &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

std::string ScriptProgramProblem(const std::string& file) {
  if (file.empty() || access(file.c_str(), X_OK) == 0) return "";
  return absl::StrCat("scripts.program: cannot run ", file, " (", std::strerror(errno),
                      "): leave it out for sallyport-script beside this program");
}

ScriptProgram::ScriptProgram(std::string file)
    : file_(file.empty() ? Beside() : std::move(file)),
      fd_(open(file_.c_str(), O_PATH | O_CLOEXEC)) {}

ScriptProgram::~ScriptProgram() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<std::unique_ptr<ScriptHelper>> ScriptHelper::Start(const ScriptProgram& program) {
  if (program.fd() < 0)
    return absl::NotFoundError(absl::StrCat(program.file(), " was not there at the start"));
  Ends ends;
  if (!ends.open()) return absl::ResourceExhaustedError("no descriptors left for a script");
  const int socket = Above(ends.theirs());
  const int executed = Above(program.fd());
  pid_t pid = -1;
  const int error = socket < 0 || executed < 0 ? EMFILE : Spawn(executed, socket, &pid);
  if (socket >= 0) close(socket);
  if (executed >= 0) close(executed);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot start ", program.file(), ": ", std::strerror(error)));
  }
  return std::unique_ptr<ScriptHelper>(new ScriptHelper(pid, ends.TakeOurs()));
}

ScriptHelper::~ScriptHelper() {
  if (socket_ >= 0) close(socket_);
}

int ScriptHelper::TakeSocket() { return std::exchange(socket_, -1); }

void ScriptHelper::Kill() const {
  if (!reaped_) kill(pid_, SIGKILL);
}

bool ScriptHelper::Reap() {
  reaped_ = reaped_ || waitpid(pid_, nullptr, WNOHANG) != 0;
  return reaped_;
}

void ScriptHelper::AwaitEnd() {
  while (!reaped_ && waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
}

bool ScriptHelper::IsQuiet() const {
  char byte = 0;
  const ssize_t count = recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace sallyport::dataplane
