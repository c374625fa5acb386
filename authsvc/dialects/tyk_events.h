// Handlers of an API's events as Tyk writes them: webhooks and lines in the log. Private to this
// folder.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

void ClassicEvents(const Fields& top, v1::Api* api);  // event_handlers
void OasEvents(const Fields& server, v1::Api* api);   // server.eventHandlers

[[nodiscard]] ObjectRules ClassicEventsRules();
[[nodiscard]] ObjectRules ClassicHandlerRules();
[[nodiscard]] ObjectRules ClassicHandlerMetaRules();
[[nodiscard]] ObjectRules OasEventRules();

}  // namespace sallyport::authsvc::dialects
