#include "authsvc/change/event_checks.h"

#include "absl/algorithm/container.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/identity_checks.h"
#include "authsvc/change/invalid.h"
#include "authsvc/events/event_names.h"
#include "shared/header/names.h"

namespace sallyport::authsvc {
namespace {

constexpr int kMostHandlers = 32;
constexpr int kMostHandlerHeaders = 32;
constexpr int kMostTriggers = 16;
constexpr size_t kMostBodyBytes = 16 * 1024;
constexpr uint32_t kMostTimeoutMs = 60'000;
constexpr uint32_t kMostCooldownSeconds = 30 * 24 * 3600;

absl::Status CheckHeaderName(const std::string& name) {
  if (!header::IsFieldName(name))
    return Invalid("event_handlers: header `", absl::CHexEscape(name), "` is not a valid name");
  if (IsConnectionsOwn(name))
    return Invalid("event_handlers: header ", name, " is the connection's own");
  return absl::OkStatus();
}

absl::Status CheckHandlerHeaders(const v1::EventHandler& handler) {
  if (handler.headers_size() + handler.sealed_headers_size() > kMostHandlerHeaders)
    return Invalid("event_handlers: more than ", kMostHandlerHeaders, " headers");
  for (const auto& [name, sealed] : handler.sealed_headers()) {
    if (auto status = CheckHeaderName(name); !status.ok()) return status;
  }
  for (const auto& [name, value] : handler.headers()) {
    if (auto status = CheckHeaderName(name); !status.ok()) return status;
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && c != '\t') || byte == 0x7f)
        return Invalid("event_handlers: header ", name, " has a control character");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckEventHandler(const v1::EventHandler& handler) {
  if (!absl::c_linear_search(kEventNames, absl::string_view(handler.event()))) {
    return Invalid("event_handlers: event `", handler.event(),
                   "` does not exist here: ", absl::StrJoin(kEventNames, ", "));
  }
  if (handler.cooldown_seconds() > kMostCooldownSeconds)
    return Invalid("event_handlers: cooldown_seconds is over ", kMostCooldownSeconds);
  if (handler.log_only()) {
    return handler.url().empty() ? absl::OkStatus()
                                 : Invalid("event_handlers: log_only has no use for a url");
  }
  if (!absl::StartsWith(handler.url(), "https://") && !absl::StartsWith(handler.url(), "http://"))
    return Invalid("event_handlers: url `", handler.url(), "` must start with https:// or http://");
  if (auto status = CheckTargetUrl(handler.url()); !status.ok())
    return Invalid("event_handlers: url: ", status.message());
  constexpr absl::string_view kMethods[] = {"", "POST", "PUT", "PATCH", "GET", "DELETE"};
  if (!absl::c_linear_search(kMethods, absl::string_view(handler.method())))
    return Invalid("event_handlers: method must be POST, PUT, PATCH, GET or DELETE");
  if (handler.body().size() > kMostBodyBytes)
    return Invalid("event_handlers: body is over ", kMostBodyBytes, " bytes");
  if (handler.timeout_ms() > kMostTimeoutMs)
    return Invalid("event_handlers: timeout_ms is over ", kMostTimeoutMs);
  return CheckHandlerHeaders(handler);
}

}  // namespace

absl::Status CheckEventHandlers(const v1::Api& api) {
  if (api.event_handlers_size() > kMostHandlers)
    return Invalid("more than ", kMostHandlers, " event_handlers");
  for (const v1::EventHandler& handler : api.event_handlers()) {
    if (auto status = CheckEventHandler(handler); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckQuotaTriggers(const google::protobuf::RepeatedField<double>& triggers) {
  if (triggers.size() > kMostTriggers)
    return Invalid("more than ", kMostTriggers, " quota_triggers");
  for (const double trigger : triggers) {
    if (!(trigger > 0 && trigger <= 100))
      return Invalid("quota_triggers: percents over 0 and up to 100");
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
