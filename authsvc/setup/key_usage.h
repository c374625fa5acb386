// What admin answers show of a key's use, out of what data planes reported.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "authsvc/admin/tyk_api.h"

namespace sallyport::base {
class Clock;
}

namespace sallyport::authsvc {

class TelemetryStore;

// Nothing: the key was not used since this authsvc started. Thread-safe.
[[nodiscard]] std::optional<admin::KeyUsage> UsageOf(const TelemetryStore& telemetry,
                                                     absl::string_view key_id,
                                                     const base::Clock& clock);

}  // namespace sallyport::authsvc
