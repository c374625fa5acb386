// Which settings of a file that was read again wait for a restart. Pure.
#pragma once

#include <string>

#include "shared/config/dataplane_config.h"

namespace sallyport::dataplane {

// Their paths, "port, cache.decisions"; those that a running process takes up are left out.
[[nodiscard]] std::string WaitForRestart(const config::DataplaneConfig& now,
                                         const config::DataplaneConfig& again);

}  // namespace sallyport::dataplane
