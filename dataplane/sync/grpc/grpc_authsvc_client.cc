#include "dataplane/sync/grpc_authsvc_client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <thread>
#include <utility>

#include "dataplane/sync/grpc/acknowledger.h"
#include "dataplane/sync/grpc/call.h"
#include "dataplane/sync/grpc/call_order.h"
#include "dataplane/sync/grpc/call_status.h"
#include "dataplane/sync/grpc/convert.h"
#include "dataplane/sync/grpc/report_call.h"
#include "dataplane/sync/grpc/stream_reader.h"
#include "dataplane/sync/grpc/target.h"
#include "dataplane/sync/grpc/underway.h"
#include "sallyport/v1/decision.grpc.pb.h"
#include "sallyport/v1/distribution.grpc.pb.h"
#include "sallyport/v1/telemetry.grpc.pb.h"
#include "shared/base/happens_before.h"
#include "shared/base/log.h"
#include "shared/base/mutex.h"

SALLYPORT_TSAN_OPTIONS_WITH_GRPC

namespace sallyport::dataplane {
namespace {

using base::Level;

// Another target is tried when a stream says nothing for this long; heartbeats come every second.
constexpr absl::Duration kSilence = absl::Seconds(4);
constexpr size_t kMostAnswers = 16;  // authsvc asks about a few at a time
constexpr absl::Duration kBackoff[] = {absl::Milliseconds(100), absl::Milliseconds(500),
                                       absl::Seconds(1)};

class Client final : public GrpcAuthsvcClient {
 public:
  Client(GrpcAuthsvcOptions options, const std::shared_ptr<grpc::ChannelCredentials>& credentials)
      : options_(std::move(options)), targets_(options_, credentials) {
    keeper_ = std::thread([this] { KeepGoing(); });
  }
  ~Client() override { Stop(); }

  void Authorize(AuthorizeQuestion question, Poster* poster, Completion<DecisionPtr> done) override;
  void ResolveUpstream(UpstreamQuestion question, Poster* poster,
                       Completion<UpstreamCredentialsPtr> done) override;
  void ResolveServer(ServerQuestion question, Poster* poster,
                     Completion<ServerCredentialsPtr> done) override;
  void ValidateCertificate(ValidationQuestion question, Poster* poster,
                           Completion<ValidationPtr> done) override;
  void Subscribe(StreamObserver* observer) override;
  void Acknowledge(uint64_t epoch, uint64_t revision) override {
    acknowledger_.Say({epoch, revision});
  }
  bool Report(const TelemetryBatch& batch) override;
  void Answer(const LookupAnswer& answer) override;
  LostTelemetry TakeLost() override;
  void Stop() override;
  bool AllBroken() const override { return targets_.AllBroken(); }

 private:
  void StreamEnded(std::shared_ptr<StreamReader> stream, const grpc::Status& status,
                   bool said_something);
  void BatchDone(std::shared_ptr<ReportCall> batch, const LostTelemetry& lost);
  void AnswerDone(std::shared_ptr<ReportCall> answer);
  void KeepGoing();
  void Probe(Target& target);
  // An Acknowledge call; `answered` is called once, unless the client is stopping.
  void Tell(Target& target, const std::string& name, const Acknowledger::Applied& applied,
            std::function<void(const grpc::Status&)> answered);
  // The one that this replica listens to.
  Target& StreamTarget() { return *targets_.all()[stream_target_.load(std::memory_order_relaxed)]; }
  void OpenStream() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const GrpcAuthsvcOptions options_;
  TargetList targets_;
  Underway underway_;
  // Without mutex_: its callers may hold locks that OpenStream takes after it.
  Acknowledger acknowledger_{
      [this](const Acknowledger::Applied& applied, std::function<void(bool)> heard) {
        Tell(StreamTarget(), options_.name, applied,
             [heard = std::move(heard)](const grpc::Status& status) { heard(status.ok()); });
      }};

  base::Mutex mutex_;
  base::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  StreamObserver* observer_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::shared_ptr<StreamReader> stream_ ABSL_GUARDED_BY(mutex_);
  std::atomic<size_t> stream_target_{0};
  size_t stream_failures_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration stream_open_at_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<ReportCall> batch_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<ReportCall>> answers_ ABSL_GUARDED_BY(mutex_);  // under way
  LostTelemetry lost_ ABSL_GUARDED_BY(mutex_);
  std::thread keeper_;
};

void Client::Authorize(AuthorizeQuestion question, Poster* poster, Completion<DecisionPtr> done) {
  using Asked = Call<v1::AuthorizeRequest, v1::AuthorizeResponse, DecisionPtr>;
  const auto call = std::make_shared<Asked>(
      &targets_, &underway_, options_.call_deadline,
      [](Target& target, grpc::ClientContext* context, const v1::AuthorizeRequest* request,
         v1::AuthorizeResponse* response, std::function<void(grpc::Status)> came) {
        target.authorization->async()->Authorize(context, request, response, std::move(came));
      },
      [](v1::AuthorizeResponse* response) {
        // No decision is none: never "allowed" by an empty message.
        return response->has_decision() ? DecisionFrom(response->decision()) : DecisionPtr();
      },
      poster, std::move(done));
  Fill(question, &call->request());
  call->Run();
}

void Client::ResolveUpstream(UpstreamQuestion question, Poster* poster,
                             Completion<UpstreamCredentialsPtr> done) {
  using Asked =
      Call<v1::ResolveUpstreamRequest, v1::ResolveUpstreamResponse, UpstreamCredentialsPtr>;
  const auto call = std::make_shared<Asked>(
      &targets_, &underway_, options_.call_deadline,
      [](Target& target, grpc::ClientContext* context, const v1::ResolveUpstreamRequest* request,
         v1::ResolveUpstreamResponse* response, std::function<void(grpc::Status)> came) {
        target.authorization->async()->ResolveUpstream(context, request, response, std::move(came));
      },
      &UpstreamFrom, poster, std::move(done));
  call->request().set_api_id(question.api_id);
  call->request().set_host(question.host);
  call->request().set_port(question.port);
  call->request().set_tls(question.tls);
  call->request().set_written_port(question.written_port);
  call->request().set_min_revision(question.min_revision);
  call->Run();
}

void Client::ResolveServer(ServerQuestion question, Poster* poster,
                           Completion<ServerCredentialsPtr> done) {
  using Asked = Call<v1::ResolveServerRequest, v1::ResolveServerResponse, ServerCredentialsPtr>;
  const auto call = std::make_shared<Asked>(
      &targets_, &underway_, options_.call_deadline,
      [](Target& target, grpc::ClientContext* context, const v1::ResolveServerRequest* request,
         v1::ResolveServerResponse* response, std::function<void(grpc::Status)> came) {
        target.distribution->async()->ResolveServer(context, request, response, std::move(came));
      },
      &ServerFrom, poster, std::move(done));
  call->request().set_sni(question.sni);
  call->request().set_listener_id(question.listener_id);
  call->request().set_min_revision(question.min_revision);
  call->Run();
}

void Client::ValidateCertificate(ValidationQuestion question, Poster* poster,
                                 Completion<ValidationPtr> done) {
  using Asked =
      Call<v1::ValidateCertificateRequest, v1::ValidateCertificateResponse, ValidationPtr>;
  const auto call = std::make_shared<Asked>(
      &targets_, &underway_, options_.call_deadline,
      [](Target& target, grpc::ClientContext* context,
         const v1::ValidateCertificateRequest* request, v1::ValidateCertificateResponse* response,
         std::function<void(grpc::Status)> came) {
        target.authorization->async()->ValidateCertificate(context, request, response,
                                                           std::move(came));
      },
      &ValidationFrom, poster, std::move(done));
  Fill(question, &call->request());
  call->Run();
}

void Client::Subscribe(StreamObserver* observer) {
  base::MutexLock lock(&mutex_);
  observer_ = observer;
  stream_open_at_ = MonotonicNow();
  wake_.SignalAll();
}

void Client::Tell(Target& target, const std::string& name, const Acknowledger::Applied& applied,
                  std::function<void(const grpc::Status&)> answered) {
  if (!underway_.Enter()) return;
  struct Sent {
    std::optional<grpc::ClientContext> context{std::in_place};
    v1::AcknowledgeRequest request;
    v1::AcknowledgeResponse response;
    std::function<void(const grpc::Status&)> answered;
  };
  const auto sent = std::make_shared<Sent>();
  sent->context->set_deadline(DeadlineIn(options_.call_deadline));
  sent->request.set_name(name);
  sent->request.set_epoch(applied.epoch);
  sent->request.set_revision(applied.revision);
  sent->answered = std::move(answered);
  Starting(sent.get());
  target.distribution->async()->Acknowledge(&*sent->context, &sent->request, &sent->response,
                                            [this, sent, &target](const grpc::Status& status) {
                                              Told(sent.get());
                                              if (!Unanswered(status)) target.breaker.Answered();
                                              sent->context.reset();
                                              sent->answered(status);
                                              underway_.Leave();
                                            });
}

// Of no replica: authsvc answers, and has nothing to note.
void Client::Probe(Target& target) {
  Tell(target, "", {},
       [&target](const grpc::Status&) { target.probing.store(false, std::memory_order_release); });
}

bool Client::Report(const TelemetryBatch& batch) {
  base::MutexLock lock(&mutex_);
  if (stopping_ || batch_ != nullptr || StreamTarget().breaker.Open()) return false;
  if (!underway_.Enter()) return false;
  const LostTelemetry unless_it_arrives{batch.records(), batch.lost};
  batch_ = std::make_shared<ReportCall>(
      [this, unless_it_arrives](std::shared_ptr<ReportCall> call, bool arrived) {
        BatchDone(std::move(call), arrived ? LostTelemetry() : unless_it_arrives);
      });
  Fill(batch, &batch_->request());
  batch_->Send(*StreamTarget().telemetry, options_.report_limit, batch_);
  return true;
}

// To whoever this replica listens to: it was that authsvc that asked, or the answer is nobody's.
void Client::Answer(const LookupAnswer& answer) {
  const auto call = std::make_shared<ReportCall>(
      [this](std::shared_ptr<ReportCall> done, bool /*arrived*/) { AnswerDone(std::move(done)); });
  Fill(answer, call->request().add_answers());
  base::MutexLock lock(&mutex_);
  if (stopping_ || answers_.size() >= kMostAnswers || !underway_.Enter()) return;
  answers_.push_back(call);
  call->Send(*StreamTarget().telemetry, options_.answer_limit, call);
}

void Client::AnswerDone(std::shared_ptr<ReportCall> answer) {
  {
    base::MutexLock lock(&mutex_);
    std::erase(answers_, answer);
  }
  answer.reset();
  underway_.Leave();
}

LostTelemetry Client::TakeLost() {
  base::MutexLock lock(&mutex_);
  return std::exchange(lost_, {});
}

void Client::BatchDone(std::shared_ptr<ReportCall> batch, const LostTelemetry& lost) {
  {
    base::MutexLock lock(&mutex_);
    batch_.reset();
    lost_.records += lost.records;
    lost_.told += lost.told;
  }
  batch.reset();
  underway_.Leave();
}

void Client::OpenStream() {
  if (!underway_.Enter()) return;
  stream_ = std::make_shared<StreamReader>(
      observer_,
      [this](std::shared_ptr<StreamReader> stream, const grpc::Status& status,
             bool said_something) { StreamEnded(std::move(stream), status, said_something); });
  stream_->Open(StreamTarget(), options_, stream_);
}

void Client::StreamEnded(std::shared_ptr<StreamReader> stream, const grpc::Status& status,
                         bool said_something) {
  {
    base::MutexLock lock(&mutex_);
    stream_.reset();
    if (said_something) {
      stream_failures_ = 0;
    } else {
      stream_failures_ = std::min<size_t>(stream_failures_ + 1, std::size(kBackoff));
    }
    stream_target_ = (stream_target_ + 1) % targets_.all().size();
    const size_t step = stream_failures_ == 0 ? 0 : stream_failures_ - 1;
    stream_open_at_ = MonotonicNow() + kBackoff[step];
    if (!stopping_) {
      base::Log(
          Level::kWarning, "sync.stream_ended",
          {{"code", static_cast<int>(status.error_code())}, {"message", status.error_message()}});
    }
    wake_.SignalAll();
  }
  stream.reset();
  underway_.Leave();
}

void Client::KeepGoing() {
  base::MutexLock lock(&mutex_);
  absl::Duration probed = MonotonicNow();
  while (!stopping_) {
    const absl::Duration now = MonotonicNow();
    absl::Duration wait = options_.breaker_probe / 2;
    if (observer_ != nullptr && stream_ == nullptr) {
      if (now >= stream_open_at_)
        OpenStream();
      else
        wait = std::min(wait, stream_open_at_ - now);
    }
    if (stream_ != nullptr) acknowledger_.TryAgain();
    if (stream_ != nullptr && targets_.all().size() > 1 && stream_->Silent() > kSilence)
      stream_->Cancel();
    if (now - probed >= options_.breaker_probe) {
      probed = now;
      for (const auto& target : targets_.all()) {
        if (target->breaker.Open() && !target->probing.exchange(true)) Probe(*target);
      }
    }
    wake_.WaitWithTimeout(&mutex_, wait);
  }
}

void Client::Stop() {
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
    if (stream_ != nullptr) stream_->Cancel();
    if (batch_ != nullptr) batch_->Cancel();
    for (const auto& answer : answers_) answer->Cancel();
    wake_.SignalAll();
  }
  if (keeper_.joinable()) keeper_.join();
  underway_.CloseAndWait();
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcAuthsvcClient>> GrpcAuthsvcClient::Create(
    GrpcAuthsvcOptions options) {
  if (options.targets.empty()) return absl::InvalidArgumentError("no authsvc target");
  auto credentials = MakeCredentials(options);
  if (!credentials.ok()) return credentials.status();
  return std::make_unique<Client>(std::move(options), *credentials);
}

}  // namespace sallyport::dataplane
