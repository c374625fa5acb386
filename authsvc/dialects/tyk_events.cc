#include "authsvc/dialects/tyk_events.h"

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "authsvc/events/event_names.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr char kNoTemplates[] =
    "templates are files of a Tyk gateway: all that is known is sent as JSON";
constexpr char kNoScripts[] = "scripts as handlers do not exist here";

constexpr FieldRule kClassicEvents[] = {{"events", Use::kUsed}};
constexpr FieldRule kClassicHandler[] = {{"handler_name", Use::kUsed},
                                         {"handler_meta", Use::kUsed}};
constexpr FieldRule kClassicMeta[] = {
    {"method", Use::kUsed},
    {"target_path", Use::kUsed},
    {"header_map", Use::kUsed},
    {"event_timeout", Use::kUsed},
    {"template_path", Use::kInert, kNoTemplates},
    {"template_custom", Use::kInert, kNoTemplates},
    {"disabled", Use::kUsed},
    {"prefix", Use::kKept},
    {"name", Use::kKept},
    {"id", Use::kKept},
    {"_id", Use::kKept},
    {"org_id", Use::kKept},
    {"api_id", Use::kKept},
    {"event_type", Use::kKept},
};
constexpr FieldRule kOasEvent[] = {
    {"enabled", Use::kUsed},
    {"trigger", Use::kUsed},
    {"type", Use::kUsed},
    {"url", Use::kUsed},
    {"method", Use::kUsed},
    {"headers", Use::kUsed},
    {"cooldownPeriod", Use::kUsed},
    {"bodyTemplate", Use::kInert, kNoTemplates},
    {"name", Use::kKept},
    {"id", Use::kKept},
    {"logPrefix", Use::kKept},
    {"functionName", Use::kInert, kNoScripts},
    {"path", Use::kInert, kNoScripts},
};

// False, with a warning: nobody is ever told of it here.
bool ExistsHere(const Fields& object, absl::string_view name, absl::string_view event) {
  if (absl::c_linear_search(kEventNames, event)) return true;
  object.Warn(name, absl::StrCat("event \"", event,
                                 "\" does not exist here: ", absl::StrJoin(kEventNames, ", ")));
  return false;
}

void ClassicHeaders(const Fields& meta, v1::EventHandler* handler) {
  const Fields headers = meta.Object("header_map");
  if (headers.node() == nullptr) return;
  for (const auto& [name, value] : headers.node()->members)
    (*handler->mutable_headers())[name] = headers.Text(name);
}

void ClassicHandler(const Fields& entry, const std::string& event, v1::Api* api) {
  entry.Check(ClassicHandlerRules());
  const Fields meta = entry.Object("handler_meta");
  const std::string kind = entry.Text("handler_name");
  if (kind != "eh_web_hook_handler" && kind != "eh_log_handler") {
    entry.Warn("handler_name", absl::StrCat("\"", kind,
                                            "\" does not exist here: eh_web_hook_handler, "
                                            "eh_log_handler"));
    return;
  }
  meta.Check(ClassicHandlerMetaRules());
  if (meta.Flag("disabled")) return;
  v1::EventHandler* const handler = api->add_event_handlers();
  handler->set_event(event);
  if (kind == "eh_log_handler") {
    handler->set_log_only(true);
    return;
  }
  handler->set_url(meta.Text("target_path"));
  handler->set_method(absl::AsciiStrToUpper(meta.Text("method")));
  const int64_t cooldown = meta.Integer("event_timeout");
  if (cooldown < 0 || cooldown > UINT32_MAX)
    meta.Refuse("event_timeout", "must be seconds");
  else
    handler->set_cooldown_seconds(static_cast<uint32_t>(cooldown));
  ClassicHeaders(meta, handler);
}

// "10s", "5m": Go's durations.
void OasCooldown(const Fields& entry, v1::EventHandler* handler) {
  const std::string text = entry.Text("cooldownPeriod");
  absl::Duration time;
  if (text.empty()) return;
  if (!absl::ParseDuration(text, &time) || time < absl::ZeroDuration() ||
      time > absl::Hours(24 * 30)) {
    return entry.Refuse("cooldownPeriod", "must be a time such as 10s or 5m, up to 720h");
  }
  handler->set_cooldown_seconds(
      static_cast<uint32_t>(absl::ToInt64Seconds(absl::Ceil(time, absl::Seconds(1)))));
}

void OasHandler(const Fields& entry, v1::Api* api) {
  entry.Check(OasEventRules());
  if (!entry.Flag("enabled")) return;
  const std::string type = entry.Text("type");
  if (type != "webhook" && type != "log") {
    entry.Warn("type", absl::StrCat("\"", type, "\" does not exist here: webhook, log"));
    return;
  }
  const std::string event = entry.Text("trigger");
  if (!ExistsHere(entry, "trigger", event)) return;
  v1::EventHandler* const handler = api->add_event_handlers();
  handler->set_event(event);
  OasCooldown(entry, handler);
  if (type == "log") {
    handler->set_log_only(true);
    return;
  }
  handler->set_url(entry.Text("url"));
  handler->set_method(absl::AsciiStrToUpper(entry.Text("method")));
  const std::vector<Node>& headers = entry.List("headers");
  for (size_t i = 0; i < headers.size(); ++i) {
    const Fields header(&headers[i], ItemPath(entry.PathOf("headers"), i), entry.out());
    (*handler->mutable_headers())[header.Text("name")] = header.Text("value");
  }
}

}  // namespace

void ClassicEvents(const Fields& top, v1::Api* api) {
  const Fields handlers = top.Object("event_handlers");
  handlers.Check(ClassicEventsRules());
  const Fields events = handlers.Object("events");
  if (events.node() == nullptr) return;
  for (const auto& [event, value] : events.node()->members) {
    if (!IsSet(value) || !ExistsHere(events, event, event)) continue;
    const std::vector<Node>& list = events.List(event);
    for (size_t i = 0; i < list.size(); ++i)
      ClassicHandler(Fields(&list[i], ItemPath(events.PathOf(event), i), top.out()), event, api);
  }
}

void OasEvents(const Fields& server, v1::Api* api) {
  const std::vector<Node>& list = server.List("eventHandlers");
  for (size_t i = 0; i < list.size(); ++i)
    OasHandler(Fields(&list[i], ItemPath(server.PathOf("eventHandlers"), i), server.out()), api);
}

ObjectRules ClassicEventsRules() { return {kClassicEvents, false}; }
ObjectRules ClassicHandlerRules() { return {kClassicHandler, false}; }
ObjectRules ClassicHandlerMetaRules() { return {kClassicMeta, false}; }
ObjectRules OasEventRules() { return {kOasEvent, false}; }

}  // namespace sallyport::authsvc::dialects
