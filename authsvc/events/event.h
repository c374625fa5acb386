// What happens at APIs and may be told to others.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/reason.h"

namespace sallyport::authsvc {

enum class EventKind : uint8_t {  // in the order of event_names.h
  kAuthFailure,
  kKeyExpired,
  kVersionFailure,
  kQuotaExceeded,
  kRateLimitExceeded,
  kQuotaTrigger,
  kCertificateExpiringSoon,
  kCertificateExpired,
};

// As in event_names.h, which are Tyk's (reference tyk.md 3.4).
[[nodiscard]] absl::string_view EventName(EventKind kind);

// How long the same is not told again where the handler does not say.
[[nodiscard]] absl::Duration DefaultCooldown(EventKind kind);

// The event that a refusal is; none: a fault of nobody whom handlers are told of.
[[nodiscard]] std::optional<EventKind> EventOf(base::Reason reason);

struct Event {
  EventKind kind = EventKind::kAuthFailure;
  std::string api_id;
  // Whom or what it is about (a key, a certificate, an address): of one subject the same is not
  // told again within the cooldown.
  std::string subject;
  std::string message;  // for people
  // By name, for templates and as members of the JSON; never a credential.
  std::vector<std::pair<std::string, std::string>> facts;
};

// The body for a handler: `body` with {event}, {message}, {api_id} and the facts' names in braces
// replaced, as JSON text without quotes; what it does not know becomes empty. An empty template:
// a JSON object with all of them.
[[nodiscard]] std::string EventBody(const Event& event, absl::string_view body, absl::Time now);

}  // namespace sallyport::authsvc
