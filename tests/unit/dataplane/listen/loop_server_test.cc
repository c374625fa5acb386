#include "dataplane/listen/loop_server.h"

#include "tests/unit/dataplane/listen/loop_server_world.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

TEST_F(LoopServerTest, AllowsForwardsAndSaysWhoCalled) {
  HttpsClient client(port_, "mtls.test", &alice_);
  ASSERT_TRUE(client.shaken);
  const std::string answer =
      client.Get("/a//b/../c?x=1", "mtls.test",
                 "X-Forwarded-Client-Cert: Hash=evil\r\nX-Forwarded-For: 1.2.3.4\r\n");
  EXPECT_EQ(StatusOf(answer), 200) << answer;
  EXPECT_TRUE(Has(answer, "X-Request-Id: "));
  EXPECT_TRUE(Has(answer, "GET /base/a/c?x=1 HTTP/1.1\r\n")) << answer;
  EXPECT_TRUE(Has(answer, "Hash=ab;Subject=\"CN=alice\";URI=spiffe://corp/alice")) << answer;
  EXPECT_FALSE(Has(answer, "evil"));
  EXPECT_FALSE(Has(answer, "1.2.3.4"));
  EXPECT_TRUE(Has(answer, "X-Forwarded-For: 127.0.0.1\r\n")) << answer;
  EXPECT_TRUE(Has(answer, "X-Forwarded-Proto: https\r\n"));
}

TEST_F(LoopServerTest, KeepsWhatItLetInAndNothingElse) {
  HttpsClient client(port_, "mtls.test", &alice_);
  const auto id_in = [](const std::string& answer) {
    const size_t at = answer.find("X-Request-Id: ");
    return at == std::string::npos ? std::string() : answer.substr(at + 14, 32);
  };
  const std::string allowed =
      id_in(client.Get("/a?access_token=secret", "mtls.test", "X-Secret: secret\r\n"));
  const auto found = Kept(allowed);
  ASSERT_TRUE(found.has_value()) << allowed;
  EXPECT_EQ(found->question.api_id, "mtls");
  EXPECT_EQ(found->question.proof, Proof::kTls);
  EXPECT_EQ(found->question.chain_der, std::vector<std::string>{alice_.der});
  EXPECT_EQ(found->identity.name, "alice");
  EXPECT_EQ(found->identity.key_id, "key-1");
  EXPECT_EQ(found->path, "/a");
  EXPECT_EQ(found->client_address, "127.0.0.1");
  EXPECT_EQ(found->upstream, absl::StrCat("127.0.0.1:", upstream_.port()));
  EXPECT_EQ(found->target, absl::StrCat("http://127.0.0.1:", upstream_.port()));
  EXPECT_EQ(found->status, 200);
  EXPECT_EQ(found->reason, Reason::kAllowed);

  HttpsClient stranger(port_, "mtls.test", nullptr);
  const std::string refused = id_in(stranger.Get("/", "mtls.test"));
  ASSERT_EQ(refused.size(), 32u);
  EXPECT_FALSE(Kept(refused).has_value()) << "a refusal is reported, not kept";
}

TEST_F(LoopServerTest, KeepAliveAsksOnce) {
  HttpsClient client(port_, "mtls.test", &alice_);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(StatusOf(client.Get("/", "mtls.test")), 200);
  EXPECT_EQ(client_.authorize_calls(), 1u);
  EXPECT_EQ(upstream_.requests(), 5);
}

TEST_F(LoopServerTest, PipelinedRequestsAreAnsweredInOrder) {
  HttpsClient client(port_, "mtls.test", &alice_);
  std::string all;
  for (int i = 0; i < 5; ++i)
    absl::StrAppend(&all, "GET /", i, " HTTP/1.1\r\nHost: mtls.test\r\n\r\n");
  client.Send(all);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Has(client.Answer(), absl::StrCat("GET /base/", i, " "))) << i;
  }
}

TEST_F(LoopServerTest, NoCertificateNeverReachesTheUpstream) {
  HttpsClient client(port_, "mtls.test", nullptr);
  ASSERT_TRUE(client.shaken);
  const std::string answer = client.Get("/", "mtls.test");
  EXPECT_EQ(StatusOf(answer), 401);
  EXPECT_TRUE(Has(answer, "CERT_REQUIRED"));
  EXPECT_EQ(StatusOf(client.Get("/", "mtls.test")), 401) << "the connection goes on";
  EXPECT_EQ(upstream_.requests(), 0);
}

TEST_F(LoopServerTest, AnotherHostsClientTlsSettingsAre421) {
  HttpsClient client(port_, "open.test", &alice_);
  ASSERT_TRUE(client.shaken);
  const std::string answer = client.Get("/", "mtls.test");
  EXPECT_EQ(StatusOf(answer), 421);
  EXPECT_EQ(client.Answer(), "") << "and the connection is closed";
  EXPECT_EQ(upstream_.requests(), 0);
  EXPECT_EQ(client_.authorize_calls(), 0u);
}

TEST_F(LoopServerTest, UnknownHostIs404UnknownNameNoHandshake) {
  HttpsClient client(port_, "open.test", nullptr);
  ASSERT_TRUE(client.shaken);
  EXPECT_EQ(StatusOf(client.Get("/", "nobody.test")), 404);
  HttpsClient stranger(port_, "nobody.test", nullptr);
  EXPECT_FALSE(stranger.shaken);
}

TEST_F(LoopServerTest, SmuggledRequestsEndTheConnection) {
  const std::string heads[] = {
      "POST / HTTP/1.1\r\nHost: mtls.test\r\nContent-Length: 5\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: mtls.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      "GET /a\\b HTTP/1.1\r\nHost: mtls.test\r\n\r\n", "GET / HTTP/1.1\nHost: mtls.test\n\n",
      "GET / HTTP/1.1\r\nHost: mtls.test\r\nHost: open.test\r\n\r\n"};
  for (const std::string& head : heads) {
    HttpsClient client(port_, "mtls.test", &alice_);
    client.Send(head + "GET /smuggled HTTP/1.1\r\nHost: mtls.test\r\n\r\n");
    EXPECT_EQ(StatusOf(client.Answer()), 400) << head;
  }
  EXPECT_EQ(upstream_.requests() <= 1, true);
}

TEST_F(LoopServerTest, MalformedChunksAreNotForwardedAsWhole) {
  HttpsClient client(port_, "mtls.test", &alice_);
  client.Send("POST / HTTP/1.1\r\nHost: mtls.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  EXPECT_EQ(StatusOf(client.Answer()), 400);
  EXPECT_EQ(client.Answer(), "");
}

TEST_F(LoopServerTest, PlainListenerNeverForwardsMtlsApis) {
  for (const auto& [host, status] :
       {std::pair<std::string, int>{"mtls.test", 403}, {"open.test", 200}}) {
    const int fd = ConnectTo(plain_port_);
    const std::string request =
        absl::StrCat("GET / HTTP/1.1\r\nHost: ", host, "\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    std::string answer;
    char buffer[2048];
    for (ssize_t count = 0; (count = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(count));
    }
    EXPECT_EQ(StatusOf(answer), status) << answer;
    close(fd);
  }
}

TEST_F(LoopServerTest, AuthsvcAwayIs503WithoutForwarding) {
  client_.on_authorize = [](const AuthorizeQuestion&) { return absl::UnavailableError("away"); };
  HttpsClient client(port_, "mtls.test", &alice_);
  const std::string answer = client.Get("/", "mtls.test");
  EXPECT_EQ(StatusOf(answer), 503);
  EXPECT_TRUE(Has(answer, "Retry-After: "));
  EXPECT_EQ(upstream_.requests(), 0);
}

TEST_F(LoopServerTest, DeadUpstreamIs502) {
  auto route = std::make_shared<Route>(*MtlsRoute());
  route->targets = {*ParseTarget("http://127.0.0.1:1")};
  Put({route});
  HttpsClient client(port_, "mtls.test", &alice_);
  EXPECT_EQ(StatusOf(client.Get("/", "mtls.test")), 502);
  EXPECT_EQ(StatusOf(client.Get("/", "mtls.test")), 502) << "the connection goes on";
}

}  // namespace
}  // namespace sallyport::dataplane
