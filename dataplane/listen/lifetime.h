// A process from its start to its end: signals, its predecessor, its successor, the service
// manager.
//
//   SIGTERM, SIGINT  drain and end
//   SIGHUP           the access log's file was moved away, or settings that can change have changed
//   SIGUSR2          start a successor from the program's file; once that accepts connections, end
//                    as on SIGTERM, but nothing that clients could notice is switched off
//
// A successor that ends, or does not accept in time, changes nothing. The main thread's.
#pragma once

#include <csignal>
#include <memory>

#include "absl/time/time.h"
#include "dataplane/listen/process.h"
#include "dataplane/listen/service_manager.h"
#include "dataplane/listen/successor.h"
#include "shared/base/clock.h"

namespace sallyport::dataplane {

class Lifetime {
 public:
  // Before there is another thread: the signals are blocked in all of them. `upgrade` bounds the
  // start of a successor. `clock` outlives this.
  Lifetime(Program program, absl::Duration upgrade, const base::Clock* clock);

  // Returns when `process` is stopped: the exit code.
  [[nodiscard]] int Run(DataplaneProcess& process);

 private:
  // 0: `patience` is over.
  [[nodiscard]] int NextSignal(absl::Duration patience) const;
  [[nodiscard]] absl::Duration Patience() const;
  void StartSuccessor(DataplaneProcess& process);
  // True: it serves.
  [[nodiscard]] bool SuccessorServes();
  void HandOver(DataplaneProcess& process);
  void End(DataplaneProcess& process);
  [[nodiscard]] absl::Status TakeOver(DataplaneProcess& process);

  const Program program_;
  const ServiceManager manager_;
  const absl::Duration upgrade_;
  const base::Clock* const clock_;
  sigset_t signals_ = {};
  bool taking_over_ = false;  // a predecessor serves still
  std::unique_ptr<Successor> successor_;
  absl::Duration successor_by_;
};

}  // namespace sallyport::dataplane
