// The data plane's own view of the metrics: what a request, a handshake or an upstream connection
// counts. One DataplaneMetrics per process; one LoopMetrics per loop, written by that loop's thread
// only and read by the scraper (no lock on the request path). Names: shared/metrics/catalogue.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/reason.h"
#include "shared/metrics/sheet.h"

namespace sallyport::dataplane {

struct RequestOutcome {
  absl::string_view api_id;  // "" when no API was found
  base::Reason reason = base::Reason::kAllowed;
  int status = 0;
  absl::Duration total, authorize, upstream;  // authorize and upstream zero: phase not reached
  absl::Duration script;                      // spent in one, or waiting for one
  uint64_t bytes_in = 0, bytes_out = 0;
  bool stale = false;  // decided by a stale answer
};

class LoopMetrics {
 public:
  explicit LoopMetrics(metrics::Book* book);
  ~LoopMetrics();
  LoopMetrics(const LoopMetrics&) = delete;
  LoopMetrics& operator=(const LoopMetrics&) = delete;

  void Request(const RequestOutcome& outcome);
  void Handshake(bool resumed, absl::Duration took);
  void HandshakeFailed(absl::string_view reason);  // a bounded set of constants
  void UpstreamTlsFailed(base::Reason reason);
  void UpstreamConnection(bool reused, bool http2);
  void ConnectionOpened();
  void ConnectionClosed();
  void Severed(uint64_t connections);
  void TunnelOpened();
  void TunnelBytes(bool to_client, size_t bytes);
  void TunnelEnded(absl::string_view end);                        // a bounded set of constants
  void Http2Failed(absl::string_view reason);                     // a bounded set of constants
  void Http2StreamReset(bool by_client, absl::string_view code);  // the same
  // For everything else: the sheet of this loop.
  [[nodiscard]] metrics::Sheet& sheet() { return *sheet_; }

 private:
  struct ApiCells;
  struct Cells;
  ApiCells& ForApi(absl::string_view api_id);

  metrics::Sheet* sheet_;
  std::unique_ptr<Cells> cells_;
};

}  // namespace sallyport::dataplane
