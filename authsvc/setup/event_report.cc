#include "authsvc/setup/event_report.h"

#include "shared/base/log.h"
#include "shared/metrics/sheet.h"

namespace sallyport::authsvc {

std::function<void(const MessageResult&)> EventReport(metrics::Book* book) {
  return [book](const MessageResult& result) {
    const std::string event(EventName(result.kind));
    switch (result.outcome) {
      case MessageResult::Outcome::kSent: book->Add(metrics::Id::kEvents, {"sent"}, 1); return;
      case MessageResult::Outcome::kLogged:
        book->Add(metrics::Id::kEvents, {"logged"}, 1);
        base::Log(base::Level::kInfo, "event",
                  {{"event", event}, {"api", result.api_id}, {"message", result.message}});
        return;
      case MessageResult::Outcome::kDropped:
        book->Add(metrics::Id::kEvents, {"dropped"}, 1);
        return;
      case MessageResult::Outcome::kFailed:
        book->Add(metrics::Id::kEvents, {"failed"}, 1);
        base::Log(base::Level::kWarning, "event.failed",
                  {{"event", event},
                   {"api", result.api_id},
                   {"url", result.url},
                   {"error", std::string(result.status.message())}});
        return;
    }
  };
}

}  // namespace sallyport::authsvc
