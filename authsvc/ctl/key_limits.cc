#include "authsvc/ctl/key_limits.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sallyport::authsvc::ctl {
namespace {

bool ParsePeriod(absl::string_view text, absl::Duration* period) {
  if (text.empty()) return false;
  const bool number = text[0] >= '0' && text[0] <= '9';
  return absl::ParseDuration(number ? std::string(text) : absl::StrCat("1", text), period) &&
         *period > absl::ZeroDuration() && *period <= absl::Hours(24 * 3660);
}

}  // namespace

absl::Status ParseRate(absl::string_view text, ::sallyport::v1::RateLimit* out) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  double rate = 0;
  absl::Duration period;
  if (!absl::SimpleAtod(parts.first, &rate) || !(rate > 0) || rate > 1e9 ||
      !ParsePeriod(parts.second, &period)) {
    return absl::InvalidArgumentError("--rate is requests per time, such as 10/1s or 100/1m");
  }
  out->set_rate(rate);
  out->set_per_seconds(absl::ToDoubleSeconds(period));
  return absl::OkStatus();
}

absl::Status ParseQuota(absl::string_view text, ::sallyport::v1::Quota* out) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  int64_t most = 0;
  absl::Duration period;
  const bool renews = text.find('/') != absl::string_view::npos;
  if (!absl::SimpleAtoi(parts.first, &most) || most <= 0 ||
      (renews && (!ParsePeriod(parts.second, &period) || period < absl::Seconds(1)))) {
    return absl::InvalidArgumentError("--quota is requests per time, such as 10000/24h");
  }
  out->set_max(most);
  out->set_renewal_seconds(renews ? absl::ToInt64Seconds(period) : 0);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ParseExpiry(absl::string_view text, absl::Time now) {
  absl::Duration after;
  absl::Time when;
  std::string error;
  if (absl::ParseDuration(std::string(text), &after)) {
    when = now + after;
  } else if (!absl::ParseTime(absl::RFC3339_full, std::string(text), &when, &error)) {
    return absl::InvalidArgumentError(
        "--expires is a duration (720h) or a time (2027-01-31T00:00:00Z)");
  }
  if (when <= now) return absl::InvalidArgumentError("--expires is in the past");
  return absl::ToUnixSeconds(when);
}

}  // namespace sallyport::authsvc::ctl
