#include "authsvc/rpc/distribution_service.h"

#include "absl/strings/str_cat.h"
#include "authsvc/push/hub.h"
#include "authsvc/push/replicas.h"
#include "authsvc/resolve/resolve.h"
#include "authsvc/rpc/at_revision.h"
#include "authsvc/rpc/call.h"
#include "authsvc/rpc/denied_callers.h"
#include "authsvc/rpc/lookups.h"
#include "authsvc/rpc/meter.h"
#include "authsvc/rpc/peer.h"
#include "authsvc/rpc/pumped_stream.h"
#include "authsvc/tickets/ticket_keeper.h"
#include "shared/base/log.h"

namespace sallyport::authsvc {

namespace wire = ::sallyport::v1;

class SubscribeStream final : public PumpedStream<wire::Update> {
 public:
  SubscribeStream(DistributionService* service, const ServiceParts& parts, PeerFacts caller)
      : PumpedStream(parts.clock, parts.max_stream_age),
        service_(service),
        parts_(parts),
        caller_(std::move(caller)) {}

  void Join(const wire::SubscribeRequest& request, const Peer& peer, const std::string& address) {
    const std::string& group = peer.group;
    const auto weak =
        std::weak_ptr<Pumped>(std::static_pointer_cast<SubscribeStream>(this->shared_from_this()));
    const std::weak_ptr<StreamPump> pump = parts_.pump;  // may be gone when the news comes
    const auto wake = [pump, weak] {
      if (const auto alive = pump.lock()) alive->Wake(weak);
    };
    subscription_ =
        parts_.hub->Subscribe(group, request.has_resume() ? &request.resume() : nullptr, wake);
    lookups_ = parts_.lookups->Join(peer, request.name(), request.keeps_allowed(), wake);
    JoinTickets(request, peer, wake);
    ReplicaFacts facts;
    facts.name = request.name();
    facts.group = group;
    facts.address = address;
    facts.epoch = request.resume().epoch();
    facts.revision = subscription_->resumed_from();
    facts.certificate_not_after = caller_.not_after;
    replica_ = parts_.replicas->Join(std::move(facts));
    base::Log(base::Level::kInfo, "replica.connected",
              {{"name", request.name()},
               {"group", group},
               {"address", address},
               {"resumes", request.has_resume()}});
    name_ = request.name();
  }

 protected:
  std::shared_ptr<const wire::Update> Next(grpc::Status* broken) override {
    // Its certificate was denied since the stream began; a heartbeat is due every second.
    if (parts_.roles->Denies(caller_.certificate)) {
      *broken = DeniedStatus();
      return nullptr;
    }
    if (auto lookup = parts_.lookups->Take(lookups_)) return lookup;
    if (tickets_ != 0) {
      if (auto keys = parts_.tickets->Take(tickets_)) return keys;
    }
    return subscription_->Take();
  }

  void Closed() override {
    if (replica_ != 0) {
      parts_.replicas->Leave(replica_);
      parts_.lookups->Leave(lookups_);
      if (tickets_ != 0) parts_.tickets->Leave(tickets_);
      base::Log(base::Level::kInfo, "replica.gone",
                {{"name", name_}, {"group", subscription_->group()}});
    }
    service_->Remove(this);
  }

 private:
  // Whoever has the keys can forge any client of the group: data planes only, that ask for them.
  void JoinTickets(const wire::SubscribeRequest& request, const Peer& peer,
                   const std::function<void()>& wake) {
    const std::vector<std::string> names = DenyNames(caller_.certificate);
    if (parts_.tickets == nullptr || !request.takes_ticket_keys() ||
        peer.role != Role::kDataplane || names.empty()) {
      return;
    }
    tickets_ = parts_.tickets->Join(peer.group, names, wake);
  }

  DistributionService* service_;
  const ServiceParts& parts_;
  const PeerFacts caller_;
  std::shared_ptr<Subscription> subscription_;
  uint64_t replica_ = 0;
  uint64_t lookups_ = 0;
  uint64_t tickets_ = 0;  // 0: it gets no ticket keys
  std::string name_;
};

namespace {

// A stream that only says why not.
class RefusedStream final : public grpc::ServerWriteReactor<wire::Update> {
 public:
  explicit RefusedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

grpc::Status CheckName(const std::string& name) {
  if (!name.empty() && name.size() <= 128) return grpc::Status::OK;
  return {grpc::StatusCode::INVALID_ARGUMENT, "name must have 1 to 128 characters"};
}

}  // namespace

DistributionService::~DistributionService() = default;

grpc::ServerWriteReactor<wire::Update>* DistributionService::Subscribe(
    grpc::CallbackServerContext* context, const wire::SubscribeRequest* request) {
  const Peer peer = PeerOf(*context, *parts_.roles);
  grpc::Status status = CheckCaller(parts_, peer, "Distribution", "Subscribe", request);
  if (status.ok()) status = CheckName(request->name());
  if (status.ok() && request->has_resume() && parts_.hub->IsBehind(request->resume())) {
    status = {grpc::StatusCode::UNAVAILABLE, "this authsvc is behind"};
  }
  parts_.meter->Call("Distribution.Subscribe", status.error_code(), absl::ZeroDuration());
  if (!status.ok()) return new RefusedStream(status);
  auto stream = std::make_shared<SubscribeStream>(this, parts_, FactsOf(*context));
  {
    const base::MutexLock lock(&mutex_);
    if (ending_) return new RefusedStream({grpc::StatusCode::UNAVAILABLE, "shutting down"});
    streams_.insert(stream.get());
  }
  stream->Join(*request, peer, context->peer());
  return stream->Begin();
}

void DistributionService::Remove(SubscribeStream* stream) {
  const base::MutexLock lock(&mutex_);
  streams_.erase(stream);
}

void DistributionService::EndStreams() {
  std::vector<std::shared_ptr<PumpedStream<wire::Update>>> streams;
  {
    const base::MutexLock lock(&mutex_);
    ending_ = true;
    for (SubscribeStream* stream : streams_) {
      if (auto alive = stream->weak_from_this().lock()) streams.push_back(std::move(alive));
    }
  }
  for (const auto& stream : streams) stream->End({grpc::StatusCode::UNAVAILABLE, "shutting down"});
}

grpc::ServerUnaryReactor* DistributionService::Acknowledge(
    grpc::CallbackServerContext* context, const wire::AcknowledgeRequest* request,
    wire::AcknowledgeResponse* /*response*/) {
  Call call(parts_, context, "Distribution.Acknowledge");
  if (!call.Admit(*request)) return call.reactor();
  parts_.replicas->Acknowledge(call.peer().group, request->name(), request->epoch(),
                               request->revision());
  call.Finish(absl::OkStatus());
  return call.reactor();
}

grpc::ServerUnaryReactor* DistributionService::ResolveServer(
    grpc::CallbackServerContext* context, const wire::ResolveServerRequest* request,
    wire::ResolveServerResponse* response) {
  Call call(parts_, context, "Distribution.ResolveServer");
  if (!call.Admit(*request)) return call.reactor();
  const Peer& peer = call.peer();
  AtRevision(parts_, request->min_revision(), call,
             [this, request, response, peer](const Snapshot& snapshot) {
               const KeyOpener open = [this](const CertificateEntry& entry) {
                 return parts_.writer->OpenPrivateKey(entry);
               };
               ResolveScope scope;
               scope.group = GroupOf(peer);
               scope.with_private_key = peer.role == Role::kDataplane;
               *response =
                   authsvc::ResolveServer(snapshot, *request, parts_.clock->Now(), open, scope);
               return absl::OkStatus();
             });
  return call.reactor();
}

}  // namespace sallyport::authsvc
