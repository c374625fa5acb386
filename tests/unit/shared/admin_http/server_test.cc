#include "shared/admin_http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/crypto/openssl.h"
#include "tests/fakes/notification.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/shared/admin_http/raw_client.h"

namespace sallyport::admin_http {
namespace {

using sallyport::testing::CertBuilder;
using sallyport::testing::RawAnswer;
using sallyport::testing::RawClient;
using sallyport::testing::TestCert;
using ::testing::HasSubstr;

void Echo(Request request, const Responder& responder) {
  Response response;
  response.content_type = "text/plain";
  response.body = request.method + " " + request.path + " " + request.body;
  if (!request.peer_chain_der.empty()) {
    response.headers.emplace_back("X-Chain", std::to_string(request.peer_chain_der.size()));
    response.headers.emplace_back("X-Leaf-Size", std::to_string(request.peer_chain_der[0].size()));
  }
  if (!request.peer_error.empty()) response.headers.emplace_back("X-Error", request.peer_error);
  responder.Send(std::move(response));
}

std::unique_ptr<Server> StartOrDie(const ServerOptions& options, Handler handler = Echo) {
  auto server = Server::Start(options, std::move(handler));
  EXPECT_TRUE(server.ok()) << server.status();
  return server.ok() ? *std::move(server) : nullptr;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "admin_http.XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  // Replaced as a whole, as an operator would.
  std::string Write(const std::string& name, const std::string& text) const {
    const std::string target = (path_ / name).string();
    std::ofstream(target + ".new") << text;
    std::filesystem::rename(target + ".new", target);
    return target;
  }

 private:
  std::filesystem::path path_;
};

struct TlsFiles {
  TemporaryFolder folder;
  ServerOptions options;
  explicit TlsFiles(const TestCert& certificate) { Use(certificate); }
  void Use(const TestCert& certificate) {
    options.private_key_file = folder.Write("key.pem", certificate.KeyPem());
    options.certificate_file = folder.Write("cert.pem", certificate.Pem());
  }
};

crypto::UniqueSslCtx ClientContext(const TestCert* certificate = nullptr) {
  crypto::UniqueSslCtx context(SSL_CTX_new(TLS_client_method()));
  if (certificate != nullptr) {
    SSL_CTX_use_certificate(context.get(), certificate->cert->x509.get());
    SSL_CTX_use_PrivateKey(context.get(), certificate->key.get());
  }
  return context;
}

std::string ServerName(const RawClient& client) {
  const crypto::UniqueX509 certificate(SSL_get1_peer_certificate(client.ssl()));
  char text[256];
  X509_NAME_oneline(X509_get_subject_name(certificate.get()), text, sizeof(text));
  return text;
}

template <typename Condition>
bool Eventually(const Condition& condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (absl::Now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

TEST(Server, AnswersAndKeepsTheConnection) {
  const auto server = StartOrDie({});
  RawClient client(server->port());
  const RawAnswer first = client.Call("POST", "/a/?x=1", "", "hello");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, "POST /a hello");
  EXPECT_EQ(first.Header("X-Request-Id").size(), 32u);
  EXPECT_EQ(first.Header("X-Powered-By"), "");
  EXPECT_EQ(first.Header("Server"), "");
  const RawAnswer second = client.Call("GET", "/b");
  EXPECT_EQ(second.body, "GET /b ");
  EXPECT_NE(second.Header("X-Request-Id"), first.Header("X-Request-Id"));
}

TEST(Server, AHeadThatIsNotAdmittedIsAnsweredBeforeItsBody) {
  ServerOptions options;
  std::atomic<int> handled = 0;
  options.admit_head = [](const Request& head) -> std::optional<Response> {
    if (head.Header("key").has_value()) return std::nullopt;
    Response refusal;
    refusal.status = 403;
    refusal.body = "no";
    return refusal;
  };
  const auto server = StartOrDie(options, [&handled](Request request, const Responder& responder) {
    ++handled;
    Echo(std::move(request), responder);
  });
  RawClient stranger(server->port());
  stranger.Send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  const RawAnswer refused = stranger.Read();
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.body, "no");
  EXPECT_EQ(handled, 0);
  RawClient known(server->port());
  EXPECT_EQ(known.Call("POST", "/a", "key: 1\r\n", "hello").body, "POST /a hello");
}

// Whoever has sent no whole request, and whom nothing has admitted, cannot keep others out.
TEST(Server, AnUnfinishedBodyIsCutAtTheLimit) {
  ServerOptions options;
  options.max_connections = 1;
  const auto server = StartOrDie(options);
  RawClient slow(server->port());
  slow.Send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: "
      "100\r\n\r\nabc");
  EXPECT_EQ(slow.Read().body, "GET /1 ");
  EXPECT_TRUE(Eventually([&] {
    RawClient other(server->port());
    return other.Call("GET", "/b").body == "GET /b ";
  }));
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  const auto server = StartOrDie({});
  RawClient client(server->port());
  client.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.Read().body, "GET /1 ");
  EXPECT_EQ(client.Read().body, "GET /2 ");
}

TEST(Server, HeadHasNoBody) {
  const auto server = StartOrDie({});
  RawClient client(server->port());
  const RawAnswer answer = client.Call("HEAD", "/a");
  EXPECT_EQ(answer.Header("Content-Length"), "8");
  EXPECT_EQ(client.Call("GET", "/b").body, "GET /b ");
}

TEST(Server, ChunkedBodyAndContinue) {
  const auto server = StartOrDie({});
  RawClient client(server->port());
  client.Send(
      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Read().status, 100);
  client.Send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(client.Read().body, "POST /c abcde");
}

TEST(Server, ConnectionCloseIsHonoured) {
  const auto server = StartOrDie({});
  RawClient client(server->port());
  EXPECT_EQ(client.Call("GET", "/a", "Connection: close\r\n").status, 200);
  EXPECT_TRUE(client.Ended());
}

TEST(Server, RefusesWhatIsNotHttp) {
  const auto server = StartOrDie({});
  for (const char* bytes :
       {"garbage\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n", "GET / HTTP/3.0\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    RawClient client(server->port());
    client.Send(bytes);
    EXPECT_EQ(client.Read().status, 400) << bytes;
    EXPECT_TRUE(client.Ended()) << bytes;
  }
}

TEST(Server, BoundsHeadAndBody) {
  ServerOptions options;
  options.max_head_bytes = 1024;
  options.max_body_bytes = 10;
  const auto server = StartOrDie(options);
  RawClient head(server->port());
  EXPECT_EQ(head.Call("GET", "/a", "X: " + std::string(2000, 'a') + "\r\n").status, 431);
  RawClient body(server->port());
  EXPECT_EQ(body.Call("POST", "/a", "", "12345678901").status, 413);
  RawClient chunked(server->port());
  chunked.Send(
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.Read().status, 413);
  RawClient fine(server->port());
  EXPECT_EQ(fine.Call("POST", "/a", "", "1234567890").status, 200);
}

TEST(Server, WhoSendsAllOfATooLargeBodyReadsTheAnswer) {
  ServerOptions options;
  options.max_body_bytes = 10;
  options.admit_head = [](const Request& request) -> std::optional<Response> {
    if (request.Header("key").has_value()) return std::nullopt;
    return Response{403};
  };
  const auto server = StartOrDie(options);
  const std::string body(8 << 20, 'x');
  RawClient whole(server->port());
  whole.Send(absl::StrCat("POST / HTTP/1.1\r\nHost: x\r\nKey: k\r\nContent-Length: ", body.size(),
                          "\r\n\r\n"));
  EXPECT_TRUE(whole.Send(body));
  EXPECT_EQ(whole.Read().status, 413);
  EXPECT_TRUE(whole.Ended());
  RawClient chunked(server->port());
  chunked.Send(
      "POST / HTTP/1.1\r\nHost: x\r\nKey: k\r\nTransfer-Encoding: chunked\r\n\r\n800000\r\n");
  EXPECT_TRUE(chunked.Send(body));
  EXPECT_EQ(chunked.Read().status, 413);
  RawClient stranger(server->port());
  stranger.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\nbegun");
  EXPECT_EQ(stranger.Read().status, 413);
}

TEST(Server, WhereNobodyIsAdmittedATooLargeBodyIsNotReadToItsEnd) {
  ServerOptions options;
  options.max_body_bytes = 10;
  const auto server = StartOrDie(options);
  const std::string body(32 << 20, 'x');  // more than sockets hold
  RawClient whole(server->port());
  whole.Send(
      absl::StrCat("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ", body.size(), "\r\n\r\n"));
  EXPECT_FALSE(whole.Send(body));
  RawClient chunked(server->port());
  chunked.Send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2000000\r\n");
  EXPECT_FALSE(chunked.Send(body));
}

TEST(Server, SlowHeadsBodiesAndIdleConnectionsEnd) {
  ServerOptions options;
  options.head_timeout = absl::Milliseconds(50);
  options.body_timeout = absl::Milliseconds(50);
  auto server = StartOrDie(options);
  RawClient silent(server->port());
  EXPECT_TRUE(silent.Ended());
  RawClient head(server->port());
  head.Send("GET / HT");
  EXPECT_TRUE(head.Ended());
  RawClient body(server->port());
  body.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_TRUE(body.Ended());
  options = {};
  options.idle_timeout = absl::Milliseconds(50);
  server = StartOrDie(options);
  RawClient idle(server->port());
  EXPECT_EQ(idle.Call("GET", "/a").status, 200);
  EXPECT_TRUE(idle.Ended());
}

TEST(Server, AtTheLimitTheLongestIdleConnectionMakesRoom) {
  ServerOptions options;
  options.max_connections = 2;
  const auto server = StartOrDie(options);
  RawClient first(server->port());
  EXPECT_EQ(first.Call("GET", "/1").status, 200);
  RawClient second(server->port());
  EXPECT_EQ(second.Call("GET", "/2").status, 200);
  RawClient third(server->port());
  EXPECT_EQ(third.Call("GET", "/3").status, 200);
  EXPECT_TRUE(first.Ended());
  EXPECT_EQ(second.Call("GET", "/2").status, 200);
}

TEST(Server, TheAnswerMayComeLaterFromAnotherThread) {
  std::thread other;
  const auto server = StartOrDie({}, [&](Request request, Responder responder) {
    other = std::thread([request = std::move(request), responder = std::move(responder)] {
      Response response;
      response.body = "late " + request.path;
      responder.Send(std::move(response));
    });
  });
  RawClient client(server->port());
  EXPECT_EQ(client.Call("GET", "/x").body, "late /x");
  other.join();
}

TEST(Server, NoAnswerInTimeIs504AndADroppedResponderIs500) {
  ServerOptions options;
  options.answer_timeout = absl::Milliseconds(30);
  std::optional<Responder> kept;
  const auto server = StartOrDie(options, [&](Request request, Responder responder) {
    if (request.path == "/keep") kept = std::move(responder);
  });
  RawClient client(server->port());
  EXPECT_EQ(client.Call("GET", "/drop").status, 500);
  EXPECT_EQ(client.Call("GET", "/keep").status, 504);
  kept->Send({});  // too late: nothing happens
  EXPECT_EQ(client.Call("GET", "/drop").status, 500);
}

TEST(Server, AResponderMayOutliveTheServer) {
  std::optional<Responder> kept;
  sallyport::testing::Notification asked;
  auto server = StartOrDie({}, [&](const Request&, Responder responder) {
    kept = std::move(responder);
    asked.Notify();
  });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  asked.Wait();
  server.reset();
  EXPECT_TRUE(client.Ended());
  kept->Send({});
}

TEST(Server, StopLetsRequestsInFlightFinish) {
  std::optional<Responder> kept;
  sallyport::testing::Notification asked;
  auto server = StartOrDie({}, [&](const Request&, Responder responder) {
    kept = std::move(responder);
    asked.Notify();
  });
  const uint16_t port = server->port();
  RawClient idle(port);
  RawClient busy(port);
  busy.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  asked.Wait();
  std::thread stopper([&] { server->Stop(absl::Seconds(30)); });
  EXPECT_TRUE(idle.Ended());
  EXPECT_TRUE(Eventually([&] { return !RawClient(port).connected(); }));
  Response response;
  response.body = "done";
  kept->Send(std::move(response));
  const RawAnswer answer = busy.Read();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.Header("Connection"), "close");
  stopper.join();
  EXPECT_FALSE(RawClient(port).connected());
}

TEST(Server, StopAnswersWhoHasJustCome) {
  ServerOptions options;
  options.stop_fresh_after = absl::Seconds(30);
  auto server = StartOrDie(options, [](const Request&, Responder responder) {
    Response response;
    response.body = "in time";
    responder.Send(std::move(response));
  });
  RawClient fresh(server->port());
  RawClient known(server->port());
  known.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(known.Read().body, "in time");
  EXPECT_TRUE(Eventually([&] { return fresh.Accepted(); }));
  std::thread stopper([&] { server->Stop(absl::Seconds(30)); });
  EXPECT_TRUE(known.Ended()) << "it has had its turn";
  fresh.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const RawAnswer answer = fresh.Read();
  EXPECT_EQ(answer.body, "in time");
  EXPECT_EQ(answer.Header("Connection"), "close");
  stopper.join();
}

TEST(Server, StopDoesNotWaitLongForWhoSaysNothing) {
  ServerOptions options;
  options.stop_fresh_after = absl::Milliseconds(1);
  auto server = StartOrDie(options, [](const Request&, Responder) {});
  RawClient silent(server->port());
  EXPECT_TRUE(Eventually([&] { return silent.Accepted(); }));
  server->Stop(absl::Hours(1));
  EXPECT_TRUE(silent.Ended());
}

TEST(Server, ThePortInUseIsNamed) {
  const auto server = StartOrDie({});
  ServerOptions options;
  options.port = server->port();
  const auto second = Server::Start(options, Echo);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(std::to_string(server->port())));
}

TEST(Server, WhatWaitsIsAnsweredByWhoTakesTheSocketOver) {
  const auto first = StartOrDie({});
  ServerOptions options;
  options.port = first->port();
  options.socket = first->CopySocket();
  ASSERT_GE(options.socket, 0);
  first->Stop(absl::ZeroDuration());
  RawClient client(options.port);  // not refused, though nobody accepts
  const auto second = StartOrDie(options);
  EXPECT_EQ(second->port(), options.port);
  EXPECT_EQ(client.Call("GET", "/b").body, "GET /b ");
}

// Taken off the queue by one of the two, whoever it is: that one answers.
TEST(Server, NobodyIsLostBetweenTwo) {
  for (int i = 0; i < 50; ++i) {
    ServerOptions patient;
    patient.stop_fresh_after = absl::Seconds(30);
    const auto first = StartOrDie(patient);
    ServerOptions options;
    options.port = first->port();
    options.socket = first->CopySocket();
    ASSERT_GE(options.socket, 0);
    std::thread stopper([&] { first->Stop(absl::Seconds(30)); });
    RawClient client(options.port);
    client.Send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto second = StartOrDie(options);
    EXPECT_EQ(client.Read().body, "GET /b ") << i;
    stopper.join();
  }
}

TEST(Server, AnyAddressTakesIpv4AsWell) {
  ServerOptions options;
  options.address = "::";
  std::string peer;
  const auto server = StartOrDie(options, [&peer](Request request, const Responder& responder) {
    peer = request.peer_address;
    responder.Send(Response());
  });
  RawClient client(server->port());
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.Call("GET", "/").status, 200);
  EXPECT_EQ(peer, "127.0.0.1");
}

TEST(Server, OptionsThatMakeNoSense) {
  ServerOptions options;
  options.address = "localhost";
  EXPECT_FALSE(Server::Start(options, Echo).ok());
  options = {};
  options.certificate_file = "x.pem";
  EXPECT_FALSE(Server::Start(options, Echo).ok());
  options = {};
  options.client_ca_file = "ca.pem";
  EXPECT_FALSE(Server::Start(options, Echo).ok());
}

TEST(ServerTls, ServesAndAsksForNothing) {
  const TestCert certificate = CertBuilder("CN=admin").Dns("localhost").ServerAuth().SelfSign();
  const TlsFiles files(certificate);
  const auto server = StartOrDie(files.options);
  const TestCert other = CertBuilder("CN=client").SelfSign();
  const auto context = ClientContext(&other);
  RawClient client(server->port(), context.get());
  ASSERT_TRUE(client.connected());
  const RawAnswer answer = client.Call("GET", "/a");
  EXPECT_EQ(answer.body, "GET /a ");
  EXPECT_EQ(answer.Header("X-Chain"), "");
  EXPECT_FALSE(RawClient(server->port()).Call("GET", "/plain").status == 200);
}

TEST(ServerTls, OldVersionsAreRefused) {
  const TlsFiles files(CertBuilder("CN=admin").ServerAuth().SelfSign());
  const auto server = StartOrDie(files.options);
  const auto context = ClientContext();
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
  EXPECT_FALSE(RawClient(server->port(), context.get()).connected());
}

TEST(ServerTls, NoSessionIsEverResumed) {
  TlsFiles files(CertBuilder("CN=admin").ServerAuth().SelfSign());
  files.options.request_client_certificate = true;
  const auto server = StartOrDie(files.options);
  const auto context = ClientContext();
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  RawClient first(server->port(), context.get());
  EXPECT_EQ(first.Call("GET", "/a").status, 200);
  const SSL_SESSION* session = SSL_get_session(first.ssl());
  EXPECT_FALSE(SSL_SESSION_has_ticket(session));
  unsigned length = 0;
  SSL_SESSION_get_id(session, &length);
  EXPECT_EQ(length, 0u);
}

TEST(ServerTls, AnyClientCertificateIsHandedOverAndNoneIsFine) {
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=client").SignBy(root);
  TlsFiles files(CertBuilder("CN=admin").ServerAuth().SelfSign());
  files.options.request_client_certificate = true;
  const auto server = StartOrDie(files.options);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto context = ClientContext(&leaf);
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_add_extra_chain_cert(context.get(), X509_dup(root.cert->x509.get()));
    RawClient with(server->port(), context.get());
    const RawAnswer answer = with.Call("GET", "/a");
    EXPECT_EQ(answer.Header("X-Chain"), "2");
    EXPECT_EQ(answer.Header("X-Leaf-Size"), std::to_string(leaf.der.size()));
    const auto none = ClientContext();
    RawClient without(server->port(), none.get());
    EXPECT_EQ(without.Call("GET", "/a").Header("X-Chain"), "");
  }
}

TEST(ServerTls, WithAClientCaOneThatDoesNotVerifyIsNone) {
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  TlsFiles files(CertBuilder("CN=admin").ServerAuth().SelfSign());
  files.options.request_client_certificate = true;
  files.options.client_ca_file = files.folder.Write("ca.pem", root.Pem());
  const auto server = StartOrDie(files.options);
  const auto call = [&](const TestCert& certificate) {
    const auto context = ClientContext(&certificate);
    RawClient client(server->port(), context.get());
    const RawAnswer answer = client.Call("GET", "/a");
    EXPECT_EQ(answer.status, 200);
    return absl::StrCat(answer.Header("X-Chain"), answer.Header("X-Error"));
  };
  const TestCert stranger = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert lower = CertBuilder("CN=leaf").SignBy(root);
  EXPECT_EQ(call(CertBuilder("CN=good").SignBy(root)), "1");
  EXPECT_THAT(call(CertBuilder("CN=stranger").SelfSign()), HasSubstr("self-signed"));
  EXPECT_THAT(call(CertBuilder("CN=of another").SignBy(stranger)), HasSubstr("certificate"));
  EXPECT_THAT(call(CertBuilder("CN=by a leaf").SignBy(lower)), HasSubstr("unable to verify"));
  EXPECT_THAT(call(CertBuilder("CN=old").Expired().SignBy(root)), HasSubstr("expired"));
  EXPECT_THAT(call(CertBuilder("CN=server").ServerAuth().SignBy(root)), HasSubstr("purpose"));
}

TEST(ServerTls, TakesUpANewCertificateAndKeepsTheOldOneWhenItIsBroken) {
  TlsFiles files(CertBuilder("CN=first").ServerAuth().SelfSign());
  files.options.reload_interval = absl::Milliseconds(10);
  const auto server = StartOrDie(files.options);
  const auto context = ClientContext();
  RawClient before(server->port(), context.get());
  EXPECT_THAT(ServerName(before), HasSubstr("first"));
  files.Use(CertBuilder("CN=second").ServerAuth().SelfSign());
  EXPECT_TRUE(Eventually([&] {
    return absl::StrContains(ServerName(RawClient(server->port(), context.get())), "second");
  }));
  EXPECT_EQ(before.Call("GET", "/a").status, 200) << "open connections stay";
  files.folder.Write("cert.pem", "broken");
  const absl::Status status = server->ReloadCertificate();
  EXPECT_THAT(std::string(status.message()), HasSubstr("cert.pem"));
  EXPECT_THAT(ServerName(RawClient(server->port(), context.get())), HasSubstr("second"));
}

TEST(ServerTls, APairThatDoesNotFitIsRefusedAtStart) {
  TlsFiles files(CertBuilder("CN=one").ServerAuth().SelfSign());
  files.folder.Write("key.pem", CertBuilder("CN=two").SelfSign().KeyPem());
  EXPECT_FALSE(Server::Start(files.options, Echo).ok());
  files.options.private_key_file = "/nowhere/key.pem";
  const auto server = Server::Start(files.options, Echo);
  EXPECT_THAT(std::string(server.status().message()), HasSubstr("/nowhere/key.pem"));
}

}  // namespace
}  // namespace sallyport::admin_http
