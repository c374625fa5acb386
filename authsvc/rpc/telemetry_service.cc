#include "authsvc/rpc/telemetry_service.h"

#include "authsvc/rpc/call.h"
#include "authsvc/rpc/lookups.h"
#include "authsvc/rpc/meter.h"
#include "authsvc/rpc/peer.h"
#include "authsvc/rpc/server_end.h"
#include "authsvc/rpc/telemetry_store.h"
#include "shared/base/happens_before.h"

namespace sallyport::authsvc {

namespace wire = ::sallyport::v1;

namespace {

// OnReadDone runs for one message at a time.
class ReportStream final : public grpc::ServerReadReactor<wire::ReportRequest> {
 public:
  ReportStream(const ServiceParts& parts, const Peer& peer, PeerCertificate certificate)
      : parts_(parts), peer_(peer), certificate_(std::move(certificate)) {
    const grpc::Status status = CheckCaller(parts_, peer_, "Telemetry", "Report", nullptr);
    if (status.ok()) {
      ReadNext();
    } else {
      Over(status);
    }
  }

  void OnReadDone(bool ok) override {
    base::HappensAfter(this);                // gRPC calls one after the other
    if (!ok) return Over(grpc::Status::OK);  // the caller has said all, or is gone
    if (parts_.roles->Denies(certificate_)) return Over(DeniedStatus());  // since the stream began
    const grpc::Status status = CheckCaller(parts_, peer_, "Telemetry", "Report", &batch_);
    if (!status.ok()) return Over(status);
    parts_.telemetry->Add(batch_, peer_.name);
    for (const auto& answer : batch_.answers()) parts_.lookups->Answered(peer_, answer);
    ReadNext();
  }

  void OnDone() override {
    base::HappensAfter(this);
    delete this;
    CallHasEnded();
  }

 private:
  void ReadNext() {
    base::HappensBefore(this);  // what it sets off
    StartRead(&batch_);
  }
  void Over(const grpc::Status& status) {
    base::HappensBefore(this);
    parts_.meter->Call("Telemetry.Report", status.error_code(), absl::ZeroDuration());
    Finish(status);
  }

  const ServiceParts& parts_;
  const Peer peer_;
  const PeerCertificate certificate_;
  wire::ReportRequest batch_;
};

}  // namespace

grpc::ServerReadReactor<wire::ReportRequest>* TelemetryService::Report(
    grpc::CallbackServerContext* context, wire::ReportResponse* /*response*/) {
  return new ReportStream(parts_, PeerOf(*context, *parts_.roles), FactsOf(*context).certificate);
}

}  // namespace sallyport::authsvc
