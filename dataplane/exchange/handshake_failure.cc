#include "dataplane/exchange/handshake_failure.h"

#include <utility>

#include "dataplane/exchange/loop_services.h"
#include "dataplane/tls/handshake_report.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {
namespace {

// A port that is only looked at: a health check, a scan, a connection opened ahead and not used.
bool SaidNothing(const HandshakeReport& report) {
  return !report.hello_seen && (report.label == "closed_by_client" || report.label == "timeout" ||
                                report.label == "cancelled" || report.label == "connection_error");
}

void LogFailure(const HandshakeReport& report, const ListenerStyle& listener,
                const std::string& address, uint64_t left_out) {
  const UnprovenLeaf none;
  const UnprovenLeaf& leaf = report.presented.has_value() ? *report.presented : none;
  base::Log(base::Level::kWarning, "tls.handshake_failed",
            {{"reason", report.label},
             {"alert", report.alert},
             {"sni", report.sni},
             {"client", address},
             {"listener", listener.id},
             {"unproven_subject", leaf.subject},
             {"unproven_sha256", leaf.sha256},
             {"left_out", left_out}});
}

}  // namespace

void ReportHandshakeFailure(LoopServices& services, const ListenerStyle& listener,
                            const std::string& address, HandshakeReport report) {
  services.metrics.HandshakeFailed(report.label);
  if (SaidNothing(report)) return;
  uint64_t left_out = 0;
  if (services.handshake_log.Take(report.label, services.loop.clock().Monotonic(), &left_out))
    LogFailure(report, listener, address, left_out);
  HandshakeFailureRecord record;
  record.time = services.loop.clock().Now();
  record.sni = std::move(report.sni);
  record.alert = std::move(report.alert);
  record.label = std::string(report.label);
  record.listener = listener.id;
  record.client_address = address;
  if (report.presented.has_value()) {
    record.presented.emplace();
    record.presented->fingerprint = std::move(report.presented->sha256);
    record.presented->subject = std::move(report.presented->subject);
    record.presented->issuer = std::move(report.presented->issuer);
    record.presented->serial = std::move(report.presented->serial);
  }
  services.telemetry.HandshakeFailed(services.loop.index(), std::move(record));
}

}  // namespace sallyport::dataplane
