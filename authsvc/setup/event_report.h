// How messages to webhooks end, for the log and the metrics.
#pragma once

#include <functional>

#include "authsvc/events/notifier.h"

namespace sallyport::metrics {
class Book;
}

namespace sallyport::authsvc {

// `book` must outlive what is returned.
[[nodiscard]] std::function<void(const MessageResult&)> EventReport(metrics::Book* book);

}  // namespace sallyport::authsvc
