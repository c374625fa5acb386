#include "authsvc/setup/key_usage.h"

#include <algorithm>

#include "authsvc/rpc/telemetry_store.h"

namespace sallyport::authsvc {

std::optional<admin::KeyUsage> UsageOf(const TelemetryStore& telemetry, absl::string_view key_id,
                                       const base::Clock& clock) {
  const std::optional<LastUse> use = telemetry.KeyUse(key_id);
  if (!use.has_value()) return std::nullopt;
  admin::KeyUsage usage;
  usage.last_unix_ms = use->last_unix_ms;
  usage.allowed = use->allowed;
  usage.refused = use->refused;
  const int64_t now = absl::ToUnixSeconds(clock.Now());
  for (const LastUse::Quota& quota : use->quotas) {
    if (quota.window_end_unix != 0 && quota.window_end_unix <= now) continue;
    usage.quota_used += quota.used;
    usage.quota_window_end_unix = std::max(usage.quota_window_end_unix, quota.window_end_unix);
  }
  return usage;
}

}  // namespace sallyport::authsvc
