// Parts of --check-config: what of a configuration the machine does not have. Each answer is a
// sentence that names the setting and says what to do; nothing is made, opened for writing or
// bound. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sallyport::config {

// A file that must be there to be read. `remedy`: "`sallyctl init` makes one".
[[nodiscard]] std::vector<std::string> FileProblems(absl::string_view setting,
                                                    const std::string& path,
                                                    absl::string_view remedy);
// A file that is made when it is not there, beside others if `beside` (so its folder must be
// writable).
[[nodiscard]] std::vector<std::string> WritableProblems(absl::string_view setting,
                                                        const std::string& path, bool beside);

struct ListenPlace {
  std::string setting;  // "grpc"
  std::string address;
  uint16_t port = 0;  // 0: any free one
};
// Addresses that are none or not of this machine, places that are named twice. Whether another
// process has the port is not looked at: it may be the service that runs now.
[[nodiscard]] std::vector<std::string> PlaceProblems(const std::vector<ListenPlace>& places);

// host:port, as in authsvc.targets.
[[nodiscard]] bool IsTarget(absl::string_view text);

}  // namespace sallyport::config
