// The stream under a server: much data, slow peers, ends in the middle.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shared/admin_http/server.h"
#include "shared/crypto/openssl.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/shared/admin_http/raw_client.h"

namespace sallyport::admin_http {
namespace {

using sallyport::testing::CertBuilder;
using sallyport::testing::RawAnswer;
using sallyport::testing::RawClient;

constexpr size_t kMuch = 6 * 1024 * 1024;  // more than sockets hold

class StreamTest : public ::testing::TestWithParam<bool> {
 protected:
  StreamTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "admin_stream.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    if (!GetParam()) return;
    const auto certificate = CertBuilder("CN=admin").ServerAuth().SelfSign();
    options_.certificate_file = folder_ / "cert.pem";
    options_.private_key_file = folder_ / "key.pem";
    std::ofstream(options_.certificate_file) << certificate.Pem();
    std::ofstream(options_.private_key_file) << certificate.KeyPem();
    client_context_.reset(SSL_CTX_new(TLS_client_method()));
  }
  ~StreamTest() override { std::filesystem::remove_all(folder_); }

  void Start() {
    auto server = Server::Start(options_, [](Request request, const Responder& responder) {
      Response response;
      response.body = request.path == "/much" ? std::string(kMuch, 'm') : std::move(request.body);
      responder.Send(std::move(response));
    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  RawClient Connect() { return RawClient(server_->port(), client_context_.get()); }

  std::filesystem::path folder_;
  ServerOptions options_;
  crypto::UniqueSslCtx client_context_;
  std::unique_ptr<Server> server_;
};

TEST_P(StreamTest, MuchGoesBothWays) {
  Start();
  RawClient client = Connect();
  std::string body(kMuch, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 8);
  const RawAnswer answer = client.Call("POST", "/echo", "", body);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == body);
  EXPECT_EQ(client.Call("GET", "/much").body.size(), kMuch);
  EXPECT_EQ(client.Call("POST", "/echo", "", "small").body, "small");
}

TEST_P(StreamTest, AnAnswerThatNobodyReadsIsCutInTime) {
  options_.write_timeout = absl::Milliseconds(50);
  options_.max_connections = 1;
  Start();
  RawClient deaf = Connect();
  deaf.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_EQ(deaf.Read(true).status, 200);  // of its body only what came along is read
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  int status = 0;
  while (status != 200 &&
         absl::Now() < deadline) {  // the only place is the deaf one's until it is cut
    RawClient other = Connect();
    if (other.connected()) status = other.Call("POST", "/echo", "", "x").status;
  }
  EXPECT_EQ(status, 200);
}

TEST_P(StreamTest, ABodyThatEndsEarlyIsNoRequest) {
  Start();
  {
    RawClient gone = Connect();
    gone.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  }
  RawClient client = Connect();
  EXPECT_EQ(client.Call("POST", "/echo", "", "abc").body, "abc");
}

TEST_P(StreamTest, ARefusalIsReadByWhoStillSends) {
  options_.admit_head = [](const Request&) -> std::optional<Response> {
    Response refusal;
    refusal.status = 403;
    return refusal;
  };
  Start();
  RawClient client = Connect();
  const std::string part(16 * 1024, 'x');
  client.Send(
      absl::StrCat("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ", kMuch, "\r\n\r\n", part));
  EXPECT_EQ(client.Read().status, 403);
}

TEST_P(StreamTest, ARefusalIsReadByWhoStillSendsInSmallPieces) {
  options_.admit_head = [](const Request&) -> std::optional<Response> { return Response{403}; };
  Start();
  RawClient client = Connect();
  constexpr size_t kPieces = 30'000;
  client.Send(
      absl::StrCat("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ", kPieces, "\r\n\r\n"));
  // By TLS each is a record of its own, and so a read.
  for (size_t i = 0; i < kPieces; ++i) ASSERT_TRUE(client.Send("x")) << i;
  EXPECT_EQ(client.Read().status, 403);
}

TEST_P(StreamTest, ManyRequestsInOneGoAreAllAnswered) {
  Start();
  RawClient client = Connect();
  std::string all;
  for (int i = 0; i < 500; ++i) {
    absl::StrAppend(&all, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n", 100 + i);
  }
  ASSERT_TRUE(client.Send(all));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(client.Read().body, std::to_string(100 + i));
}

INSTANTIATE_TEST_SUITE_P(, StreamTest, ::testing::Bool(),
                         [](const auto& variant) { return variant.param ? "Tls" : "Plain"; });

}  // namespace
}  // namespace sallyport::admin_http
