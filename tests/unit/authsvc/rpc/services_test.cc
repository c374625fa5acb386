// What the services answer to those who may call.
#include <gmock/gmock.h>

#include <thread>

#include "authsvc/rpc/validate.h"
#include "shared/base/text.h"
#include "tests/unit/authsvc/rpc/server_world.h"

namespace sallyport::authsvc {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

TEST(Subscribe, SnapshotThenChangesThenAcknowledgement) {
  ServerWorld world;
  world.PutKeylessApi("first", {"edge"});
  world.PutKeylessApi("elsewhere", {"core"});
  const auto channel = world.As("dataplane", "edge");
  const auto stub = wire::Distribution::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::SubscribeRequest request;
  request.set_name("r1");
  const auto reader = stub->Subscribe(&context, request);
  wire::Update update;
  ASSERT_TRUE(reader->Read(&update));
  ASSERT_TRUE(update.has_snapshot());
  std::string ids;
  for (const auto& change : update.snapshot().routes()) ids += change.put().api_id() + ";";
  EXPECT_THAT(ids, HasSubstr("first;"));
  EXPECT_THAT(ids, ::testing::Not(HasSubstr("elsewhere")));

  world.PutKeylessApi("second");
  ASSERT_TRUE(ReadUntil(reader, &update, [](const wire::Update& got) { return got.has_change(); }));
  EXPECT_EQ(update.change().routes(0).put().api_id(), "second");
  ASSERT_EQ(world.replicas().List().size(), 1U);
  EXPECT_FALSE(
      world.replicas().WaitAcknowledged(update.epoch(), update.revision(), absl::ZeroDuration()));

  wire::AcknowledgeRequest done;
  done.set_name("r1");
  done.set_epoch(update.epoch());
  done.set_revision(update.revision());
  wire::AcknowledgeResponse none;
  grpc::ClientContext second;
  SetDeadline(&second);
  ASSERT_TRUE(stub->Acknowledge(&second, done, &none).ok());
  EXPECT_TRUE(
      world.replicas().WaitAcknowledged(update.epoch(), update.revision(), absl::ZeroDuration()));

  world.hub().Beat();
  ASSERT_TRUE(
      ReadUntil(reader, &update, [](const wire::Update& got) { return got.has_heartbeat(); }));
  EXPECT_EQ(update.heartbeat().connected_replicas(), 1U);
  context.TryCancel();
  (void)reader->Finish();
}

TEST(Subscribe, ResumesWithoutASnapshot) {
  ServerWorld world;
  world.PutKeylessApi("first");
  const SnapshotPtr then = world.writer().snapshot();
  world.PutKeylessApi("second");
  const auto stub = wire::Distribution::NewStub(world.As("dataplane"));
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::SubscribeRequest request;
  request.set_name("r1");
  request.mutable_resume()->set_store_id(then->store_id());
  request.mutable_resume()->set_epoch(then->epoch());
  request.mutable_resume()->set_revision(then->revision());
  const auto reader = stub->Subscribe(&context, request);
  wire::Update update;
  ASSERT_TRUE(reader->Read(&update));
  ASSERT_TRUE(update.has_change());
  EXPECT_EQ(update.change().routes(0).put().api_id(), "second");
  // What it resumed from counts as applied: no acknowledgement of it will come again.
  EXPECT_TRUE(
      world.replicas().WaitAcknowledged(then->epoch(), then->revision(), absl::ZeroDuration()));
  context.TryCancel();
  (void)reader->Finish();
}

TEST(Subscribe, EndsWithOkAtItsAgeAndUnavailableAtShutdown) {
  ServerWorld world(
      [](RpcServerOptions* options) { options->max_connection_age = absl::Milliseconds(50); });
  const auto stub = wire::Distribution::NewStub(world.As("dataplane"));
  wire::SubscribeRequest request;
  request.set_name("r1");
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    const auto reader = stub->Subscribe(&context, request);
    wire::Update update;
    ASSERT_TRUE(reader->Read(&update));
    const absl::Duration until = base::SystemClock().Monotonic() + absl::Milliseconds(60);
    while (base::SystemClock().Monotonic() < until) std::this_thread::yield();
    world.hub().Beat();  // something to say, so that it looks at its age
    while (reader->Read(&update)) {
    }
    EXPECT_TRUE(reader->Finish().ok());
  }
  ServerWorld other;
  const auto second = wire::Distribution::NewStub(other.As("dataplane"));
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto reader = second->Subscribe(&context, request);
  wire::Update update;
  ASSERT_TRUE(reader->Read(&update));
  other.server().Stop(absl::Seconds(5));
  while (reader->Read(&update)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), StatusCode::UNAVAILABLE);
}

TEST(Admin, KeysLifeWithAToken) {
  ServerWorld world;
  world.PutKeylessApi("a1");
  const auto stub = wire::Admin::NewStub(world.As("admin"));
  wire::CreateKeyRequest create;
  create.mutable_key()->set_alias("partner");
  create.mutable_key()->add_access_rights()->set_api_id("a1");
  create.set_with_token(true);
  wire::CreateKeyResponse created;
  grpc::ClientContext context;
  SetDeadline(&context);
  const grpc::Status status = stub->CreateKey(&context, create, &created);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(created.token().empty());

  // Reading shows no hash, and writing back what was read keeps the token.
  wire::GetRequest get;
  get.set_kind("Key");
  get.set_id(created.id());
  wire::GetResponse got;
  grpc::ClientContext second;
  SetDeadline(&second);
  ASSERT_TRUE(stub->Get(&second, get, &got).ok());
  EXPECT_EQ(got.resource().key().token_sha256_size(), 0);
  wire::PutRequest put;
  *put.mutable_resource() = got.resource();
  put.mutable_resource()->mutable_key()->set_inactive(true);
  wire::PutResponse written;
  grpc::ClientContext third;
  SetDeadline(&third);
  const grpc::Status put_status = stub->Put(&third, put, &written);
  ASSERT_TRUE(put_status.ok()) << put_status.error_message();
  const KeyEntry* entry = world.writer().snapshot()->FindKey(created.id());
  ASSERT_NE(entry, nullptr);
  EXPECT_TRUE(entry->key.inactive());
  EXPECT_EQ(entry->key.token_sha256_size(), 1);

  // A revision that has passed is refused.
  put.set_expected_revision(1);
  grpc::ClientContext fourth;
  SetDeadline(&fourth);
  EXPECT_EQ(stub->Put(&fourth, put, &written).error_code(), StatusCode::ABORTED);

  wire::RotateKeyRequest rotate;
  rotate.set_id(created.id());
  wire::CreateKeyResponse rotated;
  grpc::ClientContext fifth;
  SetDeadline(&fifth);
  ASSERT_TRUE(stub->RotateKey(&fifth, rotate, &rotated).ok());
  EXPECT_NE(rotated.token(), created.token());
}

TEST(Admin, PrivateKeysGoInAndNeverComeOut) {
  ServerWorld world;
  const auto stub = wire::Admin::NewStub(world.As("admin"));
  const TestCert pair = CertBuilder("CN=upstream").SelfSign();
  wire::AddCertificateRequest add;
  add.set_content(pair.Pem() + pair.KeyPem());
  add.set_name("up");
  wire::AddCertificateResponse added;
  grpc::ClientContext context;
  SetDeadline(&context);
  const grpc::Status status = stub->AddCertificate(&context, add, &added);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_TRUE(world.writer().snapshot()->FindCertificateById(added.id())->has_private_key());

  wire::GetRequest get;
  get.set_kind("certificate");
  get.set_id(added.id());
  wire::GetResponse got;
  grpc::ClientContext second;
  SetDeadline(&second);
  ASSERT_TRUE(stub->Get(&second, get, &got).ok());
  EXPECT_FALSE(got.resource().certificate().has_private_key());
  const std::string all = got.SerializeAsString();
  EXPECT_EQ(all.find(pair.KeyDer()), std::string::npos);
  EXPECT_EQ(all.find("PRIVATE KEY"), std::string::npos);

  wire::PutRequest put;
  *put.mutable_resource() = got.resource();
  put.mutable_resource()->mutable_certificate()->mutable_private_key()->set_ciphertext("x");
  wire::PutResponse written;
  grpc::ClientContext third;
  SetDeadline(&third);
  EXPECT_EQ(stub->Put(&third, put, &written).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST(Admin, APasswordForAForwardProxyIsGivenByApplyAndNeverShown) {
  ServerWorld world;
  const auto stub = wire::Admin::NewStub(world.As("admin"));
  wire::ApplyRequest apply;
  apply.add_documents()->set_content(R"({"apiVersion": "sallyport/v1", "kind": "Api",
      "metadata": {"name": "a1"}, "spec": {"listenPath": "/a/", "token": {"enabled": true},
      "upstream": {"targets": [{"url": "https://up/"}], "forwardProxy":
      {"url": "http://proxy:3128", "username": "ali", "password": "open sesame"}}}})");
  wire::ApplyResponse applied;
  grpc::ClientContext first;
  SetDeadline(&first);
  const grpc::Status apply_status = stub->Apply(&first, apply, &applied);
  ASSERT_TRUE(apply_status.ok()) << apply_status.error_message();
  ASSERT_TRUE(applied.applied()) << applied.ShortDebugString();
  const auto password = [&] {
    const auto snapshot = world.writer().snapshot();
    const auto opened = world.writer().OpenProxyPassword(snapshot->FindApi("a1")->api);
    return opened.ok() ? std::string(opened->Reveal()) : opened.status().ToString();
  };
  EXPECT_EQ(password(), "open sesame");

  wire::GetRequest get;
  get.set_kind("Api");
  get.set_id("a1");
  wire::GetResponse got;
  grpc::ClientContext second;
  SetDeadline(&second);
  ASSERT_TRUE(stub->Get(&second, get, &got).ok());
  EXPECT_FALSE(got.resource().api().upstream().forward_proxy().has_sealed_password());
  wire::ListRequest list;
  list.set_kind("Api");
  wire::ListResponse listed;
  grpc::ClientContext third;
  SetDeadline(&third);
  ASSERT_TRUE(stub->List(&third, list, &listed).ok());
  ASSERT_EQ(listed.resources_size(), 1);
  EXPECT_FALSE(listed.resources(0).api().upstream().forward_proxy().has_sealed_password());
  for (const std::string& shown :
       {got.SerializeAsString(), listed.SerializeAsString(), applied.SerializeAsString()})
    EXPECT_EQ(shown.find("open sesame"), std::string::npos);

  wire::PutRequest put;
  *put.mutable_resource() = got.resource();
  wire::PutResponse written;
  grpc::ClientContext fourth;
  SetDeadline(&fourth);
  EXPECT_TRUE(stub->Put(&fourth, put, &written).ok()) << "what was read can be put back";
  EXPECT_EQ(password(), "open sesame");
  put.mutable_resource()
      ->mutable_api()
      ->mutable_upstream()
      ->mutable_forward_proxy()
      ->mutable_sealed_password()
      ->set_ciphertext("x");
  grpc::ClientContext fifth;
  SetDeadline(&fifth);
  EXPECT_EQ(stub->Put(&fifth, put, &written).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST(Admin, ListsInPagesAndNamesWhatIsWrong) {
  ServerWorld world;
  for (int i = 0; i < 5; ++i) world.PutKeylessApi("a" + std::to_string(i));
  const auto stub = wire::Admin::NewStub(world.As("reader"));
  wire::ListRequest list;
  list.set_kind("Api");
  list.set_page_size(2);
  std::string ids;
  int pages = 0;
  do {
    wire::ListResponse response;
    grpc::ClientContext context;
    SetDeadline(&context);
    ASSERT_TRUE(stub->List(&context, list, &response).ok());
    for (const auto& resource : response.resources()) ids += resource.api().id();
    list.set_page_token(response.next_page_token());
    ++pages;
  } while (!list.page_token().empty() && pages < 10);
  EXPECT_EQ(ids, "a0a1a2a3a4");
  wire::ListResponse response;
  grpc::ClientContext context;
  SetDeadline(&context);
  list.set_kind("Pod");
  EXPECT_EQ(stub->List(&context, list, &response).error_code(), StatusCode::INVALID_ARGUMENT);
  wire::GetRequest get;
  get.set_kind("Api");
  get.set_id("none");
  wire::GetResponse got;
  grpc::ClientContext second;
  SetDeadline(&second);
  EXPECT_EQ(stub->Get(&second, get, &got).error_code(), StatusCode::NOT_FOUND);
  wire::DeleteRequest erase;
  erase.set_kind("Api");
  erase.set_id("a0");
  wire::DeleteResponse erased;
  grpc::ClientContext third;
  SetDeadline(&third);
  EXPECT_EQ(stub->Delete(&third, erase, &erased).error_code(), StatusCode::PERMISSION_DENIED);
}

TEST(Admin, WatchTellsWhatHappens) {
  ServerWorld world;
  const auto stub = wire::Admin::NewStub(world.As("reader"));
  world.PutKeylessApi("a1");
  const uint64_t revision = world.writer().snapshot()->revision();
  world.PutKeylessApi("a2");
  grpc::ClientContext context;
  SetDeadline(&context);
  wire::WatchRequest request;
  request.set_after_revision(revision);
  const auto reader = stub->Watch(&context, request);
  wire::WatchEvent event;
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.id(), "a2");
  EXPECT_EQ(event.kind(), "Api");
  world.PutKeylessApi("a3");
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.id(), "a3");
  context.TryCancel();
  (void)reader->Finish();
}

TEST(Authorization, ValidateCertificateGivesTheFullFailure) {
  ServerWorld world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=leaf").SignBy(root);
  const TestCert expired = CertBuilder("CN=old").Expired().SignBy(root);
  const auto stub = wire::Authorization::NewStub(world.As("decision"));
  const auto ask = [&](wire::ValidateCertificateRequest request) {
    wire::ValidateCertificateResponse response;
    grpc::ClientContext context;
    SetDeadline(&context);
    const grpc::Status status = stub->ValidateCertificate(&context, request, &response);
    return std::pair(status.error_code(), response);
  };
  wire::ValidateCertificateRequest request;
  EXPECT_EQ(ask(request).first, StatusCode::INVALID_ARGUMENT);
  request.add_chain_der(leaf.der);
  request.add_trust_der(root.der);
  const auto valid = ask(request);
  EXPECT_TRUE(valid.second.valid());
  EXPECT_EQ(valid.second.path_size(), 2);
  request.set_chain_der(0, expired.der);
  const auto failed = ask(request);
  EXPECT_FALSE(failed.second.valid());
  EXPECT_EQ(failed.second.failure().reason(), static_cast<uint32_t>(base::Reason::kCertExpired));
  request.set_time_unix(absl::ToUnixSeconds(expired.cert->not_after) + 1);
  EXPECT_FALSE(ask(request).second.valid());
  request.set_chain_der(0, leaf.der + "x");
  EXPECT_EQ(ask(request).second.failure().reason(),
            static_cast<uint32_t>(base::Reason::kCertMalformed));
  request.set_purpose("anything");
  EXPECT_EQ(ask(request).first, StatusCode::INVALID_ARGUMENT);
  request.clear_purpose();
  request.set_api_id("none");
  EXPECT_EQ(ask(request).first, StatusCode::NOT_FOUND);
}

// As a decision would: the compiled lists, their depth, the deny list.
TEST(Authorization, ValidateCertificateHoldsAChainAgainstTheListsOfAnApi) {
  ServerWorld world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert middle = CertBuilder("CN=Middle").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=leaf").SignBy(middle);
  const TestCert listed = CertBuilder("CN=listed").SelfSign();
  for (const TestCert* one : {&root, &listed}) {
    wire::Resource certificate;
    certificate.mutable_certificate()->set_org_id("org");
    certificate.mutable_certificate()->add_chain_der(one->der);
    world.Put(certificate);
  }
  wire::Resource api;
  api.mutable_api()->set_id("a1");
  api.mutable_api()->set_org_id("org");
  api.mutable_api()->set_listen_path("/a/");
  api.mutable_api()->set_keyless(true);
  api.mutable_api()->mutable_upstream()->add_targets()->set_url("http://127.0.0.1:1");
  wire::ClientTls* tls = api.mutable_api()->mutable_client_tls();
  tls->set_static_mtls(wire::REQUIREMENT_MANDATORY);
  for (const TestCert* one : {&root, &listed}) {
    tls->add_allowlist()->set_certificate_id(crypto::CertificateId("org", *one->cert));
  }
  world.Put(api);
  const auto ask = [&](std::vector<const TestCert*> chain) {
    wire::ValidateCertificateRequest request;
    request.set_api_id("a1");
    for (const TestCert* one : chain) request.add_chain_der(one->der);
    const auto response = ValidateCertificate(*world.writer().snapshot(), request, std::nullopt,
                                              absl::Now(), nullptr);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : wire::ValidateCertificateResponse();
  };
  EXPECT_EQ(ask({&leaf, &middle}).path_size(), 3);
  EXPECT_EQ(ask({&listed}).path_size(), 1);
  const TestCert stranger = CertBuilder("CN=stranger").SelfSign();
  EXPECT_FALSE(ask({&stranger}).valid());
  const TestCert middle2 = CertBuilder("CN=Middle 2").Ca().SignBy(middle);
  const TestCert deep = CertBuilder("CN=deep").SignBy(middle2);
  EXPECT_TRUE(ask({&deep, &middle2, &middle}).valid());
  tls->set_max_depth(1);
  world.Put(api);
  EXPECT_FALSE(ask({&deep, &middle2, &middle}).valid());
  EXPECT_TRUE(ask({&leaf, &middle}).valid());
  wire::Resource settings;
  settings.mutable_settings()->set_id("gateway");
  settings.mutable_settings()->add_revoked()->set_tbs_sha256(listed.cert->tbs_sha256);
  world.Put(settings);
  EXPECT_EQ(ask({&listed}).failure().reason(), static_cast<uint32_t>(base::Reason::kCertRevoked));
}

// As within a handshake at a strict server name: what the answer depends on goes with it.
TEST(Authorization, ValidateCertificateHoldsAChainAgainstTrustBundles) {
  ServerWorld world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert other = CertBuilder("CN=Other").Ca().SelfSign();
  const TestCert middle = CertBuilder("CN=Middle").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=leaf").SignBy(root);
  const TestCert deep = CertBuilder("CN=deep").SignBy(middle);
  const TestCert stranger = CertBuilder("CN=stranger").SignBy(other);
  wire::Resource certificate;
  certificate.mutable_certificate()->set_org_id("org");
  certificate.mutable_certificate()->add_chain_der(root.der);
  world.Put(certificate);
  const std::string id = crypto::CertificateId("org", *root.cert);
  wire::Resource bundle;
  bundle.mutable_trust_bundle()->set_id("partners");
  bundle.mutable_trust_bundle()->add_certificate_ids(id);
  world.Put(bundle);
  wire::ValidateCertificateRequest request;
  request.add_trust_bundle_ids("partners");
  const auto ask = [&](std::vector<const TestCert*> chain) {
    request.clear_chain_der();
    for (const TestCert* one : chain) request.add_chain_der(one->der);
    const auto response = ValidateCertificate(*world.writer().snapshot(), request, std::nullopt,
                                              absl::Now(), nullptr);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : wire::ValidateCertificateResponse();
  };
  const auto valid = ask({&leaf});
  EXPECT_TRUE(valid.valid());
  EXPECT_EQ(valid.ttl_ms(), 60'000);
  EXPECT_THAT(valid.tags(),
              ::testing::UnorderedElementsAre("settings", "trust:partners", "cert:" + id,
                                              "leaf:" + base::Hex(leaf.cert->fingerprint)));
  const auto refused = ask({&stranger});
  EXPECT_FALSE(refused.valid());
  EXPECT_EQ(refused.failure().reason(), static_cast<uint32_t>(base::Reason::kCertUntrusted));
  EXPECT_EQ(refused.ttl_ms(), 5'000);
  EXPECT_THAT(refused.tags(), ::testing::Contains("trust:partners"));
  EXPECT_TRUE(ask({&deep, &middle}).valid());
  request.set_max_depth(1);
  EXPECT_TRUE(ask({&deep, &middle}).valid());
  const TestCert lower = CertBuilder("CN=Lower").Ca().SignBy(middle);
  const TestCert deeper = CertBuilder("CN=deeper").SignBy(lower);
  EXPECT_FALSE(ask({&deeper, &lower, &middle}).valid());
  // One that is not there admits nobody, and the answer goes when it comes.
  request.set_trust_bundle_ids(0, "later");
  const auto pending = ask({&leaf});
  EXPECT_FALSE(pending.valid());
  EXPECT_THAT(pending.tags(), ::testing::Contains("trust:later"));
}

TEST(Authorization, ValidateCertificateOfAnyIssuerLooksAtTheLeafAlone) {
  ServerWorld world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  wire::ValidateCertificateRequest request;
  request.set_any_issuer(true);
  const auto reason = [&](const TestCert& leaf) {
    request.clear_chain_der();
    request.add_chain_der(leaf.der);
    const auto response = ValidateCertificate(*world.writer().snapshot(), request, std::nullopt,
                                              absl::Now(), nullptr);
    EXPECT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->valid(), response->failure().reason() == 0);
    return base::ReasonFromNumber(response->failure().reason());
  };
  EXPECT_EQ(reason(CertBuilder("CN=own").LikeOpensslReq().SelfSign()), base::Reason::kAllowed);
  EXPECT_EQ(reason(CertBuilder("CN=leaf").SignBy(root)), base::Reason::kAllowed);
  EXPECT_EQ(reason(CertBuilder("CN=old").Expired().SignBy(root)), base::Reason::kCertExpired);
  EXPECT_EQ(reason(CertBuilder("CN=srv").ServerAuth().SignBy(root)), base::Reason::kCertWrongUsage);
  EXPECT_EQ(reason(CertBuilder("CN=weak").Key(testing::KeyType::kRsa1024).SignBy(root)),
            base::Reason::kCertWeakKey);
  const TestCert revoked = CertBuilder("CN=revoked").SignBy(root);
  wire::Resource settings;
  settings.mutable_settings()->set_id("gateway");
  settings.mutable_settings()->add_revoked()->set_tbs_sha256(revoked.cert->tbs_sha256);
  world.Put(settings);
  EXPECT_EQ(reason(revoked), base::Reason::kCertRevoked);
  for (const bool with_api : {false, true}) {
    wire::ValidateCertificateRequest both = request;
    if (with_api) both.set_api_id("a");
    if (!with_api) both.add_trust_bundle_ids("partners");
    EXPECT_EQ(
        ValidateCertificate(*world.writer().snapshot(), both, std::nullopt, absl::Now(), nullptr)
            .status()
            .code(),
        absl::StatusCode::kInvalidArgument);
  }
}

TEST(Metrics, CallsAndDecisionsAreCounted) {
  ServerWorld world;
  world.PutKeylessApi("a1");
  const auto stub = wire::Authorization::NewStub(world.As("decision"));
  for (const char* api : {"a1", "invented-by-the-caller"}) {
    wire::AuthorizeRequest request;
    request.set_api_id(api);
    request.set_tls(true);
    wire::AuthorizeResponse response;
    grpc::ClientContext context;
    SetDeadline(&context);
    ASSERT_TRUE(stub->Authorize(&context, request, &response).ok());
  }
  const std::string text = world.book().Render();
  EXPECT_THAT(text, HasSubstr("Authorization.Authorize"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("invented-by-the-caller")));
}

}  // namespace
}  // namespace sallyport::authsvc
