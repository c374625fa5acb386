// The data plane as a whole: makes what loops share, the loops, the metrics listener; runs until
// told to drain. `main` gives it a configuration and signals.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/listen/inherited_sockets.h"
#include "shared/config/dataplane_config.h"

namespace sallyport::dataplane {

class DataplaneProcess {
 public:
  // Opens every listener; nothing is served before Start. `config` is copied. `inherited` may be
  // null. Where a predecessor serves on them still, nothing is served before TakeOver.
  // `read_again` reads the same configuration once more.
  using ReadAgain = std::function<absl::StatusOr<config::DataplaneConfig>()>;
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<DataplaneProcess>> Create(
      const config::DataplaneConfig& config, std::unique_ptr<InheritedSockets> inherited,
      ReadAgain read_again);
  virtual ~DataplaneProcess() = default;

  virtual void Start() = 0;
  // Every loop has the definitions: requests can be served.
  [[nodiscard]] virtual bool Ready() const = 0;

  // A predecessor serves until TakeOver.
  [[nodiscard]] virtual bool AwaitsTakeOver() const = 0;
  // Accepts on every listener, then says so to the predecessor. After an error it has not been
  // told, and goes on when this process ends.
  [[nodiscard]] virtual absl::Status TakeOver() = 0;
  // Of every socket that listens, for a successor: the caller's to close, close-on-exec.
  [[nodiscard]] virtual absl::StatusOr<std::vector<int>> CopySockets() = 0;

  // readyz off, and after a notice no new connections; returns when the last request is done or the
  // drain time is over. Then everything is stopped.
  virtual void DrainAndStop() = 0;
  // The same where a successor accepts on the same sockets: at once, and nobody is told.
  virtual void HandOverAndStop() = 0;
  // The access log's file was moved away, or log_level or trace_clients have changed.
  virtual void Reload() = 0;
};

}  // namespace sallyport::dataplane
