#include "dataplane/observe/metrics.h"

#include <array>

#include "absl/container/flat_hash_map.h"

namespace sallyport::dataplane {
namespace {

using base::Fault;
using base::Reason;
using metrics::Cell;
using metrics::Histogram;
using metrics::Id;

constexpr size_t kMaxReason = 256;
constexpr int kStatusClasses = 6;
constexpr size_t kMaxApis = 20'000;
constexpr absl::string_view kClassNames[kStatusClasses] = {"other", "1xx", "2xx",
                                                           "3xx",   "4xx", "5xx"};

int ClassOf(int status) { return status >= 100 && status < 600 ? status / 100 : 0; }

}  // namespace

struct LoopMetrics::ApiCells {
  std::string api;
  std::array<Cell*, kMaxReason> by_reason{};
  std::array<Cell*, kStatusClasses> by_class{};
  Cell* stale = nullptr;
  Histogram* seconds = nullptr;
  Histogram* upstream = nullptr;
};

struct LoopMetrics::Cells {
  absl::flat_hash_map<std::string, std::unique_ptr<ApiCells>> apis;
  Cell *connections, *opened, *full, *resumed, *in, *out, *severed, *misdirected, *fresh, *reused,
      *fresh_http2, *reused_http2, *tunnels, *tunnel_in, *tunnel_out;
  Histogram *handshake, *overhead;
  std::array<Histogram*, 6> authorize{};  // by fault
};

LoopMetrics::LoopMetrics(metrics::Book* book)
    : sheet_(book->NewSheet()), cells_(std::make_unique<Cells>()) {
  Cells& c = *cells_;
  c.connections = sheet_->Gauge(Id::kConnections);
  c.opened = sheet_->Counter(Id::kConnectionsOpened);
  c.full = sheet_->Counter(Id::kHandshakes, {"full"});
  c.resumed = sheet_->Counter(Id::kHandshakes, {"resumed"});
  c.in = sheet_->Counter(Id::kBytesIn);
  c.out = sheet_->Counter(Id::kBytesOut);
  c.severed = sheet_->Counter(Id::kSevered);
  c.misdirected = sheet_->Counter(Id::kMisdirected);
  c.fresh = sheet_->Counter(Id::kUpstreamConnections, {"new", "http1"});
  c.reused = sheet_->Counter(Id::kUpstreamConnections, {"reused", "http1"});
  c.fresh_http2 = sheet_->Counter(Id::kUpstreamConnections, {"new", "http2"});
  c.reused_http2 = sheet_->Counter(Id::kUpstreamConnections, {"reused", "http2"});
  c.tunnels = sheet_->Gauge(Id::kTunnels);
  c.tunnel_in = sheet_->Counter(Id::kTunnelBytes, {"to_upstream"});
  c.tunnel_out = sheet_->Counter(Id::kTunnelBytes, {"to_client"});
  c.handshake = sheet_->Times(Id::kHandshakeSeconds);
  c.overhead = sheet_->Times(Id::kOverheadSeconds);
}
LoopMetrics::~LoopMetrics() = default;

LoopMetrics::ApiCells& LoopMetrics::ForApi(absl::string_view api_id) {
  if (api_id.empty()) api_id = "none";
  auto found = cells_->apis.find(api_id);
  if (found != cells_->apis.end()) return *found->second;
  if (cells_->apis.size() >= kMaxApis && api_id != "other") return ForApi("other");
  auto cells = std::make_unique<ApiCells>();
  cells->api = std::string(api_id);
  cells->seconds = sheet_->Times(Id::kRequestSeconds, {api_id});
  return *cells_->apis.emplace(cells->api, std::move(cells)).first->second;
}

void LoopMetrics::Request(const RequestOutcome& outcome) {
  ApiCells& api = ForApi(outcome.api_id);
  const auto number = static_cast<size_t>(outcome.reason);
  const Fault fault = base::ReasonFault(outcome.reason);
  Cell*& reason =
      api.by_reason[number < kMaxReason ? number : static_cast<size_t>(Reason::kInternal)];
  if (reason == nullptr) {
    reason = sheet_->Counter(Id::kRequests,
                             {api.api, base::ReasonName(outcome.reason), base::FaultName(fault)});
  }
  reason->Add(1);
  const int status_class = ClassOf(outcome.status);
  Cell*& status = api.by_class[static_cast<size_t>(status_class)];
  if (status == nullptr) {
    status = sheet_->Counter(Id::kResponses, {api.api, kClassNames[status_class]});
  }
  status->Add(1);
  api.seconds->Observe(outcome.total);
  const absl::Duration others = outcome.upstream + outcome.script;
  cells_->overhead->Observe(std::max(outcome.total - others, absl::ZeroDuration()));
  if (outcome.upstream > absl::ZeroDuration()) {
    if (api.upstream == nullptr) api.upstream = sheet_->Times(Id::kUpstreamSeconds, {api.api});
    api.upstream->Observe(outcome.upstream);
  }
  if (outcome.authorize > absl::ZeroDuration()) {
    Histogram*& times = cells_->authorize[static_cast<size_t>(fault)];
    if (times == nullptr) times = sheet_->Times(Id::kAuthorizeSeconds, {base::FaultName(fault)});
    times->Observe(outcome.authorize);
  }
  if (outcome.stale) {
    if (api.stale == nullptr) api.stale = sheet_->Counter(Id::kStaleServed, {api.api});
    api.stale->Add(1);
  }
  if (outcome.reason == Reason::kMisdirected) cells_->misdirected->Add(1);
  cells_->in->Add(static_cast<int64_t>(outcome.bytes_in));
  cells_->out->Add(static_cast<int64_t>(outcome.bytes_out));
}

void LoopMetrics::Handshake(bool resumed, absl::Duration took) {
  (resumed ? cells_->resumed : cells_->full)->Add(1);
  cells_->handshake->Observe(took);
}
void LoopMetrics::HandshakeFailed(absl::string_view reason) {
  sheet_->Counter(Id::kHandshakeFailures, {reason})->Add(1);
}
void LoopMetrics::UpstreamTlsFailed(base::Reason reason) {
  sheet_->Counter(Id::kUpstreamTlsFailures, {base::ReasonName(reason)})->Add(1);
}
void LoopMetrics::UpstreamConnection(bool reused, bool http2) {
  (http2 ? (reused ? cells_->reused_http2 : cells_->fresh_http2)
         : (reused ? cells_->reused : cells_->fresh))
      ->Add(1);
}
void LoopMetrics::ConnectionOpened() {
  cells_->connections->Add(1);
  cells_->opened->Add(1);
}
void LoopMetrics::ConnectionClosed() { cells_->connections->Add(-1); }
void LoopMetrics::Severed(uint64_t connections) {
  cells_->severed->Add(static_cast<int64_t>(connections));
}

void LoopMetrics::TunnelOpened() { cells_->tunnels->Add(1); }
void LoopMetrics::TunnelBytes(bool to_client, size_t bytes) {
  (to_client ? cells_->tunnel_out : cells_->tunnel_in)->Add(static_cast<int64_t>(bytes));
}
void LoopMetrics::TunnelEnded(absl::string_view end) {
  cells_->tunnels->Add(-1);
  sheet_->Counter(Id::kTunnelsEnded, {end})->Add(1);
}

void LoopMetrics::Http2Failed(absl::string_view reason) {
  sheet_->Counter(Id::kHttp2Failures, {reason})->Add(1);
}

void LoopMetrics::Http2StreamReset(bool by_client, absl::string_view code) {
  sheet_->Counter(Id::kHttp2Resets, {by_client ? "client" : "gateway", code})->Add(1);
}

}  // namespace sallyport::dataplane
