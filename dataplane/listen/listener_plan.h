// Which listeners must be open: those of this machine's file, those that authsvc hands out, one
// default when there are none, and a port for each that definitions name beside them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/listen/file_certificates.h"
#include "dataplane/route/route.h"
#include "dataplane/route/route_table.h"
#include "dataplane/sync/subscriber.h"
#include "shared/config/dataplane_config.h"

namespace sallyport::dataplane {

struct PlannedListener {
  std::string id;
  std::string address;
  uint16_t port = 0;
  RoutePlace route_place = 0;  // 0: a default listener
  bool streams = false;        // of APIs of protocols tls and tcp (then also `plain`)
  bool plain = false;
  bool redirect = false;
  bool http2 = true;  // offered by ALPN; the file's word, authsvc's listeners have none
  std::string min_version = "1.2";
  std::string max_version = "1.3";
  ErrorStyle style = ErrorStyle::kNative;
  std::vector<CertificatePaths> certificates;
  std::vector<std::string> proxy_protocol_from;

  bool operator==(const PlannedListener& other) const;
};

// Listeners that are known before authsvc says anything.
[[nodiscard]] std::vector<PlannedListener> FileListeners(const config::DataplaneConfig& config);
// All of them. One address and port appears once; the file's wins.
[[nodiscard]] std::vector<PlannedListener> PlanListeners(const config::DataplaneConfig& config,
                                                         const GatewayView& view);
// The listeners of APIs of protocols tls and tcp. `others` keep the ports that they have.
struct StreamPlan {
  struct Problem {
    uint16_t port = 0;
    absl::string_view state;  // a constant, for the metric
    std::string text;         // what to do
  };
  std::vector<PlannedListener> listeners;
  std::vector<Problem> problems;  // ports that stay closed, and why
};
[[nodiscard]] StreamPlan PlanStreams(const config::DataplaneConfig& config, const GatewayView& view,
                                     const std::vector<PlannedListener>& others);
// Ports of FileListeners: routes that name one of them belong to the default listeners.
[[nodiscard]] std::vector<uint16_t> DefaultPorts(const config::DataplaneConfig& config);
// The port that plain requests are redirected to: of the first TLS listener.
[[nodiscard]] uint16_t RedirectPort(const std::vector<PlannedListener>& listeners);

}  // namespace sallyport::dataplane
