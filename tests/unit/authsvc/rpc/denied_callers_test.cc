// A control certificate on the deny list is nobody, also on what it has open already.
#include "authsvc/rpc/denied_callers.h"

#include <gmock/gmock.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "shared/base/text.h"
#include "tests/fakes/temp_folder.h"
#include "tests/unit/authsvc/rpc/server_world.h"

namespace sallyport::authsvc {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

std::shared_ptr<const DeniedCallers> List(const std::string& text) {
  auto list = DeniedCallers::Parse(text);
  EXPECT_TRUE(list.ok()) << list.status();
  return *list;
}

PeerCertificate Named(const std::string& uri) {
  PeerCertificate certificate;
  certificate.uri_sans = {uri};
  certificate.spki_sha256 = std::string(64, 'a');
  return certificate;
}

TEST(DeniedCallers, ByNameAndByKey) {
  const auto list =
      List(absl::StrCat("# gone\n\n  spiffe://test/sallyport/dataplane/edge/x # sold\r\n",
                        "spki-sha256:", std::string(64, 'B'), "\n"));
  EXPECT_EQ(list->size(), 2u);
  EXPECT_TRUE(list->Denies(Named("spiffe://test/sallyport/dataplane/edge/x")));
  EXPECT_FALSE(list->Denies(Named("spiffe://test/sallyport/dataplane/edge/xy")));
  EXPECT_FALSE(list->Denies(Named("spiffe://test/sallyport/dataplane/edge")));
  PeerCertificate other = Named("spiffe://test/sallyport/dataplane/edge/y");
  other.spki_sha256 = std::string(64, 'b');
  EXPECT_TRUE(list->Denies(other));
  EXPECT_TRUE(list->Denies(PeerCertificate())) << "whether it has that key cannot be told";
  EXPECT_FALSE(List("")->Denies(PeerCertificate()));
}

TEST(DeniedCallers, WhatItDoesNotUnderstandIsRefusedByLine) {
  for (const char* text :
       {"\nedge-1", "\nspki-sha256:ab", "\nspiffe://a b", "\nhttps://a/b", "\nSPIFFE://a"}) {
    EXPECT_THAT(std::string(DeniedCallers::Parse(text).status().message()), HasSubstr("line 2"))
        << text;
  }
  EXPECT_THAT(std::string(DeniedCallers::Parse(std::string(64, 'a')).status().message()),
              HasSubstr("a fingerprint does not do"));
}

TEST(DeniedCallers, FileIsTakenWhenItChangesAndKeptWhenItIsBroken) {
  const testing::TempFolder folder;
  const std::string path = folder.File("denied");
  RoleMap roles("test", {});
  EXPECT_FALSE(DeniedCallersFile::Start(path, &roles).ok());
  std::ofstream(path) << "";
  const auto file = DeniedCallersFile::Start(path, &roles);
  ASSERT_TRUE(file.ok()) << file.status();
  const PeerCertificate edge = Named("spiffe://test/sallyport/dataplane/edge/x");
  EXPECT_FALSE(roles.Denies(edge));
  EXPECT_FALSE((*file)->Look());
  std::ofstream(path) << "spiffe://test/sallyport/dataplane/edge/x\n";
  EXPECT_TRUE((*file)->Look());
  EXPECT_TRUE(roles.Denies(edge));
  EXPECT_FALSE((*file)->Look());
  std::ofstream(path) << "what is this\n";
  EXPECT_FALSE((*file)->Look());
  EXPECT_TRUE(roles.Denies(edge)) << "a broken list changes nothing";
  std::remove(path.c_str());
  EXPECT_FALSE((*file)->Look());
  EXPECT_TRUE(roles.Denies(edge)) << "one that is gone neither";
  std::ofstream(path) << "# nobody\n";
  EXPECT_FALSE((*file)->Look()) << "who writes it may not be through";
  EXPECT_TRUE(roles.Denies(edge));
  EXPECT_TRUE((*file)->Look());
  EXPECT_FALSE(roles.Denies(edge));
}

TEST(DeniedCallers, NobodyIsLetInByAFileThatIsBeingWritten) {
  const testing::TempFolder folder;
  const std::string path = folder.File("denied");
  const std::string first = "spiffe://test/sallyport/dataplane/edge/x\n",
                    second = "spiffe://test/sallyport/dataplane/edge/y\n";
  std::ofstream(path) << first << second;
  RoleMap roles("test", {});
  const auto file = DeniedCallersFile::Start(path, &roles);
  ASSERT_TRUE(file.ok()) << file.status();
  const PeerCertificate x = Named("spiffe://test/sallyport/dataplane/edge/x"),
                        y = Named("spiffe://test/sallyport/dataplane/edge/y");
  for (const std::string& text : {std::string(), first, std::string("# a line\n") + first}) {
    std::ofstream(path) << text;
    EXPECT_FALSE((*file)->Look()) << text;
    EXPECT_TRUE(roles.Denies(x) && roles.Denies(y)) << text;
  }
  std::ofstream(path) << first << "spiffe://test/sallyport/dataplane/edge/z\n" << second;
  EXPECT_TRUE((*file)->Look()) << "more are denied: at once";
  EXPECT_TRUE(roles.Denies(x) && roles.Denies(y) &&
              roles.Denies(Named("spiffe://test/sallyport/dataplane/edge/z")));
}

TEST(DeniedCallers, AKeyThatCannotBeReadIsDeniedWhereKeysAre) {
  PeerCertificate unread = Named("spiffe://test/sallyport/dataplane/edge/x");
  unread.spki_sha256.clear();
  EXPECT_TRUE(List("spki-sha256:" + std::string(64, 'a'))->Denies(unread));
  EXPECT_FALSE(List("spiffe://test/sallyport/dataplane/edge/other\n")->Denies(unread));
}

class DeniedServer : public ::testing::Test {
 protected:
  grpc::Status Status(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    SetDeadline(&context);
    wire::StatusResponse response;
    return wire::Admin::NewStub(channel)->Status(&context, {}, &response);
  }
  void Deny(const std::string& text) {
    world_.roles().Deny(List(text));
    world_.server().RecheckCallers();
  }
  ServerWorld world_;
};

TEST_F(DeniedServer, CallsOnOpenConnectionsAndNewOnesAreRefused) {
  const TestCert stolen = world_.Issue(ServerWorld::Uri("admin"));
  const auto open = world_.Channel(&stolen);
  EXPECT_TRUE(Status(open).ok());
  Deny(ServerWorld::Uri("admin"));
  const grpc::Status refused = Status(open);
  EXPECT_EQ(refused.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(refused.error_message(), HasSubstr("denied callers"));
  EXPECT_EQ(Status(world_.Channel(&stolen)).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(Status(world_.As("admin", "other")).ok()) << "another name is not concerned";
  Deny("");
  EXPECT_TRUE(Status(open).ok());
}

TEST_F(DeniedServer, ByKeyWhateverItsName) {
  const TestCert stolen = world_.Issue(ServerWorld::Uri("admin"));
  const TestCert again = CertBuilder("CN=again")
                             .Uri(ServerWorld::Uri("admin", "other"))
                             .Key(stolen.key)
                             .SignBy(world_.ca());
  Deny(absl::StrCat("spki-sha256:", base::Hex(stolen.cert->spki_sha256)));
  EXPECT_EQ(Status(world_.Channel(&stolen)).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Status(world_.Channel(&again)).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(Status(world_.As("admin")).ok()) << "the same name with a key of its own";
}

TEST_F(DeniedServer, LiveStreamsEnd) {
  const auto plane = world_.As("dataplane");
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::SubscribeRequest request;
  request.set_name("r1");
  const auto stub = wire::Distribution::NewStub(plane);
  const auto subscription = stub->Subscribe(&context, request);
  wire::Update update;
  ASSERT_TRUE(subscription->Read(&update));
  grpc::ClientContext watching;
  SetDeadline(&watching);
  const auto admin = wire::Admin::NewStub(world_.As("reader"));
  world_.PutKeylessApi("first");
  wire::WatchRequest from;
  from.set_after_revision(world_.writer().snapshot()->revision());
  const auto watch = admin->Watch(&watching, from);
  world_.PutKeylessApi("second");
  wire::WatchEvent event;
  ASSERT_TRUE(watch->Read(&event));

  Deny(absl::StrCat(ServerWorld::Uri("dataplane"), "\n", ServerWorld::Uri("reader")));
  while (subscription->Read(&update)) {
  }
  EXPECT_EQ(subscription->Finish().error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_FALSE(watch->Read(&event));
  EXPECT_EQ(watch->Finish().error_code(), StatusCode::PERMISSION_DENIED);
}

TEST_F(DeniedServer, TelemetryOfADeniedCallerIsNotTaken) {
  const auto stub = wire::Telemetry::NewStub(world_.As("dataplane"));
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::ReportResponse response;
  const auto stream = stub->Report(&context, &response);
  ASSERT_TRUE(stream->Write(wire::ReportRequest()));
  Deny(ServerWorld::Uri("dataplane"));
  while (stream->Write(wire::ReportRequest())) {
  }
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::PERMISSION_DENIED);
}

TEST_F(DeniedServer, StatusTellsOfCertificatesAndOfWhoIsGone) {
  const TestCert plane =
      CertBuilder("CN=plane")
          .Uri(ServerWorld::Uri("dataplane"))
          .Valid(absl::Now() - absl::Hours(1), absl::FromUnixSeconds(2'000'000'000))
          .SignBy(world_.ca());
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::SubscribeRequest request;
  request.set_name("r1");
  const auto stub = wire::Distribution::NewStub(world_.Channel(&plane));
  const auto stream = stub->Subscribe(&context, request);
  wire::Update update;
  ASSERT_TRUE(stream->Read(&update));
  const auto admin = wire::Admin::NewStub(world_.As("admin"));
  wire::StatusResponse status;
  const auto ask = [&] {
    grpc::ClientContext one;
    SetDeadline(&one);
    status.Clear();
    ASSERT_TRUE(admin->Status(&one, {}, &status).ok());
  };
  ask();
  EXPECT_GT(status.certificate_not_after_unix(), absl::ToUnixSeconds(absl::Now()));
  ASSERT_EQ(status.replicas_size(), 1);
  EXPECT_EQ(status.replicas(0).certificate_not_after_unix(), 2'000'000'000);
  EXPECT_EQ(status.gone_size(), 0);
  context.TryCancel();
  (void)stream->Finish();
  const absl::Time until = absl::Now() + absl::Seconds(20);
  while (status.gone_size() == 0 && absl::Now() < until) ask();
  ASSERT_EQ(status.gone_size(), 1);
  EXPECT_EQ(status.gone(0).name(), "r1");
  EXPECT_GT(status.gone(0).gone_unix(), 0);
  EXPECT_EQ(status.replicas_size(), 0);
}

}  // namespace
}  // namespace sallyport::authsvc
