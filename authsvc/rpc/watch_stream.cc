#include "authsvc/rpc/watch_stream.h"

#include "authsvc/rpc/call.h"
#include "authsvc/rpc/meter.h"
#include "authsvc/rpc/peer.h"
#include "authsvc/rpc/pumped_stream.h"
#include "authsvc/rpc/watch_log.h"

namespace sallyport::authsvc {

namespace wire = ::sallyport::v1;

namespace {

class WatchStream final : public PumpedStream<wire::WatchEvent> {
 public:
  WatchStream(const ServiceParts& parts, PeerCertificate caller, uint64_t position,
              std::optional<Kind> kind)
      : PumpedStream(parts.clock, parts.max_stream_age),
        parts_(parts),
        caller_(std::move(caller)),
        position_(position),
        kind_(kind) {}

  void Join() {
    const auto weak =
        std::weak_ptr<Pumped>(std::static_pointer_cast<WatchStream>(this->shared_from_this()));
    const std::weak_ptr<StreamPump> pump = parts_.pump;  // may be gone when the news comes
    listener_ = parts_.watch_log->AddListener([pump, weak] {
      if (const auto alive = pump.lock()) alive->Wake(weak);
    });
  }

 protected:
  std::shared_ptr<const wire::WatchEvent> Next(grpc::Status* broken) override {
    if (parts_.watch_log->closed()) {
      *broken = {grpc::StatusCode::UNAVAILABLE, "shutting down"};
      return nullptr;
    }
    if (parts_.roles->Denies(caller_)) {
      *broken = DeniedStatus();
      return nullptr;
    }
    bool lost = false;
    while (auto item = parts_.watch_log->After(position_, &lost)) {
      position_ = item->number;
      if (kind_.has_value() && *kind_ != item->kind) continue;
      auto event = std::make_shared<wire::WatchEvent>();
      event->set_revision(item->revision);
      const absl::string_view kind = KindName(item->kind);
      event->set_kind(kind.data(), kind.size());
      event->set_id(item->id);
      event->set_deleted(item->deleted);
      return event;
    }
    if (lost)
      *broken = {grpc::StatusCode::OUT_OF_RANGE, "changes were missed: list again, then watch"};
    return nullptr;
  }

  void Closed() override { parts_.watch_log->RemoveListener(listener_); }

 private:
  const ServiceParts& parts_;
  const PeerCertificate caller_;
  uint64_t position_;
  const std::optional<Kind> kind_;
  uint64_t listener_ = 0;
};

class RefusedWatch final : public grpc::ServerWriteReactor<wire::WatchEvent> {
 public:
  explicit RefusedWatch(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerWriteReactor<wire::WatchEvent>* StartWatch(const ServiceParts& parts,
                                                       grpc::CallbackServerContext* context,
                                                       const wire::WatchRequest& request) {
  const Peer peer = PeerOf(*context, *parts.roles);
  grpc::Status status = CheckCaller(parts, peer, "Admin", "Watch", &request);
  const std::optional<Kind> kind = ParseKind(request.kind());
  if (status.ok() && !request.kind().empty() && !kind.has_value()) {
    status = {grpc::StatusCode::INVALID_ARGUMENT, "no such kind: " + request.kind()};
  }
  const std::optional<uint64_t> position = parts.watch_log->PositionAfter(request.after_revision());
  if (status.ok() && !position.has_value()) {
    status = {grpc::StatusCode::OUT_OF_RANGE,
              "what followed that revision is no longer held: list again"};
  }
  parts.meter->Call("Admin.Watch", status.error_code(), absl::ZeroDuration());
  if (!status.ok()) return new RefusedWatch(status);
  auto stream =
      std::make_shared<WatchStream>(parts, FactsOf(*context).certificate, *position, kind);
  stream->Join();
  return stream->Begin();
}

}  // namespace sallyport::authsvc
