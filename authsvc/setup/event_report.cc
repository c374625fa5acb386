#include "authsvc/setup/event_report.h"

#include "shared/base/log.h"
#include "shared/metrics/sheet.h"

namespace sallyport::authsvc {

namespace {

// scheme://host:port
std::string HostOf(const std::string& url) {
  const size_t host = url.find("://");
  return url.substr(0, host == std::string::npos ? 0 : url.find_first_of("/?#", host + 3));
}

}  // namespace

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
      case MessageResult::Outcome::kRetried:
        book->Add(metrics::Id::kEvents, {"retried"}, 1);
        return;
      case MessageResult::Outcome::kFailed:
        book->Add(metrics::Id::kEvents, {"failed"}, 1);
        base::Log(base::Level::kWarning, "event.failed",
                  {{"event", event},
                   {"api", result.api_id},
                   {"host", HostOf(result.url)},  // what is behind it is often the secret
                   {"attempts", result.attempts},
                   {"error", std::string(result.status.message())}});
        return;
    }
  };
}

}  // namespace sallyport::authsvc
