// A process that runs scripts (dataplane/script/runner): how it is started, told apart and ended.
// It is given one end of a socket and no other descriptor that means anything, no environment, and
// no memory of this process: it is not forked but executed anew. Used by one thread at a time.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sallyport::dataplane {

// Why the program that the configuration names cannot be run; empty: it can, or none is named.
[[nodiscard]] std::string ScriptProgramProblem(const std::string& file);

// The program's file as it was when this process began: one of another version that has taken its
// place since is not started. Thread-safe.
class ScriptProgram {
 public:
  // `file`; empty: sallyport-script beside this process's own program.
  explicit ScriptProgram(std::string file);
  ~ScriptProgram();
  ScriptProgram(const ScriptProgram&) = delete;
  ScriptProgram& operator=(const ScriptProgram&) = delete;

  [[nodiscard]] int fd() const { return fd_; }  // -1: there is none
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  std::string file_;
  int fd_;
};

class ScriptHelper {
 public:
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<ScriptHelper>> Start(
      const ScriptProgram& program);
  ~ScriptHelper();  // closes the socket, at which an idle one ends
  ScriptHelper(const ScriptHelper&) = delete;
  ScriptHelper& operator=(const ScriptHelper&) = delete;

  // The socket, non-blocking, lent to whoever talks to it; -1: it is lent, or lost.
  [[nodiscard]] int TakeSocket();
  void GiveSocket(int fd) { socket_ = fd; }
  // At once, whatever it does.
  void Kill() const;
  // False: it has not ended yet. Never waits.
  [[nodiscard]] bool Reap();
  // After Kill: waits for its end.
  void AwaitEnd();
  // An idle one: it has not ended, and says nothing unasked.
  [[nodiscard]] bool IsQuiet() const;
  [[nodiscard]] pid_t pid() const { return pid_; }

  // How much it was used.
  int uses = 0;
  absl::Duration busy;

 private:
  ScriptHelper(pid_t pid, int socket) : pid_(pid), socket_(socket) {}

  const pid_t pid_;
  int socket_;
  bool reaped_ = false;
};

}  // namespace sallyport::dataplane
