#include "authsvc/events/event.h"

#include "absl/strings/str_cat.h"
#include "authsvc/events/event_names.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

// Text as it stands between the quotes of JSON.
std::string Escaped(absl::string_view text) {
  const std::string quoted = base::JsonQuote(text);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

absl::string_view EventName(EventKind kind) { return kEventNames.at(static_cast<size_t>(kind)); }

absl::Duration DefaultCooldown(EventKind kind) {
  const bool certificate =
      kind == EventKind::kCertificateExpiringSoon || kind == EventKind::kCertificateExpired;
  return certificate ? absl::Hours(24) : absl::Minutes(1);
}

std::optional<EventKind> EventOf(Reason reason) {
  switch (reason) {
    case Reason::kQuotaExceeded: return EventKind::kQuotaExceeded;
    case Reason::kRateLimited:
    case Reason::kApiRateLimited: return EventKind::kRateLimitExceeded;
    case Reason::kKeyExpired: return EventKind::kKeyExpired;
    case Reason::kVersionRequired:
    case Reason::kVersionUnknown:
    case Reason::kVersionExpired: return EventKind::kVersionFailure;
    case Reason::kTlsRequired:
    case Reason::kTokenRequired:
    case Reason::kTokenUnknown:
    case Reason::kTokenInvalid:
    case Reason::kTokenMalformed:
    case Reason::kTokenNamesNobody:
    case Reason::kTokenExpired:
    case Reason::kLoginInvalid:
    case Reason::kKeyInactive:
    case Reason::kKeyPolicyInvalid:
    case Reason::kApiNotGranted:
    case Reason::kVersionNotGranted:
    case Reason::kOperationNotGranted:
    case Reason::kScopeMissing:
    case Reason::kIpDenied: return EventKind::kAuthFailure;
    default: break;
  }
  const auto number = static_cast<unsigned>(reason);
  if (number >= 10 && number < 40) return EventKind::kAuthFailure;  // the client's certificate
  return std::nullopt;
}

std::string EventBody(const Event& event, absl::string_view body, absl::Time now) {
  std::vector<std::pair<std::string, std::string>> all = {
      {"event", std::string(EventName(event.kind))},
      {"message", event.message},
      {"api_id", event.api_id},
      {"time", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone())}};
  all.insert(all.end(), event.facts.begin(), event.facts.end());
  std::string out;
  if (body.empty()) {
    for (const auto& [name, value] : all) {
      absl::StrAppend(&out, out.empty() ? "{" : ",", base::JsonQuote(name), ":",
                      base::JsonQuote(value));
    }
    return out + "}";
  }
  for (size_t i = 0; i < body.size();) {
    const size_t end = body[i] == '{' ? body.find('}', i) : absl::string_view::npos;
    const absl::string_view name =
        end == absl::string_view::npos ? "" : body.substr(i + 1, end - i - 1);
    const bool is_name = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") ==
                                              absl::string_view::npos;
    if (!is_name) {
      out.push_back(body[i++]);
      continue;
    }
    for (const auto& [fact, value] : all) {
      if (fact == name) absl::StrAppend(&out, Escaped(value));
    }
    i = end + 1;
  }
  return out;
}

}  // namespace sallyport::authsvc
