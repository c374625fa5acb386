// A pool on a loop whose time stands still until a test moves it, a trust store with one root, and
// certificates for two hosts that want different clients.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "dataplane/upstream/pool.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/permit_for_tests.h"
#include "tests/unit/dataplane/upstream/loop_for_tests.h"
#include "tests/unit/dataplane/upstream/origin_for_tests.h"

namespace sallyport::dataplane::testing {

using base::Reason;
using boost::asio::awaitable;
using boost::asio::ip::make_address;

struct World {
  Pair root = Root("upstream root");
  Pair intermediate = Intermediate(root, "upstream intermediate");
  Pair server = Server(intermediate, "DNS:one.example,DNS:two.example");
  Pair stranger = SelfSigned("DNS:one.example");
  Pair client_root = Root("client root");
  Pair client_ca = Intermediate(client_root, "client ca");
  Pair client_a = Issue(&client_ca, {.common_name = "a", .usage = "clientAuth"});
  Pair client_b = Issue(&client_ca, {.common_name = "b", .usage = "clientAuth"});
};
inline const World& W() {
  static const World* const world = new World();
  return *world;
}

class UpstreamPoolTest : public ::testing::Test {
 protected:
  UpstreamPoolTest() : resolver_({}, [this](const std::string&) { return Lookup(); }, time_) {
    std::string pattern = (std::filesystem::temp_directory_path() / "pool.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    std::ofstream(directory_ + "/root.pem") << W().root.Pem();
    trust_ = std::make_unique<SystemTrust>(SystemTrustOptions{.directories = {directory_}});
    trust_->Refresh();
    MakePool({});
  }
  ~UpstreamPoolTest() override { std::filesystem::remove_all(directory_); }

  // What every name leads to from now on.
  void NamesLeadTo(const std::vector<std::string>& addresses) {
    const base::MutexLock lock(&names_mutex_);
    addresses_.clear();
    for (const std::string& one : addresses) addresses_.push_back(make_address(one));
  }
  std::vector<boost::asio::ip::address> Lookup() {
    const base::MutexLock lock(&names_mutex_);
    return addresses_;
  }
  void MakePool(const UpstreamPoolOptions& options) {
    pool_ = std::make_unique<UpstreamPool>(loop_, options, resolver_, *trust_);
  }
  static UpstreamTargetPtr Target(const std::string& scheme, const std::string& host,
                                  uint16_t port) {
    return *ParseUpstreamTarget(absl::StrCat(scheme, "://", host, ":", port));
  }
  // A plain answer: verify, present nothing.
  static UpstreamCredentials Plain() {
    UpstreamCredentials credentials;
    credentials.reason = Reason::kAllowed;
    return credentials;
  }
  static UpstreamCredentials With(const Pair& client, const std::string& id) {
    UpstreamCredentials credentials = Plain();
    credentials.certificate_id = id;
    credentials.client_chain_der = {client.Der(), W().client_ca.Der()};
    credentials.client_key_der = base::Secret(client.KeyDer());
    credentials.tags = {"cert:" + id, "api:x"};
    return credentials;
  }
  static UpstreamCredentialsPtr Share(UpstreamCredentials credentials) {
    return std::make_shared<const UpstreamCredentials>(std::move(credentials));
  }
  static std::string KeyOf(const Pair& pair) {  // as OriginConnection::ClientSpki
    unsigned char digest[32];
    unsigned size = 0;
    X509_pubkey_digest(pair.certificate.get(), EVP_sha256(), digest, &size);
    return {reinterpret_cast<char*>(digest), size};
  }
  static OriginTls ServerTls() { return {.chain = {&W().server, &W().intermediate}}; }

  awaitable<UpstreamPool::Result> Acquire(UpstreamTargetPtr target,
                                          UpstreamCredentialsPtr credentials, bool fresh = false) {
    const UpstreamPool::Limits limits{loop_.After(absl::Seconds(20)), fresh};
    UpstreamPool::Result result = co_await pool_->Acquire(target, credentials, permit_, limits);
    co_return result;
  }
  // One request with an empty answer, so that the connection is used as real ones are.
  awaitable<std::string> Exchange(UpstreamLease& lease) {
    (void)co_await WriteAll(lease.stream(), "GET / HTTP/1.1\r\n\r\n",
                            loop_.After(absl::Seconds(20)));
    std::string answer;
    while (answer.find("\r\n\r\n") == std::string::npos) {
      char block[4096];
      const IoResult result =
          co_await Read(lease.stream(), absl::MakeSpan(block), loop_.After(absl::Seconds(20)));
      if (!result.ok()) break;
      answer.append(block, result.bytes);
    }
    co_return answer;
  }
  // The failure of one attempt; kAllowed when there was none.
  UpstreamFailure FailureOf(const UpstreamTargetPtr& target, UpstreamCredentials credentials) {
    UpstreamFailure failure;
    failure.reason = Reason::kAllowed;
    const UpstreamCredentialsPtr shared = Share(std::move(credentials));
    Run([&]() -> awaitable<void> {
      UpstreamPool::Result result = co_await Acquire(target, shared);
      if (auto* found = std::get_if<UpstreamFailure>(&result)) failure = *found;
    });
    return failure;
  }
  void Run(const std::function<awaitable<void>()>& scenario) { RunOn(loop_, scenario); }

  // Lets everything else that is ready on the loop run.
  awaitable<void> Turn() { co_await Yield(loop_); }

  base::Mutex names_mutex_;
  std::vector<boost::asio::ip::address> addresses_ ABSL_GUARDED_BY(names_mutex_) = {
      make_address("127.0.0.1")};
  base::ManualClock time_;  // of the loop and of names; certificates are checked by the machine's
  Loop loop_{0, time_};
  Resolver resolver_;
  std::string directory_;
  std::unique_ptr<SystemTrust> trust_;
  std::unique_ptr<UpstreamPool> pool_;
  Permit permit_ = PermitForTests::Of();
};

}  // namespace sallyport::dataplane::testing
