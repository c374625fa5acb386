// What systemd is told about this process (sd_notify(3), without its library). Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

class ServiceManager {
 public:
  // By $NOTIFY_SOCKET in `environment` (NAME=value); without it nobody is told anything.
  explicit ServiceManager(const std::vector<std::string>& environment);
  // One or more lines NAME=value, such as "READY=1". Never waits; whoever does not listen misses
  // it.
  void Tell(absl::string_view state) const;

 private:
  std::string socket_;  // a path, or an abstract name behind '@'; empty: none
};

}  // namespace sallyport::dataplane
