// Limits and times as an operator writes them.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc::ctl {

// "10/1s", "100/1m", "5/s".
[[nodiscard]] absl::Status ParseRate(absl::string_view text, ::sallyport::v1::RateLimit* out);
// "10000/24h"; "10000" never renews.
[[nodiscard]] absl::Status ParseQuota(absl::string_view text, ::sallyport::v1::Quota* out);
// A duration from now, or an RFC 3339 time; Unix seconds. In the past is an error.
[[nodiscard]] absl::StatusOr<int64_t> ParseExpiry(absl::string_view text, absl::Time now);

}  // namespace sallyport::authsvc::ctl
