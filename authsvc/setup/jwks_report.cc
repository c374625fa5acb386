#include "authsvc/setup/jwks_report.h"

#include "shared/base/log.h"
#include "shared/metrics/sheet.h"

namespace sallyport::authsvc {

std::function<void(const JwksResult&)> JwksReport(metrics::Book* book) {
  return [book](const JwksResult& result) {
    const bool good = result.status.ok();
    book->Add(metrics::Id::kJwksFetches, {good ? "ok" : "failed"}, 1);
    if (good) {
      base::Log(base::Level::kInfo, "jwks.fetched",
                {{"issuer", result.issuer_id},
                 {"url", result.url},
                 {"keys", static_cast<int>(result.keys)},
                 {"skipped", static_cast<int>(result.skipped)}});
    } else {
      base::Log(base::Level::kWarning, "jwks.failed",
                {{"issuer", result.issuer_id},
                 {"url", result.url},
                 {"error", std::string(result.status.message())}});
    }
  };
}

}  // namespace sallyport::authsvc
