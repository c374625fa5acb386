// Why a request was refused or let in, asked by its id.
#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/authsvc/rpc/server_world.h"

namespace sallyport::authsvc {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

// A data plane that has let one request in, `id`; it answers the first lookup on its stream.
class FakeDataplane {
 public:
  FakeDataplane(ServerWorld& world, const std::string& name, std::string id, bool keeps = true)
      : channel_(world.As("dataplane")),
        distribution_(wire::Distribution::NewStub(channel_)),
        id_(std::move(id)) {
    SetDeadline(&context_);
    wire::SubscribeRequest request;
    request.set_name(name);
    request.set_keeps_allowed(keeps);
    reader_ = distribution_->Subscribe(&context_, request);
    wire::Update update;
    EXPECT_TRUE(reader_->Read(&update));
    thread_ = std::thread([this] { AnswerOne(); });
  }
  ~FakeDataplane() {
    context_.TryCancel();
    thread_.join();
    (void)reader_->Finish();
  }

 private:
  void AnswerOne() {
    wire::Update update;
    if (!ReadUntil(reader_, &update, [](const wire::Update& got) { return got.has_lookup(); }))
      return;
    wire::ReportRequest report;
    wire::LookupAnswer* answer = report.add_answers();
    answer->set_lookup_id(update.lookup().lookup_id());
    if (update.lookup().request_id() == id_) *answer->mutable_allowed() = Allowed();
    const auto telemetry = wire::Telemetry::NewStub(channel_);
    grpc::ClientContext context;
    SetDeadline(&context);
    wire::ReportResponse none;
    const auto writer = telemetry->Report(&context, &none);
    writer->Write(report);
    writer->WritesDone();
    EXPECT_TRUE(writer->Finish().ok());
  }
  [[nodiscard]] wire::AllowedRequest Allowed() const {
    wire::AllowedRequest allowed;
    allowed.set_request_id(id_);
    allowed.set_method("GET");
    allowed.set_path("/x");
    allowed.mutable_question()->set_api_id("a1");
    allowed.mutable_question()->set_tls(true);
    const TestCert leaf = CertBuilder("CN=presented").SelfSign();
    allowed.mutable_question()->add_chain_der(leaf.der);
    allowed.mutable_question()->set_proof(wire::PROOF_TLS);
    allowed.set_leaf_sha256(std::string(64, 'a'));
    allowed.mutable_identity()->set_name("partner");
    allowed.mutable_identity()->set_key_id("k1");
    allowed.mutable_identity()->add_policy_ids("p1");
    allowed.set_revision(3);
    allowed.set_target("https://up.test");
    allowed.set_upstream("192.0.2.1:443");
    allowed.set_status(200);
    return allowed;
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<wire::Distribution::Stub> distribution_;
  const std::string id_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<wire::Update>> reader_;
  std::thread thread_;
};

grpc::Status ExplainById(ServerWorld& world, const std::string& id, wire::ExplainResponse* response,
                         const std::string& role = "reader") {
  const auto stub = wire::Authorization::NewStub(world.As(role));
  wire::ExplainRequest request;
  request.set_request_id(id);
  grpc::ClientContext context;
  SetDeadline(&context);
  return stub->Explain(&context, request, response);
}

TEST(Explain, ARefusalThatWasReported) {
  ServerWorld world;
  world.PutKeylessApi("a1");
  {
    const auto stub = wire::Telemetry::NewStub(world.As("dataplane"));
    grpc::ClientContext context;
    SetDeadline(&context);
    wire::ReportResponse none;
    const auto writer = stub->Report(&context, &none);
    wire::ReportRequest report;
    auto* refusal = report.add_refusals();
    refusal->set_request_id("req-1");
    refusal->set_api_id("a1");
    refusal->set_reason(10);
    refusal->mutable_question()->set_api_id("a1");
    refusal->mutable_question()->set_tls(true);
    ASSERT_TRUE(writer->Write(report));
    writer->WritesDone();
    ASSERT_TRUE(writer->Finish().ok());
  }
  wire::ExplainResponse response;
  ASSERT_TRUE(ExplainById(world, "req-1", &response).ok());
  ASSERT_TRUE(response.found());
  EXPECT_THAT(response.steps(0).text(), HasSubstr("CERT_REQUIRED"));
  EXPECT_EQ(response.decision().reason(), 10U) << "as it was, whatever is decided now";
  EXPECT_EQ(response.steps(1).stage(), "now");
  EXPECT_THAT(response.steps(1).text(), HasSubstr(": allowed")) << "the API is keyless";
  ASSERT_TRUE(ExplainById(world, "unheard", &response).ok());
  EXPECT_FALSE(response.found());
}

void WaitLong(RpcServerOptions* options) { options->lookup_patience = absl::Minutes(1); }

TEST(Explain, ARequestThatWasLetInIsFoundAtItsDataPlane) {
  ServerWorld world(&WaitLong);
  world.PutKeylessApi("a1");
  const FakeDataplane a(world, "a", "other");
  const FakeDataplane b(world, "b", "req-1");
  wire::ExplainResponse response;
  ASSERT_TRUE(ExplainById(world, "req-1", &response).ok());
  ASSERT_TRUE(response.found());
  EXPECT_EQ(response.replica(), "b");
  EXPECT_EQ(response.group(), "edge");
  EXPECT_EQ(response.asked(), 2U);
  EXPECT_EQ(response.decision().reason(), 0U);
  EXPECT_EQ(response.decision().identity().key_id(), "k1");
  EXPECT_EQ(response.decision().revision(), 3U);
  std::string text;
  for (const auto& step : response.steps()) text += step.stage() + ": " + step.text() + "\n";
  EXPECT_THAT(text, HasSubstr("request: "));
  EXPECT_THAT(text, HasSubstr("on API a1 was let in by data plane b of group edge"));
  EXPECT_THAT(
      text,
      HasSubstr("certificate: presented 1 of 1, whose key was proven: CN=presented, issued by"));
  EXPECT_THAT(text, HasSubstr("key k1, policies p1, decided at revision 3"));
  EXPECT_THAT(text, HasSubstr("upstream: sent to https://up.test, address 192.0.2.1:443"));
  EXPECT_THAT(text, HasSubstr("now: asked again at revision"));
  EXPECT_THAT(text, HasSubstr("decide: "));
}

std::string Explained(ServerWorld& world, const std::string& api) {
  const auto stub = wire::Authorization::NewStub(world.As("reader"));
  wire::ExplainRequest request;
  request.mutable_question()->set_api_id(api);
  request.mutable_question()->set_tls(true);
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::ExplainResponse response;
  EXPECT_TRUE(stub->Explain(&context, request, &response).ok());
  std::string text;
  for (const auto& step : response.steps()) {
    text += absl::StrCat(step.passed() ? "" : "NOT ", step.stage(), ": ", step.text(), "\n");
  }
  return text;
}

TEST(Explain, WhoIsLetInHearsOfLimitsAndOfEachTargetsCertificate) {
  ServerWorld world;
  world.PutKeylessApi("a1", {}, [](wire::Api* api) {
    api->mutable_limits()->mutable_rate()->set_rate(10);
    api->mutable_limits()->mutable_rate()->set_per_seconds(60);
    api->mutable_limits()->mutable_quota()->set_max(500);
    auto* upstream = api->mutable_upstream();
    upstream->add_targets()->set_url("https://pinned.test/x");
    upstream->add_targets()->set_url("https://skipped.test:8443");
    (*upstream->mutable_pins()->mutable_pins())["pinned.test"].add_spki_sha256(
        std::string(64, 'a'));
    (*upstream->mutable_client_certificates()->mutable_certificate_ids())["skipped.test:8443"] =
        "not-there";
  });
  const std::string text = Explained(world, "a1");
  EXPECT_THAT(text, HasSubstr("limits: counted by each data plane for itself: API a1: 10 requests "
                              "per 1m and a quota of "
                              "500 requests, never renewed\n"));
  EXPECT_THAT(text, HasSubstr("\nupstream: target http://127.0.0.1:1: plain HTTP"));
  EXPECT_THAT(text, HasSubstr("\nupstream: target https://pinned.test/x: without a client "
                              "certificate, its key pinned to "
                              "one of 1 in place of verification\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "\nNOT upstream: target https://skipped.test:8443: refused before it is spoken to: "));

  world.PutKeylessApi("proxied", {}, [](wire::Api* api) {
    auto* upstream = api->mutable_upstream();
    upstream->add_targets()->set_url("https://inner.test/x");
    upstream->mutable_forward_proxy()->set_url("http://proxy.test:3128");
  });
  const std::string proxied = Explained(world, "proxied");
  EXPECT_THAT(proxied, HasSubstr("\nupstream: target https://inner.test/x: by CONNECT through "
                                 "forward proxy proxy.test:3128, without a client certificate"));
  EXPECT_THAT(proxied,
              HasSubstr("\nupstream: target http://127.0.0.1:1: by CONNECT through forward "
                        "proxy proxy.test:3128, plain HTTP"));

  world.PutKeylessApi("a2", {}, [](wire::Api* api) {
    api->set_disable_rate_limit(true);
    api->mutable_limits()->mutable_rate()->set_rate(10);
    api->mutable_limits()->mutable_rate()->set_per_seconds(60);
  });
  EXPECT_THAT(Explained(world, "a2"),
              HasSubstr("limits: no rate limit and no quota counts these requests\n"));
}

TEST(Explain, WhoIsRefusedHearsOfNeither) {
  ServerWorld world;
  world.PutKeylessApi("a1", {}, [](wire::Api* api) {
    api->set_keyless(false);
    api->mutable_token()->set_enabled(true);
  });
  const std::string text = Explained(world, "a1");
  EXPECT_THAT(text, HasSubstr("NOT "));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("limits: ")));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("upstream: ")));
}

TEST(Explain, NobodyHasIt) {
  ServerWorld world(&WaitLong);
  const FakeDataplane a(world, "a", "other");
  const FakeDataplane off(world, "off", "", false);
  wire::ExplainResponse response;
  ASSERT_TRUE(ExplainById(world, "req-1", &response).ok());
  EXPECT_FALSE(response.found());
  EXPECT_EQ(response.asked(), 1U);
  EXPECT_EQ(response.unanswered_size(), 0);
  ASSERT_EQ(response.not_asked_size(), 1);
  EXPECT_EQ(response.not_asked(0), "off (group edge)");
}

TEST(Explain, OneThatDoesNotAnswerIsNamed) {
  ServerWorld world(
      [](RpcServerOptions* options) { options->lookup_patience = absl::Milliseconds(200); });
  const auto stub = wire::Distribution::NewStub(world.As("dataplane"));
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::SubscribeRequest request;
  request.set_name("silent");
  request.set_keeps_allowed(true);
  const auto reader = stub->Subscribe(&context, request);
  wire::Update update;
  ASSERT_TRUE(reader->Read(&update));
  wire::ExplainResponse response;
  ASSERT_TRUE(ExplainById(world, "req-1", &response).ok());
  EXPECT_FALSE(response.found());
  ASSERT_EQ(response.unanswered_size(), 1);
  EXPECT_EQ(response.unanswered(0), "silent (group edge)");
  context.TryCancel();
  (void)reader->Finish();
}

TEST(Explain, HostileIdsAreRefusedAtTheDoorAndRolesHold) {
  ServerWorld world;
  wire::ExplainResponse response;
  for (const std::string& id :
       {std::string(65, 'a'), std::string("a b"), std::string("a\x1b[2J"), std::string("../x"),
        std::string("a\0b", 3), std::string(100'000, 'a')}) {
    EXPECT_EQ(ExplainById(world, id, &response).error_code(), StatusCode::INVALID_ARGUMENT)
        << id.substr(0, 70);
  }
  for (const char* role : {"dataplane", "decision"}) {
    EXPECT_EQ(ExplainById(world, "req-1", &response, role).error_code(),
              StatusCode::PERMISSION_DENIED)
        << role;
  }
}

TEST(Explain, TheEndOfTheServerEndsTheWait) {
  ServerWorld world(&WaitLong);
  const auto stub = wire::Distribution::NewStub(world.As("dataplane"));
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::SubscribeRequest request;
  request.set_name("silent");
  request.set_keeps_allowed(true);
  const auto reader = stub->Subscribe(&context, request);
  wire::Update update;
  ASSERT_TRUE(reader->Read(&update));
  std::thread asking([&world] {
    wire::ExplainResponse response;
    EXPECT_TRUE(ExplainById(world, "req-1", &response).ok()) << "answered, not cut";
    EXPECT_FALSE(response.found());
  });
  ASSERT_TRUE(ReadUntil(reader, &update, [](const wire::Update& got) { return got.has_lookup(); }));
  world.server().Stop(absl::Seconds(10));
  asking.join();
  (void)reader->Finish();
}

}  // namespace
}  // namespace sallyport::authsvc
