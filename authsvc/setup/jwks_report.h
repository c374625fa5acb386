// What log and metrics say of fetched key sets.
#pragma once

#include <functional>

#include "authsvc/jwks/jwks_fetcher.h"

namespace sallyport::metrics {
class Book;
}

namespace sallyport::authsvc {

// `book` must outlive what is returned. Thread-safe.
[[nodiscard]] std::function<void(const JwksResult&)> JwksReport(metrics::Book* book);

}  // namespace sallyport::authsvc
