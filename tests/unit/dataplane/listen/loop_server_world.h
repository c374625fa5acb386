// A whole loop with a fake authsvc: real sockets, real TLS clients, a real upstream.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/listen/loop_server.h"
#include "shared/cache/generations.h"
#include "tests/fakes/fake_authsvc_client.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/dataplane/listen/echo_upstream_for_tests.h"
#include "tests/unit/dataplane/listen/https_client_for_tests.h"

namespace sallyport::dataplane {

class LoopServerTest : public ::testing::Test {
 protected:
  LoopServerTest()
      : server_(sallyport::testing::CertBuilder("CN=srv").Dns("mtls.test").ServerAuth().SelfSign()),
        alice_(sallyport::testing::CertBuilder("CN=alice").Uri("spiffe://corp/alice").SelfSign()),
        keys_(base::SystemClock()),
        limits_(1000, 0),
        limiter_({}, &base::SystemClock()),
        trust_({}) {}

  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);  // as main does
    config_.port = 0;
    config_.address = "127.0.0.1";
    config_.listeners.push_back({});
    config_.listeners[0].address = "127.0.0.1";
    config_.listeners[0].port = 0;
    config_.listeners.push_back(config_.listeners[0]);
    config_.listeners[0].id = "tls";
    config_.listeners[1].id = "plain";
    config_.listeners[1].plain = true;
    client_.on_server = [this](const ServerQuestion& question) { return Server(question); };
    client_.on_authorize = [](const AuthorizeQuestion& question) { return Decide(question); };
    authorize_ = std::make_unique<AuthorizeHub>(AuthorizeOptions(), &base::SystemClock(), &client_,
                                                &stream_, &generations_);
    credentials_ = std::make_unique<CredentialHub>(CredentialOptions(), &base::SystemClock(),
                                                   &client_, &stream_, &generations_);
    validation_ = std::make_unique<ValidationHub>(ValidationOptions(), &base::SystemClock(),
                                                  &client_, &stream_, &generations_);
    log_ = *AccessLog::Open("", 1);
    telemetry_ = std::make_unique<TelemetryReporter>(TelemetryReporter::Options(), &sink_,
                                                     &base::SystemClock(), 1, false);
    process_ = std::make_unique<ProcessServices>(ServicesWith(config_));
    loop_ = std::make_unique<LoopServer>(0, *process_);
    ASSERT_TRUE(loop_->Open().ok());
    port_ = loop_->BoundPorts()[0];
    plain_port_ = loop_->BoundPorts()[1];
    stream_.OnApplied(1, true);
    // One for all the test, however long it takes.
    stream_.OnHeartbeat(base::SystemClock().Monotonic() + absl::Hours(1), absl::ZeroDuration(),
                        true);
    loop_->Start();
    Put({MtlsRoute(), OpenRoute()});
  }
  void TearDown() override {
    loop_->StopAndJoin();
    loop_.reset();
  }

  // What every loop of a process shares; `config` outlives it.
  ProcessServices ServicesWith(const config::DataplaneConfig& config,
                               InheritedSockets* inherited = nullptr) {
    return ProcessServices{config,
                           settings_,
                           base::SystemClock(),
                           *authorize_,
                           *credentials_,
                           *validation_,
                           limiter_,
                           resolver_,
                           targets_,
                           trust_,
                           book_,
                           *log_,
                           *telemetry_,
                           1,
                           stream_,
                           keys_,
                           chains_,
                           limits_,
                           tunnels_,
                           scripts_,
                           watch_,
                           inherited};
  }
  RoutePtr MtlsRoute() const {
    auto route = std::make_shared<Route>();
    route->api_id = "mtls";
    route->hosts = {"mtls.test"};
    route->static_mtls = Requirement::kMandatory;
    route->targets = {*ParseTarget(absl::StrCat("http://127.0.0.1:", upstream_.port(), "/base"))};
    return route;
  }
  RoutePtr OpenRoute() const {
    auto route = std::make_shared<Route>(*MtlsRoute());
    route->api_id = "open";
    route->hosts = {"open.test"};
    route->static_mtls = Requirement::kOff;
    route->keyless = true;
    route->allow_plain_http = true;
    return route;
  }
  void Put(const std::vector<RoutePtr>& routes) {
    GatewayView view;
    view.routes = RouteTable::Empty({0})->With(routes, {});
    auto applied = std::make_shared<std::promise<void>>();
    loop_->Post([this, shared = std::make_shared<const GatewayView>(std::move(view)), applied] {
      loop_->Apply(shared);
      applied->set_value();
    });
    applied->get_future().wait();
  }

  std::optional<AllowedRecord> Kept(const std::string& request_id) {
    std::promise<std::optional<AllowedRecord>> found;
    loop_->Post([&] { found.set_value(loop_->FindAllowed(request_id)); });
    return found.get_future().get();
  }

  absl::StatusOr<ServerCredentialsPtr> Server(const ServerQuestion& question) const {
    auto answer = std::make_shared<ServerCredentials>();
    answer->revision = 1;
    answer->ttl = absl::Minutes(1);
    if (question.sni == "mtls.test" || question.sni == "open.test") {
      ServerPair pair;
      pair.chain_der = {server_.der};
      pair.key_der = base::Secret(server_.KeyDer());
      answer->pairs.push_back(std::move(pair));
    }
    return answer;
  }
  static absl::StatusOr<Decision> Decide(const AuthorizeQuestion& question) {
    Decision decision;
    decision.revision = 1;
    decision.ttl = absl::Minutes(1);
    decision.tags = {"api:" + question.api_id};
    decision.reason = base::Reason::kAllowed;
    decision.grants.all_versions = true;
    if (question.api_id != "mtls") return decision;
    if (question.proof != Proof::kTls) {
      decision.reason = base::Reason::kCertRequired;
      return decision;
    }
    decision.identity.name = "alice";
    decision.identity.key_id = "key-1";
    decision.identity.certificate_verified = true;
    CertificateFacts facts;
    facts.fingerprint = "ab";
    facts.subject = "CN=alice";
    facts.uri_sans = {"spiffe://corp/alice"};
    decision.identity.certificate = facts;
    return decision;
  }

  class NoSink final : public TelemetrySink {
   public:
    bool Report(const TelemetryBatch& /*batch*/) override { return true; }
  };

  EchoUpstream upstream_;
  const sallyport::testing::TestCert server_;
  const sallyport::testing::TestCert alice_;
  config::DataplaneConfig config_;
  ExchangeSettings settings_;
  FakeAuthsvcClient client_;
  StreamState stream_;
  cache::TagGenerations generations_;
  metrics::Book book_;
  TicketKeys keys_;
  ChainStore chains_;
  ConnectionLimits limits_;
  TunnelPlaces tunnels_{1};
  ScriptPool scripts_{{}, base::SystemClock()};
  CertificateWatch watch_;
  Limiter limiter_;
  Resolver resolver_;
  TargetRegistry targets_;
  SystemTrust trust_;
  NoSink sink_;
  std::unique_ptr<AuthorizeHub> authorize_;
  std::unique_ptr<CredentialHub> credentials_;
  std::unique_ptr<ValidationHub> validation_;
  std::unique_ptr<AccessLog> log_;
  std::unique_ptr<TelemetryReporter> telemetry_;
  std::unique_ptr<ProcessServices> process_;
  std::unique_ptr<LoopServer> loop_;
  uint16_t port_ = 0;
  uint16_t plain_port_ = 0;
};

}  // namespace sallyport::dataplane
