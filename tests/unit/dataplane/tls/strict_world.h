// Handshakes at strict SNIs, with an authsvc that answers as the test says.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <thread>

#include "dataplane/authorize/client_validation.h"
#include "dataplane/sync/stream_state.h"
#include "dataplane/tls/strict_handshakes.h"
#include "shared/cache/generations.h"
#include "tests/fakes/fake_authsvc_client.h"
#include "tests/unit/dataplane/tls/server_tls_world.h"

namespace sallyport::dataplane {

class StrictPoster final : public Poster {
 public:
  explicit StrictPoster(Loop& loop) : loop_(loop) {}
  void Post(std::function<void()> work) override { loop_.Post(std::move(work)); }

 private:
  Loop& loop_;
};

inline ValidationPtr Said(base::Reason reason) {
  auto validation = std::make_shared<Validation>();
  validation->reason = reason;
  validation->ttl = absl::Seconds(60);
  validation->tags = {"settings", "trust:partners"};
  validation->revision = 10;
  return validation;
}

inline StrictRulePtr Rule(bool optional = false) {
  StrictRule rule;
  rule.trust_bundle_ids = {"partners"};
  rule.optional = optional;
  return MakeStrictRule(std::move(rule));
}

class StrictTest : public ServerTlsTest {
 protected:
  StrictTest() {
    limits_.waiting = 50;
    limits_.wait = absl::Seconds(30);
    stream_.OnApplied(10, true);
    client_.on_validate = [](const ValidationQuestion&) { return Said(base::Reason::kAllowed); };
  }
  void SetUp() override {
    ServerTlsTest::SetUp();
    Strict(Rule());
  }
  void TearDown() override {
    client_.LetGo();
    ServerTlsTest::TearDown();
  }
  StrictHandshakes* MakeStrict() override {
    poster_ = std::make_unique<StrictPoster>(*loop_);
    hub_ = std::make_unique<ValidationHub>(ValidationOptions(), &clock_, &client_, &stream_,
                                           &generations_);
    validation_ = std::make_unique<ClientValidation>(hub_.get(), poster_.get());
    strict_ = std::make_unique<StrictHandshakes>(limits_, *validation_, addresses_);
    return strict_.get();
  }
  void Strict(const StrictRulePtr& rule) {
    source_.client_tls["api.example.com"] = {true, WithStrictness(7, rule.get()), nullptr, rule};
  }
  void Answer(base::Reason reason) {
    client_.on_validate = [reason](const ValidationQuestion&) { return Said(reason); };
  }
  // Nothing else keeps an answer fresh.
  Both RunNow(const ClientOptions& options) {
    Beat();
    return Run(options);
  }
  void Beat() { stream_.OnHeartbeat(clock_.Monotonic(), absl::ZeroDuration(), true); }
  void Evict(const std::string& tag) {
    ++revision_;
    generations_.Evict(tag, revision_);
    client_.on_validate = [inner = client_.on_validate,
                           revision = revision_](const ValidationQuestion& question) {
      absl::StatusOr<ValidationPtr> said = inner(question);
      auto newer = std::make_shared<Validation>(**said);
      newer->revision = revision;
      return absl::StatusOr<ValidationPtr>(std::move(newer));
    };
  }
  std::future<Both> Begin(const ClientOptions& options) {
    return std::async(std::launch::async, [this, options] { return Run(options); });
  }
  template <typename Condition>
  static void Await(Condition condition) {
    const absl::Time end = absl::Now() + absl::Minutes(1);
    while (!condition() && absl::Now() < end) std::this_thread::yield();
    ASSERT_TRUE(condition());
  }
  size_t Asked() const { return client_.validation_questions().size(); }
  // On the loop's thread.
  template <typename T>
  T OnLoop(std::function<T()> read) {
    std::promise<T> promise;
    loop_->Post([&] { promise.set_value(read()); });
    return promise.get_future().get();
  }
  size_t StacksInUse() {
    return OnLoop<size_t>([this] { return strict_->stacks().in_use(); });
  }

  StrictHandshakes::Limits limits_;
  cache::TagGenerations generations_;
  StreamState stream_;
  FakeAuthsvcClient client_;
  uint64_t revision_ = 10;
  std::unique_ptr<StrictPoster> poster_;
  std::unique_ptr<ValidationHub> hub_;
  std::unique_ptr<ClientValidation> validation_;
  WaitingAddresses addresses_;  // of the process
  std::unique_ptr<StrictHandshakes> strict_;
};

// Those that hold with TLS 1.2 as with 1.3.
class StrictVersions : public StrictTest, public ::testing::WithParamInterface<int> {
 protected:
  ClientOptions WithLeaf() const {
    ClientOptions options;
    options.chain = {&leaf_};
    options.max_version = GetParam();
    return options;
  }
};

}  // namespace sallyport::dataplane
