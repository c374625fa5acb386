// Who may call: refusals over real mutual TLS.
#include "authsvc/rpc/call.h"
#include "authsvc/rpc/parts.h"
#include "tests/unit/authsvc/rpc/server_world.h"

namespace sallyport::authsvc {
namespace {

using grpc::StatusCode;

StatusCode Authorize(const std::shared_ptr<grpc::Channel>& channel, const std::string& api,
                     wire::Decision* decision = nullptr, uint64_t min_revision = 0) {
  const auto stub = wire::Authorization::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::AuthorizeRequest request;
  request.set_api_id(api);
  request.set_tls(true);
  request.set_min_revision(min_revision);
  wire::AuthorizeResponse response;
  const grpc::Status status = stub->Authorize(&context, request, &response);
  if (decision != nullptr) *decision = response.decision();
  return status.error_code();
}

StatusCode Status(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = wire::Admin::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::StatusResponse response;
  return stub->Status(&context, {}, &response).error_code();
}

TEST(Caller, WithoutCertificateNothingIsAnswered) {
  ServerWorld world;
  EXPECT_EQ(Status(world.Channel(nullptr)), StatusCode::UNAVAILABLE);
}

TEST(Caller, ExpiredOrForeignCertificateNothingIsAnswered) {
  ServerWorld world;
  const TestCert expired =
      CertBuilder("CN=x").Uri(ServerWorld::Uri("admin")).Expired().SignBy(world.ca());
  EXPECT_EQ(Status(world.Channel(&expired)), StatusCode::UNAVAILABLE);
  const TestCert other_ca = CertBuilder("CN=Control CA").Ca().SelfSign();  // same name, another key
  const TestCert foreign = CertBuilder("CN=x").Uri(ServerWorld::Uri("admin")).SignBy(other_ca);
  EXPECT_EQ(Status(world.Channel(&foreign)), StatusCode::UNAVAILABLE);
  const TestCert self = CertBuilder("CN=x").Uri(ServerWorld::Uri("admin")).SelfSign();
  EXPECT_EQ(Status(world.Channel(&self)), StatusCode::UNAVAILABLE);
}

TEST(Caller, TheCommonNameIsNoRole) {
  ServerWorld world;
  const TestCert named = CertBuilder("CN=admin").Dns("admin").SignBy(world.ca());
  EXPECT_EQ(Status(world.Channel(&named)), StatusCode::PERMISSION_DENIED);
  const TestCert two = CertBuilder("CN=x")
                           .Uri(ServerWorld::Uri("admin"))
                           .Uri(ServerWorld::Uri("reader"))
                           .SignBy(world.ca());
  EXPECT_EQ(Status(world.Channel(&two)), StatusCode::PERMISSION_DENIED);
}

TEST(Caller, ExplicitMapNamesARole) {
  ServerWorld world;
  const TestCert mapped = CertBuilder("CN=x").Dns("mapped.test").SignBy(world.ca());
  EXPECT_EQ(Status(world.Channel(&mapped)), StatusCode::OK);
  EXPECT_EQ(Authorize(world.Channel(&mapped), "a1"), StatusCode::PERMISSION_DENIED);
}

TEST(Caller, EachRoleHasItsMethods) {
  ServerWorld world;
  world.PutKeylessApi("a1");
  EXPECT_EQ(Authorize(world.As("dataplane"), "a1"), StatusCode::OK);
  EXPECT_EQ(Authorize(world.As("decision"), "a1"), StatusCode::OK);
  EXPECT_EQ(Authorize(world.As("admin"), "a1"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Authorize(world.As("reader"), "a1"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Status(world.As("admin")), StatusCode::OK);
  EXPECT_EQ(Status(world.As("reader")), StatusCode::OK);
  EXPECT_EQ(Status(world.As("dataplane")), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Status(world.As("decision")), StatusCode::PERMISSION_DENIED);
}

TEST(Caller, OnlyADataPlaneGetsUpstreamCredentials) {
  ServerWorld world;
  for (const char* role : {"decision", "reader", "admin"}) {
    const auto stub = wire::Authorization::NewStub(world.As(role));
    grpc::ClientContext context;
    SetDeadline(&context);
    wire::ResolveUpstreamResponse response;
    EXPECT_EQ(stub->ResolveUpstream(&context, {}, &response).error_code(),
              StatusCode::PERMISSION_DENIED)
        << role;
    const auto distribution = wire::Distribution::NewStub(world.As(role));
    grpc::ClientContext second;
    SetDeadline(&second);
    wire::ResolveServerResponse server;
    EXPECT_EQ(distribution->ResolveServer(&second, {}, &server).error_code(),
              StatusCode::PERMISSION_DENIED)
        << role;
    grpc::ClientContext third;
    SetDeadline(&third);
    const auto reader = distribution->Subscribe(&third, {});
    wire::Update update;
    EXPECT_FALSE(reader->Read(&update));
    EXPECT_EQ(reader->Finish().error_code(), StatusCode::PERMISSION_DENIED) << role;
    const auto telemetry = wire::Telemetry::NewStub(world.As(role));
    grpc::ClientContext fourth;
    SetDeadline(&fourth);
    wire::ReportResponse reported;
    const auto writer = telemetry->Report(&fourth, &reported);
    writer->WritesDone();
    EXPECT_EQ(writer->Finish().error_code(), StatusCode::PERMISSION_DENIED) << role;
  }
}

TEST(Caller, AnApiOfAnotherGroupDoesNotExistForADataPlane) {
  ServerWorld world;
  world.PutKeylessApi("edge-api", {"edge"});
  world.PutKeylessApi("core-api", {"core"});
  wire::Decision decision;
  ASSERT_EQ(Authorize(world.As("dataplane", "edge"), "edge-api", &decision), StatusCode::OK);
  EXPECT_EQ(decision.reason(), 0U);
  EXPECT_FALSE(decision.asserted());
  ASSERT_EQ(Authorize(world.As("dataplane", "edge"), "core-api", &decision), StatusCode::OK);
  EXPECT_NE(decision.reason(), 0U);
  ASSERT_EQ(Authorize(world.As("decision"), "core-api", &decision), StatusCode::OK);
  EXPECT_TRUE(decision.asserted());
}

TEST(Caller, ARequestThatIsTooLargeIsRefused) {
  ServerWorld world;
  const auto stub = wire::Authorization::NewStub(world.As("dataplane"));
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::AuthorizeRequest request;
  request.set_api_id(std::string(100 << 10, 'x'));
  wire::AuthorizeResponse response;
  EXPECT_EQ(stub->Authorize(&context, request, &response).error_code(),
            StatusCode::INVALID_ARGUMENT);
  grpc::ClientContext second;
  SetDeadline(&second);
  request.set_api_id(std::string(70 << 20, 'x'));
  EXPECT_EQ(stub->Authorize(&second, request, &response).error_code(),
            StatusCode::RESOURCE_EXHAUSTED);
}

TEST(Caller, NoRoleMayAskWithMoreThanAQuestionHasUseFor) {
  const ServiceParts parts;
  const auto code = [&parts](Role role, absl::string_view service, absl::string_view method,
                             size_t bytes) {
    Peer peer;
    peer.role = role;
    wire::AuthorizeRequest request;
    request.set_api_id(std::string(bytes, 'x'));
    return CheckCaller(parts, peer, service, method, &request).error_code();
  };
  EXPECT_EQ(code(Role::kDecision, "Authorization", "Authorize", 300 << 10),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code(Role::kDataplane, "Authorization", "ResolveUpstream", 70 << 10),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code(Role::kDataplane, "Distribution", "Subscribe", 70 << 10),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code(Role::kDecision, "Authorization", "ValidateCertificate", 3 << 20),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code(Role::kAdmin, "Authorization", "Explain", 3 << 20), StatusCode::INVALID_ARGUMENT)
      << "an admin neither";
  EXPECT_EQ(code(Role::kDataplane, "Telemetry", "Report", 5 << 20), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code(Role::kDecision, "Authorization", "Authorize", 150 << 10), StatusCode::OK)
      << "eight certificates";
  EXPECT_EQ(code(Role::kDataplane, "Telemetry", "Report", 3 << 20), StatusCode::OK);
  EXPECT_EQ(code(Role::kAdmin, "Admin", "Apply", 20 << 20), StatusCode::OK);
}

TEST(Caller, ARevisionThatIsNotHereIsUnavailable) {
  ServerWorld world;
  world.PutKeylessApi("a1");
  const auto channel = world.As("dataplane");
  const uint64_t now = world.writer().snapshot()->revision();
  EXPECT_EQ(Authorize(channel, "a1", nullptr, now), StatusCode::OK);
  EXPECT_EQ(Authorize(channel, "a1", nullptr, now + 1), StatusCode::UNAVAILABLE);
}

TEST(Server, RefusesToStartWithoutUsableFilesOrPort) {
  ServerWorld world;
  const RoleMap roles("test", {});
  RpcServerOptions options;
  options.address = "127.0.0.1";
  const RpcServerParts parts{&base::SystemClock(), &roles,  &world.writer(), &world.hub(),
                             &world.replicas(),    nullptr, nullptr,         &world.book()};
  EXPECT_EQ(RpcServer::Start(options, parts).status().code(), absl::StatusCode::kInvalidArgument);
  options.tls.path = "/nonexistent";
  EXPECT_EQ(RpcServer::Start(options, parts).status().code(), absl::StatusCode::kNotFound);
  options.tls.path = world.directory();
  options.port = world.server().port();
  EXPECT_EQ(RpcServer::Start(options, parts).status().code(), absl::StatusCode::kUnavailable);
  WriteText(options.tls.key(), "no key\n");
  options.port = 0;
  EXPECT_FALSE(RpcServer::Start(options, parts).ok());
}

}  // namespace
}  // namespace sallyport::authsvc
