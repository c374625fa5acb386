// The data plane as a whole: makes what loops share, the loops, the metrics listener; runs until
// told to drain. `main` gives it a configuration and signals.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "shared/config/dataplane_config.h"

namespace sallyport::dataplane {

class DataplaneProcess {
 public:
  // Opens every listener; nothing is served before Start. `config` is copied.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<DataplaneProcess>> Create(
      const config::DataplaneConfig& config);
  virtual ~DataplaneProcess() = default;

  virtual void Start() = 0;
  // No new connections, readyz off; returns when the last request is done or the drain time is
  // over. Then everything is stopped.
  virtual void DrainAndStop() = 0;
  // The access log's file was moved away.
  virtual void ReopenLogs() = 0;
};

}  // namespace sallyport::dataplane
