// The real server over real mutual TLS, on a store in a temporary directory.
#pragma once

#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "authsvc/change/credentials.h"
#include "authsvc/change/writer.h"
#include "authsvc/decide/memo.h"
#include "authsvc/push/change_rules.h"
#include "authsvc/rpc/denied_callers.h"
#include "authsvc/rpc/server.h"
#include "authsvc/store/sqlite_store.h"
#include "authsvc/tickets/ticket_keeper.h"
#include "authsvc/watchdog/watchdog.h"
#include "gtest/gtest.h"
#include "sallyport/v1/admin.grpc.pb.h"
#include "sallyport/v1/decision.grpc.pb.h"
#include "sallyport/v1/distribution.grpc.pb.h"
#include "sallyport/v1/telemetry.grpc.pb.h"
#include "shared/base/clock.h"
#include "shared/crypto/sealer.h"
#include "shared/metrics/sheet.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {

namespace wire = ::sallyport::v1;
using testing::CertBuilder;
using testing::TestCert;

inline void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

class ServerWorld {
 public:
  ServerWorld() : ServerWorld([](RpcServerOptions*) {}) {}
  explicit ServerWorld(const std::function<void(RpcServerOptions*)>& change)
      : ca_(CertBuilder("CN=Control CA").Ca().SelfSign()),
        roles_("test", {{"", "DNS:mapped.test", {Role::kReader, "g", "mapped"}}}) {
    char name[] = "/tmp/sallyport_rpc_XXXXXX";
    directory_ = mkdtemp(name);
    auto keys = crypto::ParseMasterKeys(crypto::NewMasterKeyLine("k1").Reveal());
    sealer_ = *crypto::Sealer::Create(*std::move(keys));
    store_ = *OpenSqliteStore(directory_ + "/store.db");
    Writer::Options options;
    options.clock = &base::SystemClock();
    options.sealer = sealer_.get();
    writer_ = *Writer::Start(store_.get(), options);
    HubOptions hub;
    hub.proof_age_ms = [] { return int64_t{0}; };
    hub.connected_replicas = [this] { return replicas_.Connected(); };
    hub_ = std::make_unique<Hub>(writer_->snapshot(), std::move(hub));
    writer_->Observe([this](const SnapshotPtr& before, const SnapshotPtr& after,
                            const std::vector<SnapshotChange>& changes) {
      if (before == nullptr) return hub_->Reset(after);
      hub_->Publish(after, RecordOf(*before, *after, changes, absl::Now()));
    });
    TicketKeeper::Options tickets;
    tickets.clock = &base::SystemClock();
    tickets.store = store_.get();
    tickets.sealer = sealer_.get();
    tickets.concerns = [this](absl::string_view entry, absl::string_view group) {
      return MayNameDataplane(roles_, entry, group);
    };
    tickets_ = std::make_unique<TicketKeeper>(std::move(tickets));
    StartServer(change);
  }

  ~ServerWorld() {
    if (server_ != nullptr) server_->Stop(absl::Seconds(1));
    server_.reset();
    writer_.reset();  // before the hub, which its observers use
    const std::string command = "rm -rf " + directory_;
    EXPECT_EQ(std::system(command.c_str()), 0);
  }

  [[nodiscard]] TestCert Issue(const std::string& uri) {
    CertBuilder builder("CN=peer");
    if (!uri.empty()) builder.Uri(uri);
    return builder.SignBy(ca_);
  }
  [[nodiscard]] static std::string Uri(const std::string& role, const std::string& group = "edge") {
    return "spiffe://test/sallyport/" + role + "/" + group + "/x";
  }

  [[nodiscard]] std::shared_ptr<grpc::Channel> Channel(const TestCert* client) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ca_.Pem();
    if (client != nullptr) {
      options.pem_cert_chain = client->Pem();
      options.pem_private_key = client->KeyPem();
    }
    grpc::ChannelArguments arguments;
    arguments.SetMaxSendMessageSize(-1);
    // Channels of one test must not share a connection: each has its own certificate.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                     grpc::SslCredentials(options), arguments);
  }
  [[nodiscard]] std::shared_ptr<grpc::Channel> As(const std::string& role,
                                                  const std::string& group = "edge") {
    const TestCert certificate = Issue(Uri(role, group));
    return Channel(&certificate);
  }

  void Put(wire::Resource resource) {
    Write write;
    Mutation mutation;
    mutation.resource = std::move(resource);
    write.mutations.push_back(std::move(mutation));
    const auto result = writer_->Run(std::move(write));
    ASSERT_TRUE(result.ok()) << result.status();
  }
  // `change`, when given, makes of it what the test needs.
  void PutKeylessApi(const std::string& id, std::vector<std::string> groups = {},
                     const std::function<void(wire::Api*)>& change = nullptr) {
    wire::Resource resource;
    resource.set_id(id);
    resource.set_dialect("native");
    auto* api = resource.mutable_api();
    api->set_id(id);
    api->set_org_id("org");
    api->set_listen_path("/" + id + "/");
    api->set_keyless(true);
    api->mutable_upstream()->add_targets()->set_url("http://127.0.0.1:1");
    for (auto& group : groups) api->add_groups(std::move(group));
    if (change) change(api);
    Put(std::move(resource));
  }

  [[nodiscard]] Writer& writer() { return *writer_; }
  [[nodiscard]] RpcServer& server() { return *server_; }
  [[nodiscard]] Replicas& replicas() { return replicas_; }
  [[nodiscard]] Hub& hub() { return *hub_; }
  // Nobody looks but the test.
  [[nodiscard]] TicketKeeper& tickets() { return *tickets_; }
  [[nodiscard]] RoleMap& roles() { return roles_; }
  [[nodiscard]] metrics::Book& book() { return book_; }
  [[nodiscard]] const TestCert& ca() const { return ca_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  void StartServer(const std::function<void(RpcServerOptions*)>& change) {
    const TestCert identity =
        CertBuilder("CN=authsvc").Ip(absl::string_view("\x7f\0\0\x01", 4)).ServerAuth().SignBy(ca_);
    RpcServerOptions options;
    options.address = "127.0.0.1";
    options.tls.path = directory_;
    WriteText(options.tls.certificate(), identity.Pem());
    WriteText(options.tls.key(), identity.KeyPem());
    WriteText(options.tls.authorities(), ca_.Pem());
    options.default_org_id = "org";
    options.max_request_bytes = 64 << 10;
    change(&options);
    auto server =
        RpcServer::Start(options, {&base::SystemClock(), &roles_, writer_.get(), hub_.get(),
                                   &replicas_, &telemetry_, &memo_, &book_, tickets_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    server_->SetHealth({true, true, ""});
  }

  TestCert ca_;
  RoleMap roles_;
  std::string directory_;
  metrics::Book book_;
  Replicas replicas_{&base::SystemClock()};
  TelemetryStore telemetry_{&base::SystemClock(), {}};
  DecisionMemo memo_;
  std::unique_ptr<const crypto::Sealer> sealer_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<TicketKeeper> tickets_;
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<RpcServer> server_;
};

inline void SetDeadline(grpc::ClientContext* context, int seconds = 60) {
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
}

// Reads until `wanted` says yes; false when the stream ends or 200 messages went by.
template <typename Reader, typename Message, typename Wanted>
bool ReadUntil(Reader& reader, Message* message, Wanted wanted) {
  for (int i = 0; i < 200 && reader->Read(message); ++i) {
    if (wanted(*message)) return true;
  }
  return false;
}

}  // namespace sallyport::authsvc
