#include "dataplane/sync/grpc_authsvc_client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "gtest/gtest.h"
#include "sallyport/v1/decision.grpc.pb.h"
#include "sallyport/v1/distribution.grpc.pb.h"
#include "sallyport/v1/telemetry.grpc.pb.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {
namespace {

// Runs posted work at once on the posting thread: these tests look at results only.
class DirectPoster final : public Poster {
 public:
  void Post(std::function<void()> work) override { work(); }
};

bool WaitFor(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(90);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

class FakeServices : public v1::Authorization::Service,
                     public v1::Distribution::Service,
                     public v1::Telemetry::Service {
 public:
  grpc::Status Authorize(grpc::ServerContext* context, const v1::AuthorizeRequest* request,
                         v1::AuthorizeResponse* response) override {
    ++authorized;
    while (frozen && !context->IsCancelled()) std::this_thread::yield();
    if (failing != grpc::StatusCode::OK)
      return {static_cast<grpc::StatusCode>(failing.load()), "as told"};
    if (empty) return grpc::Status::OK;
    response->mutable_decision()->set_revision(request->min_revision());
    response->mutable_decision()->mutable_identity()->set_name(name);
    return grpc::Status::OK;
  }
  grpc::Status Subscribe(grpc::ServerContext* context, const v1::SubscribeRequest* request,
                         grpc::ServerWriter<v1::Update>* writer) override {
    ++subscribed;
    resumed = request->has_resume();
    keeps_allowed = request->keeps_allowed();
    takes_ticket_keys = request->takes_ticket_keys();
    v1::Update update;
    update.set_store_id("s");
    update.set_epoch(1);
    update.set_revision(7);
    update.mutable_snapshot()->set_first(true);
    update.mutable_snapshot()->set_last(true);
    update.mutable_snapshot()->add_routes()->mutable_put()->set_api_id("a");
    writer->Write(update);
    while (!context->IsCancelled() && !end_streams) std::this_thread::yield();
    return {grpc::StatusCode::UNAVAILABLE, "bye"};
  }
  grpc::Status Acknowledge(grpc::ServerContext*, const v1::AcknowledgeRequest* request,
                           v1::AcknowledgeResponse*) override {
    if (frozen) return {grpc::StatusCode::UNAVAILABLE, "frozen"};
    if (request->name().empty()) return grpc::Status::OK;  // a probe
    if (refuse_acknowledgements > 0) {
      --refuse_acknowledgements;
      return {grpc::StatusCode::UNAVAILABLE, "not now"};
    }
    acknowledged = request->revision();
    return grpc::Status::OK;
  }
  grpc::Status Report(grpc::ServerContext* context, grpc::ServerReader<v1::ReportRequest>* reader,
                      v1::ReportResponse*) override {
    v1::ReportRequest request;
    while (reader->Read(&request)) {
      refusals += request.refusals_size();
      for (const auto& answer : request.answers()) found += answer.has_allowed() ? 1 : 0;
      answers += request.answers_size();
    }
    while (hold_reports && !context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::OK;
  }

  std::string name = "fake";
  std::atomic<int> refuse_acknowledgements{0}, authorized{0}, subscribed{0}, refusals{0},
      failing{0}, answers{0}, found{0};
  std::atomic<uint64_t> acknowledged{0};
  std::atomic<bool> frozen{false}, empty{false}, end_streams{false}, resumed{false},
      keeps_allowed{false}, takes_ticket_keys{false}, hold_reports{false};
};

struct Server {
  explicit Server(const std::string& name) {
    services.name = name;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(static_cast<v1::Authorization::Service*>(&services));
    builder.RegisterService(static_cast<v1::Distribution::Service*>(&services));
    builder.RegisterService(static_cast<v1::Telemetry::Service*>(&services));
    server = builder.BuildAndStart();
  }
  ~Server() { Stop(); }
  void Stop() {
    services.frozen = false;
    services.end_streams = true;
    services.hold_reports = false;
    if (server != nullptr) server->Shutdown(std::chrono::system_clock::now());
    server.reset();
  }
  std::string address() const { return absl::StrCat("127.0.0.1:", port); }
  int port = 0;
  FakeServices services;
  std::unique_ptr<grpc::Server> server;
};

class Observer final : public StreamObserver {
 public:
  std::optional<ResumeToken> Resume() const override {
    base::MutexLock lock(&mutex_);
    return position_;
  }
  bool OnUpdate(StreamUpdate update) override {
    base::MutexLock lock(&mutex_);
    position_ = update.position;
    ++updates;
    return !refuse_next.exchange(false);
  }
  void OnStreamEnd(const absl::Status&) override { ++ends; }
  std::atomic<int> updates{0}, ends{0};
  std::atomic<bool> refuse_next{false};

 private:
  mutable base::Mutex mutex_;
  std::optional<ResumeToken> position_ ABSL_GUARDED_BY(mutex_);
};

struct World {
  explicit World(std::vector<std::string> targets, absl::Duration deadline = absl::Minutes(1)) {
    GrpcAuthsvcOptions options;
    options.targets = std::move(targets);
    options.name = "replica";
    options.keeps_allowed = options.takes_ticket_keys = true;
    options.plaintext_for_tests = true;
    options.call_deadline = deadline;
    options.breaker_probe = absl::Milliseconds(50);
    options.report_limit = options.answer_limit = absl::Minutes(1);
    client = *GrpcAuthsvcClient::Create(std::move(options));
  }
  // Waits for the answer.
  absl::StatusOr<DecisionPtr> Ask(uint64_t min_revision = 3) {
    AuthorizeQuestion question;
    question.api_id = "a";
    question.min_revision = min_revision;
    auto result = std::make_shared<absl::StatusOr<DecisionPtr>>(absl::UnknownError("none yet"));
    auto done = std::make_shared<std::atomic<bool>>(false);
    client->Authorize(question, &poster, [result, done](absl::StatusOr<DecisionPtr> answer) {
      *result = std::move(answer);
      *done = true;
    });
    EXPECT_TRUE(WaitFor([&] { return done->load(); }));
    return *result;
  }
  DirectPoster poster;
  std::unique_ptr<GrpcAuthsvcClient> client;
};

TEST(GrpcAuthsvcClient, Asks) {
  Server server("one");
  World world({server.address()});
  const auto answer = world.Ask(42);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)->identity.name, "one");
  EXPECT_EQ((*answer)->revision, 42u);
}

TEST(GrpcAuthsvcClient, AnEmptyResponseIsNoDecision) {
  Server server("one");
  server.services.empty = true;
  World world({server.address()});
  const auto answer = world.Ask();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(*answer, nullptr);  // dataplane/authorize refuses it
}

TEST(GrpcAuthsvcClient, TriesTheNextTarget) {
  Server first("first"), second("second");
  first.services.failing = grpc::StatusCode::UNAVAILABLE;
  World world({first.address(), second.address()});
  const auto answer = world.Ask();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)->identity.name, "second");
  // And stays there.
  ASSERT_TRUE(world.Ask().ok());
  EXPECT_EQ(first.services.authorized, 1);
}

TEST(GrpcAuthsvcClient, ATargetThatHangsLeavesTimeForTheNext) {
  Server first("first"), second("second");
  first.services.frozen = true;
  World world({first.address(), second.address()}, absl::Seconds(2));
  // The second of them has one second: where the machine stands still for that long, once more. The
  // breaker of the first would open after five.
  absl::StatusOr<DecisionPtr> answer;
  for (int trial = 0; trial < 4 && !answer.ok(); ++trial) answer = world.Ask();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)->identity.name, "second");
}

TEST(GrpcAuthsvcClient, ARefusalIsAnAnswer) {
  Server first("first"), second("second");
  first.services.failing = grpc::StatusCode::PERMISSION_DENIED;
  World world({first.address(), second.address()});
  EXPECT_TRUE(absl::IsPermissionDenied(world.Ask().status()));
  EXPECT_EQ(second.services.authorized, 0);
}

TEST(GrpcAuthsvcClient, TheBreakerAnswersAtOnceAndProbesBringItBack) {
  Server server("one");
  server.services.frozen = true;
  World world({server.address()}, absl::Milliseconds(200));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(world.Ask().ok());
  EXPECT_TRUE(world.client->AllBroken());
  // What a client says that has nobody to ask. The server may still be taking up calls that are
  // over.
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(world.Ask().status(), absl::UnavailableError("no authsvc answers"));
  server.services.frozen = false;
  EXPECT_TRUE(WaitFor([&] { return !world.client->AllBroken(); }));
  EXPECT_TRUE(WaitFor([&] { return world.Ask().ok(); }));
}

TEST(GrpcAuthsvcClient, NobodyThere) {
  int port = 0;
  {
    Server server("gone");
    port = server.port;
  }
  World world({absl::StrCat("127.0.0.1:", port)}, absl::Milliseconds(500));
  const absl::Status status = world.Ask().status();
  EXPECT_TRUE(absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) << status;
}

TEST(GrpcAuthsvcClient, SubscribesAgainWithTheResumeToken) {
  Server server("one");
  World world({server.address()});
  Observer observer;
  world.client->Subscribe(&observer);
  ASSERT_TRUE(WaitFor([&] { return observer.updates > 0; }));
  EXPECT_FALSE(server.services.resumed);
  server.services.end_streams = true;
  ASSERT_TRUE(WaitFor([&] { return observer.ends > 0; }));
  server.services.end_streams = false;
  ASSERT_TRUE(WaitFor([&] { return server.services.resumed.load(); }));
  world.client->Stop();
}

TEST(GrpcAuthsvcClient, EndsAStreamThatItsObserverCannotUse) {
  Server server("one");
  World world({server.address()});
  Observer observer;
  observer.refuse_next = true;
  world.client->Subscribe(&observer);
  ASSERT_TRUE(WaitFor([&] { return observer.ends > 0 && server.services.subscribed > 1; }));
  EXPECT_TRUE(WaitFor([&] { return observer.updates > 1; }));
  world.client->Stop();
}

TEST(GrpcAuthsvcClient, AcknowledgesAndReports) {
  Server server("one");
  World world({server.address()});
  world.client->Acknowledge(1, 99);
  EXPECT_TRUE(WaitFor([&] { return server.services.acknowledged == 99; }));
  TelemetryBatch batch;
  batch.refusals.emplace_back();
  EXPECT_TRUE(world.client->Report(batch));
  EXPECT_TRUE(WaitFor([&] { return server.services.refusals == 1; }));
}

TEST(GrpcAuthsvcClient, RepeatsAnAcknowledgementThatWasNotHeard) {
  Server server("one");
  server.services.refuse_acknowledgements = 2;
  World world({server.address()});
  Observer observer;
  world.client->Subscribe(&observer);
  world.client->Acknowledge(1, 99);
  EXPECT_TRUE(WaitFor([&] { return server.services.acknowledged == 99; }));
  EXPECT_EQ(server.services.refuse_acknowledgements, 0);
  world.client->Stop();
}

TEST(GrpcAuthsvcClient, AnswersLookupsBesideABatchThatIsUnderWay) {
  Server server("one");
  World world({server.address()});
  Observer observer;
  world.client->Subscribe(&observer);
  ASSERT_TRUE(WaitFor([&] { return observer.updates > 0; }));
  EXPECT_TRUE(server.services.keeps_allowed);
  EXPECT_TRUE(server.services.takes_ticket_keys);
  server.services.hold_reports = true;
  TelemetryBatch batch;
  batch.refusals.emplace_back();
  ASSERT_TRUE(world.client->Report(batch));
  world.client->Answer({"1", std::nullopt});
  world.client->Answer({"2", AllowedRecord()});
  EXPECT_TRUE(WaitFor([&] { return server.services.answers == 2; }));
  EXPECT_EQ(server.services.found, 1);
  world.client->Stop();  // with all of them under way
  EXPECT_FALSE(world.client->Report(batch));
}

TEST(GrpcAuthsvcClient, AnswersAreBoundedAndStopEndsThem) {
  Server server("one");
  server.services.hold_reports = true;
  World world({server.address()});
  for (int i = 0; i < 100; ++i) world.client->Answer({"id", std::nullopt});
  EXPECT_TRUE(WaitFor([&] { return server.services.answers == 16; }));
  world.client->Stop();
  world.client->Answer({"id", std::nullopt});
  EXPECT_EQ(server.services.answers, 16);
}

TEST(GrpcAuthsvcClient, SaysWhichRecordsDidNotArrive) {
  World world({"127.0.0.1:1"});
  TelemetryBatch batch;
  batch.refusals.resize(3);
  batch.lost = 4;
  ASSERT_TRUE(world.client->Report(batch));
  LostTelemetry lost;
  ASSERT_TRUE(WaitFor([&] { return (lost = world.client->TakeLost()).records > 0; }));
  EXPECT_EQ(lost.records, 3u);
  EXPECT_EQ(lost.told, 4u);
  EXPECT_EQ(world.client->TakeLost().records, 0u);
}

TEST(GrpcAuthsvcClient, StopAnswersWhatIsUnderWay) {
  Server server("one");
  server.services.frozen = true;
  World world({server.address()}, absl::Milliseconds(300));
  std::atomic<int> answered{0};
  for (int i = 0; i < 10; ++i) {
    world.client->Authorize({}, &world.poster,
                            [&](const absl::StatusOr<DecisionPtr>&) { ++answered; });
  }
  world.client->Stop();
  EXPECT_EQ(answered, 10);
  EXPECT_TRUE(absl::IsCancelled(world.Ask().status()));
}

TEST(GrpcAuthsvcClient, Refused) {
  EXPECT_FALSE(GrpcAuthsvcClient::Create({}).ok());
  GrpcAuthsvcOptions options;
  options.targets = {"127.0.0.1:1"};
  EXPECT_TRUE(absl::IsInvalidArgument(GrpcAuthsvcClient::Create(options).status()));
  options.tls_directory = "/nonexistent";
  EXPECT_TRUE(absl::IsNotFound(GrpcAuthsvcClient::Create(options).status()));
}

}  // namespace
}  // namespace sallyport::dataplane
