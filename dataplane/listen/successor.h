// The process that is to take this one's place: started from the program's file, which may be
// another by now, with copies of the listening sockets and standard input, output and error, and no
// other descriptor. Nothing is said to it but inherited_sockets.h; it is heard by a pipe. One
// thread.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sallyport::dataplane {

// How this process was started.
struct Program {
  std::string file;  // absolute; not resolved further, so that a link is followed anew
  std::vector<std::string> arguments;    // with the program's name
  std::vector<std::string> environment;  // NAME=value
};

// `name` is argv[0]: a path as it stands, made absolute, or else the file that runs.
[[nodiscard]] std::string ProgramFile(const std::string& name);

class Successor {
 public:
  enum class State : uint8_t { kStarting, kReady, kFailed };

  // `sockets` stay the caller's.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Successor>> Start(
      const Program& program, const std::vector<int>& sockets);
  ~Successor();  // one that is not ready is killed
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  // Never waits. kReady and kFailed are final. One that has closed its end has 5 s to end by
  // itself.
  [[nodiscard]] State Look();
  // Ends one that is not ready, at once: kFailed from now on.
  void Kill();
  [[nodiscard]] pid_t pid() const { return pid_; }
  // After kFailed: how it ended.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  Successor(pid_t pid, int heard) : pid_(pid), heard_(heard) {}
  void Failed(int status);

  const pid_t pid_;
  int heard_;
  State state_ = State::kStarting;
  std::optional<absl::Duration> ending_by_;  // monotonic; it has closed its end
  std::string failure_;
};

}  // namespace sallyport::dataplane
