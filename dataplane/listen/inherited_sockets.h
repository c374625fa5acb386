// Listening sockets that this process was started with: by the process whose place it takes, or by
// systemd. What is asked for by address and port is handed out, the rest is closed.
//
// A predecessor says in one environment variable what it hands over, and nothing else passes:
//
//   SALLYPORT_INHERITED_SOCKETS=v1:READY:FIRST:COUNT
//
// READY is a pipe: one byte written to it says that the successor accepts connections, its end
// without one that it never will. FIRST to FIRST + COUNT - 1 are sockets that listen, in any order,
// also several of one address and port. Decimal numbers, 3 or more. systemd says it by LISTEN_PID
// and LISTEN_FDS (descriptors from 3; sd_listen_fds(3)), and every socket must have ReusePort=yes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

inline constexpr char kInheritanceVariable[] = "SALLYPORT_INHERITED_SOCKETS";
// The value, for descriptors as the successor will have them.
[[nodiscard]] std::string InheritanceText(int ready, int first, size_t count);

// Thread-safe.
class InheritedSockets {
 public:
  // Takes what is said about sockets out of `environment` (NAME=value), so that it is not handed
  // on, and takes those descriptors, close-on-exec from now on. Null: nothing is said. An error
  // where what is said does not hold, for one of them as for all: then none is taken.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<InheritedSockets>> FromEnvironment(
      std::vector<std::string>* environment);
  ~InheritedSockets();  // closes what nobody took
  InheritedSockets(const InheritedSockets&) = delete;
  InheritedSockets& operator=(const InheritedSockets&) = delete;

  // A process still serves on them until it is told that this one does.
  [[nodiscard]] bool from_predecessor() const { return from_predecessor_; }
  // Those of this place that belong to share `index` of `shares`, the caller's to close: each
  // belongs to one share, so that when every share has asked, no queue is left unattended. A share
  // may have several, or none where there are fewer than shares.
  [[nodiscard]] std::vector<int> Take(const std::string& address, uint16_t port, size_t index,
                                      size_t shares);
  // Nobody will ask for more.
  void CloseRest();
  // Says to the predecessor that this process accepts connections now. Once; nothing without one.
  void TellReady();

 private:
  struct Held {
    int fd;
    size_t number;  // among those of its place
  };
  InheritedSockets(int ready, int first, int count);

  const bool from_predecessor_;
  base::Mutex mutex_;
  int ready_ ABSL_GUARDED_BY(mutex_);
  std::vector<Held> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::dataplane
