// A subscriber with two loops, whose updates come as the test says.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/sync/subscriber.h"
#include "gtest/gtest.h"
#include "shared/cache/generations.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {

// A loop whose posted work runs when the test says so.
class FakeLoop final : public LoopSink {
 public:
  void Post(std::function<void()> work) override { work_.push_back(std::move(work)); }
  void Apply(GatewayViewPtr view) override { views.push_back(std::move(view)); }
  void Sever(const SeverList& list) override { severed.push_back(list); }
  void Retire(const std::vector<std::string>& tags) override { retired.push_back(tags); }
  void Redecide(const std::vector<std::string>& tags) override { redecided.push_back(tags); }
  void StartOver() override { ++started_over; }
  std::optional<AllowedRecord> FindAllowed(absl::string_view request_id) override {
    ++looked;
    if (kept.request_id != request_id) return std::nullopt;
    return kept;
  }
  void Run() {
    while (!work_.empty()) {
      auto work = std::move(work_.front());
      work_.pop_front();
      work();
    }
  }
  std::vector<GatewayViewPtr> views;
  std::vector<SeverList> severed;
  std::vector<std::vector<std::string>> retired;
  std::vector<std::vector<std::string>> redecided;
  int started_over = 0;
  int looked = 0;
  AllowedRecord kept;

 private:
  std::deque<std::function<void()>> work_;
};

inline RoutePtr Api(const std::string& id, const std::string& listen) {
  Route route;
  route.api_id = id;
  route.listen_path = listen;
  return std::make_shared<const Route>(std::move(route));
}

struct SubscriberWorld {
  SubscriberWorld()
      : subscriber(Subscriber::Options{
                       {8443},
                       [this](uint64_t, uint64_t revision) { acknowledged.push_back(revision); },
                       [this] { ++refused; },
                       [this](LookupAnswer answer) { answers.push_back(std::move(answer)); },
                       [this](const SharedTicketKeys& keys) {
                         ticket_keys.push_back(keys.keys.empty() ? "" : keys.keys.front().name);
                       }},
                   &clock, &generations, &stream) {
    subscriber.AddLoop(&one);
    subscriber.AddLoop(&two);
    Run();
  }
  ~SubscriberWorld() {
    subscriber.RemoveLoop(&one);
    subscriber.RemoveLoop(&two);
  }
  void Run() {
    one.Run();
    two.Run();
  }
  static StreamUpdate Part(std::vector<RoutePtr> routes, bool first, bool last, ResumeToken at) {
    StreamUpdate update;
    update.kind = StreamUpdate::Kind::kSnapshotPart;
    update.routes.put = std::move(routes);
    update.first = first;
    update.last = last;
    update.position = std::move(at);
    return update;
  }
  static StreamUpdate Change(ResumeToken at, RouteChanges routes,
                             std::vector<Eviction> evictions = {}) {
    StreamUpdate update;
    update.kind = StreamUpdate::Kind::kChange;
    update.routes = std::move(routes);
    update.evictions = std::move(evictions);
    update.position = std::move(at);
    return update;
  }
  static StreamUpdate Beat(ResumeToken at, absl::Duration age = absl::ZeroDuration()) {
    StreamUpdate update;
    update.position = std::move(at);
    update.proof_age = age;
    update.connected_replicas = 2;
    return update;
  }
  void Snapshot(uint64_t revision = 10) {
    EXPECT_TRUE(subscriber.OnUpdate(Part({Api("a", "/a")}, true, true, {"store", 1, revision})));
    Run();
  }

  base::ManualClock clock;
  cache::TagGenerations generations;
  StreamState stream;
  FakeLoop one, two;
  std::vector<uint64_t> acknowledged;
  int refused = 0;
  std::vector<LookupAnswer> answers;
  std::vector<std::string> ticket_keys;
  Subscriber subscriber;
};

}  // namespace sallyport::dataplane
