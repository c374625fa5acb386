#include "dataplane/sync/grpc_authsvc_client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "dataplane/sync/grpc/acknowledger.h"
#include "dataplane/sync/grpc/call_order.h"
#include "dataplane/sync/grpc/convert.h"
#include "dataplane/sync/grpc/report_call.h"
#include "dataplane/sync/grpc/target.h"
#include "dataplane/sync/grpc/underway.h"
#include "sallyport/v1/decision.grpc.pb.h"
#include "sallyport/v1/distribution.grpc.pb.h"
#include "sallyport/v1/telemetry.grpc.pb.h"
#include "shared/base/clock.h"
#include "shared/base/happens_before.h"
#include "shared/base/log.h"
#include "shared/base/mutex.h"

SALLYPORT_TSAN_OPTIONS_WITH_GRPC

namespace sallyport::dataplane {
namespace {

using base::Level;

// Another target is tried when a stream says nothing for this long; heartbeats come every second.
constexpr absl::Duration kSilence = absl::Seconds(4);
constexpr absl::Duration kReportLimit = absl::Seconds(5);
// Nobody waits longer for the answer to a lookup; authsvc asks about a few at a time.
constexpr absl::Duration kAnswerLimit = absl::Seconds(2);
constexpr size_t kMostAnswers = 16;
constexpr absl::Duration kBackoff[] = {absl::Milliseconds(100), absl::Milliseconds(500), absl::Seconds(1)};

absl::Status ToAbsl(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}
bool Unanswered(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::UNAVAILABLE:
    case grpc::DEADLINE_EXCEEDED:
    case grpc::RESOURCE_EXHAUSTED:
    case grpc::CANCELLED: return true;
    default: return false;
  }
}
std::chrono::system_clock::time_point In(absl::Duration duration) {
  return std::chrono::system_clock::now() + absl::ToChronoNanoseconds(duration);
}
absl::Duration Now() { return base::SystemClock().Monotonic(); }

class Client;

// One question on its way, over as many targets as its time allows.
template <typename Request, typename Response, typename Value>
class Call : public std::enable_shared_from_this<Call<Request, Response, Value>> {
 public:
  using Start = void (*)(Target&, grpc::ClientContext*, const Request*, Response*,
                         std::function<void(grpc::Status)>);
  using Convert = Value (*)(Response*);

  Call(Client* client, Start start, Convert convert, Poster* poster, Completion<Value> done)
      : client_(client),
        start_(start),
        convert_(convert),
        poster_(poster),
        done_(std::make_shared<Completion<Value>>(std::move(done))) {}

  Request& request() { return request_; }
  void Run();

 private:
  void Try();
  void Came(Target& target, const grpc::Status& status);
  void Finish(absl::StatusOr<Value> value);

  Client* const client_;
  const Start start_;
  const Convert convert_;
  Poster* const poster_;
  std::shared_ptr<Completion<Value>> done_;  // goes with the answer: the poster's thread destroys it
  Request request_;
  std::unique_ptr<Response> response_;
  std::unique_ptr<grpc::ClientContext> context_;
  absl::Duration deadline_;
  size_t tried_ = 0;
  std::vector<Target*> targets_;
  absl::Status last_ = absl::UnavailableError("no authsvc answers");
};

class StreamReader;

// Whatever is under way drops its ClientContext before it leaves. A context keeps its channel; when the last
// channel of a process goes on one of gRPC's own callback threads, gRPC 1.51 makes that thread join itself and
// takes the completion queue from under it.
class Client final : public GrpcAuthsvcClient {
 public:
  Client(GrpcAuthsvcOptions options, const std::shared_ptr<grpc::ChannelCredentials>& credentials)
      : options_(std::move(options)) {
    for (const std::string& address : options_.targets) {
      targets_.push_back(std::make_unique<Target>(address, credentials, options_));
    }
    keeper_ = std::thread([this] { KeepGoing(); });
  }
  ~Client() override { Stop(); }

  void Authorize(AuthorizeQuestion question, Poster* poster, Completion<DecisionPtr> done) override;
  void ResolveUpstream(UpstreamQuestion question, Poster* poster,
                       Completion<UpstreamCredentialsPtr> done) override;
  void ResolveServer(ServerQuestion question, Poster* poster, Completion<ServerCredentialsPtr> done) override;
  void Subscribe(StreamObserver* observer) override;
  void Acknowledge(uint64_t epoch, uint64_t revision) override { acknowledger_.Say({epoch, revision}); }
  bool Report(const TelemetryBatch& batch) override;
  void Answer(const LookupAnswer& answer) override;
  LostTelemetry TakeLost() override;
  void Stop() override;
  bool AllBroken() const override {
    for (const auto& target : targets_) {
      if (!target->breaker.Open()) return false;
    }
    return true;
  }

  // Targets to ask, the preferred first, without those whose breaker is open.
  std::vector<Target*> Candidates() {
    std::vector<Target*> out;
    const size_t first = preferred_.load(std::memory_order_relaxed);
    for (size_t i = 0; i < targets_.size(); ++i) {
      Target* target = targets_[(first + i) % targets_.size()].get();
      if (!target->breaker.Open()) out.push_back(target);
    }
    return out;
  }
  void Prefer(const Target* target) {
    for (size_t i = 0; i < targets_.size(); ++i) {
      if (targets_[i].get() == target) preferred_.store(i, std::memory_order_relaxed);
    }
  }
  void StreamEnded(std::shared_ptr<StreamReader> stream, const grpc::Status& status, bool said_something);
  void BatchDone(std::shared_ptr<ReportCall> batch, const LostTelemetry& lost);
  void AnswerDone(std::shared_ptr<ReportCall> answer);
  Underway& underway() { return underway_; }
  const GrpcAuthsvcOptions& options() const { return options_; }

 private:
  void KeepGoing();
  void Probe(Target& target);
  // An Acknowledge call; `answered` is called once, unless the client is stopping.
  void Tell(Target& target, const std::string& name, const Acknowledger::Applied& applied,
            std::function<void(const grpc::Status&)> answered);
  void OpenStream() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const GrpcAuthsvcOptions options_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::atomic<size_t> preferred_{0};
  Underway underway_;
  // Without mutex_: its callers may hold locks that OpenStream takes after it.
  Acknowledger acknowledger_{[this](const Acknowledger::Applied& applied, std::function<void(bool)> heard) {
    Tell(*targets_[stream_target_.load(std::memory_order_relaxed)], options_.name, applied,
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

template <typename Request, typename Response, typename Value>
void Call<Request, Response, Value>::Run() {
  deadline_ = Now() + client_->options().call_deadline;
  targets_ = client_->Candidates();
  if (!client_->underway().Enter()) {
    targets_.clear();
    last_ = absl::CancelledError("stopping");
    poster_->Post([done = std::move(done_), status = last_] { (*done)(status); });
    return;
  }
  Try();
}

template <typename Request, typename Response, typename Value>
void Call<Request, Response, Value>::Try() {
  const absl::Duration left = deadline_ - Now();
  if (tried_ >= targets_.size() || left < absl::Milliseconds(5)) return Finish(last_);
  Target& target = *targets_[tried_];
  // A target that hangs must leave the others some of the time.
  const auto share = static_cast<int64_t>(targets_.size() - tried_);
  ++tried_;
  context_ = std::make_unique<grpc::ClientContext>();
  context_->set_deadline(In(left / share));
  response_ = std::make_unique<Response>();
  Starting(this);
  start_(target, context_.get(), &request_, response_.get(),
         [self = this->shared_from_this(), &target](const grpc::Status& status) { self->Came(target, status); });
}

template <typename Request, typename Response, typename Value>
void Call<Request, Response, Value>::Came(Target& target, const grpc::Status& status) {
  Told(this);
  if (Unanswered(status)) {
    target.breaker.Failed();
    last_ = ToAbsl(status);
    return Try();
  }
  target.breaker.Answered();
  client_->Prefer(&target);
  if (!status.ok()) return Finish(ToAbsl(status));
  Finish(convert_(response_.get()));
}

template <typename Request, typename Response, typename Value>
void Call<Request, Response, Value>::Finish(absl::StatusOr<Value> value) {
  poster_->Post([done = std::move(done_), value = std::move(value)] { (*done)(value); });
  context_.reset();  // before Leave: see class Client
  client_->underway().Leave();
}

// The Subscribe stream. Lives until OnDone.
class StreamReader final : public grpc::ClientReadReactor<v1::Update> {
 public:
  StreamReader(Client* client, StreamObserver* observer) : client_(client), observer_(observer) {}

  void Open(Target& target, const GrpcAuthsvcOptions& options, std::shared_ptr<StreamReader> self) {
    self_ = std::move(self);
    request_.set_name(options.name);
    request_.set_keeps_allowed(options.keeps_allowed);
    if (const auto resume = observer_->Resume()) {
      request_.mutable_resume()->set_store_id(resume->store_id);
      request_.mutable_resume()->set_epoch(resume->epoch);
      request_.mutable_resume()->set_revision(resume->revision);
    }
    last_ = absl::ToInt64Nanoseconds(Now());
    Starting(this);
    target.subscription->async()->Subscribe(&context_, &request_, this);
    StartRead(&update_);
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }
  [[nodiscard]] absl::Duration Silent() const { return Now() - absl::Nanoseconds(last_.load()); }

  void OnReadDone(bool ok) override {
    Told(this);
    if (!ok) return;
    said_something_ = true;
    if (!observer_->OnUpdate(UpdateFrom(update_))) return context_.TryCancel();
    last_ = absl::ToInt64Nanoseconds(Now());  // applying a big snapshot is no silence
    Starting(this);
    StartRead(&update_);
  }
  void OnDone(const grpc::Status& status) override {
    Told(this);
    observer_->OnStreamEnd(ToAbsl(status));
    client_->StreamEnded(std::move(self_), status, said_something_);  // `this` is gone now
  }

 private:
  Client* const client_;
  StreamObserver* const observer_;
  std::shared_ptr<StreamReader> self_;
  grpc::ClientContext context_;
  v1::SubscribeRequest request_;
  v1::Update update_;
  bool said_something_ = false;
  std::atomic<int64_t> last_{0};
};

void Client::Authorize(AuthorizeQuestion question, Poster* poster, Completion<DecisionPtr> done) {
  using Asked = Call<v1::AuthorizeRequest, v1::AuthorizeResponse, DecisionPtr>;
  const auto call = std::make_shared<Asked>(
      this,
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
  using Asked = Call<v1::ResolveUpstreamRequest, v1::ResolveUpstreamResponse, UpstreamCredentialsPtr>;
  const auto call = std::make_shared<Asked>(
      this,
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

void Client::ResolveServer(ServerQuestion question, Poster* poster, Completion<ServerCredentialsPtr> done) {
  using Asked = Call<v1::ResolveServerRequest, v1::ResolveServerResponse, ServerCredentialsPtr>;
  const auto call = std::make_shared<Asked>(
      this,
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

void Client::Subscribe(StreamObserver* observer) {
  base::MutexLock lock(&mutex_);
  observer_ = observer;
  stream_open_at_ = Now();
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
  sent->context->set_deadline(In(options_.call_deadline));
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
  Tell(target, "", {}, [&target](const grpc::Status&) { target.probing.store(false, std::memory_order_release); });
}

bool Client::Report(const TelemetryBatch& batch) {
  base::MutexLock lock(&mutex_);
  if (stopping_ || batch_ != nullptr || targets_[stream_target_]->breaker.Open()) return false;
  if (!underway_.Enter()) return false;
  const LostTelemetry unless_it_arrives{batch.records(), batch.lost};
  batch_ = std::make_shared<ReportCall>([this, unless_it_arrives](std::shared_ptr<ReportCall> call, bool arrived) {
    BatchDone(std::move(call), arrived ? LostTelemetry() : unless_it_arrives);
  });
  Fill(batch, &batch_->request());
  batch_->Send(*targets_[stream_target_]->telemetry, kReportLimit, batch_);
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
  call->Send(*targets_[stream_target_]->telemetry, kAnswerLimit, call);
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
  stream_ = std::make_shared<StreamReader>(this, observer_);
  stream_->Open(*targets_[stream_target_], options_, stream_);
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
    stream_target_ = (stream_target_ + 1) % targets_.size();
    const size_t step = stream_failures_ == 0 ? 0 : stream_failures_ - 1;
    stream_open_at_ = Now() + kBackoff[step];
    if (!stopping_) {
      base::Log(Level::kWarning, "sync.stream_ended",
                {{"code", static_cast<int>(status.error_code())}, {"message", status.error_message()}});
    }
    wake_.SignalAll();
  }
  stream.reset();
  underway_.Leave();
}

void Client::KeepGoing() {
  base::MutexLock lock(&mutex_);
  absl::Duration probed = Now();
  while (!stopping_) {
    const absl::Duration now = Now();
    absl::Duration wait = options_.breaker_probe / 2;
    if (observer_ != nullptr && stream_ == nullptr) {
      if (now >= stream_open_at_) OpenStream();
      else wait = std::min(wait, stream_open_at_ - now);
    }
    if (stream_ != nullptr) acknowledger_.TryAgain();
    if (stream_ != nullptr && targets_.size() > 1 && stream_->Silent() > kSilence) stream_->Cancel();
    if (now - probed >= options_.breaker_probe) {
      probed = now;
      for (const auto& target : targets_) {
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

absl::StatusOr<std::unique_ptr<GrpcAuthsvcClient>> GrpcAuthsvcClient::Create(GrpcAuthsvcOptions options) {
  if (options.targets.empty()) return absl::InvalidArgumentError("no authsvc target");
  auto credentials = MakeCredentials(options);
  if (!credentials.ok()) return credentials.status();
  return std::make_unique<Client>(std::move(options), *credentials);
}

}  // namespace sallyport::dataplane
