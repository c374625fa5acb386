#include "authsvc/rpc/lookups.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>

#include "sallyport/v1/distribution.pb.h"
#include "sallyport/v1/telemetry.pb.h"

namespace sallyport::authsvc {
namespace {

namespace wire = ::sallyport::v1;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Peer kEdge{Role::kDataplane, "edge", "x"};
constexpr absl::Duration kLong = absl::Minutes(1);

wire::LookupAnswer No(const std::string& lookup_id) {
  wire::LookupAnswer answer;
  answer.set_lookup_id(lookup_id);
  return answer;
}
wire::LookupAnswer Yes(const std::string& lookup_id, const std::string& request_id = "r1") {
  wire::LookupAnswer answer = No(lookup_id);
  answer.mutable_allowed()->set_request_id(request_id);
  return answer;
}

// A question that is being asked on a thread of its own.
class Asking {
 public:
  Asking(Lookups& lookups, absl::Duration limit)
      : result_(std::async(std::launch::async,
                           [&lookups, limit] { return lookups.Ask("r1", limit); })) {}
  [[nodiscard]] LookupResult Result() { return result_.get(); }
  [[nodiscard]] bool Over() {
    return result_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

 private:
  std::future<LookupResult> result_;
};

class LookupsTest : public ::testing::Test {
 protected:
  uint64_t Join(const std::string& name, const Peer& peer = kEdge) {
    return lookups_.Join(peer, name, true, [this] { ++wakes_; });
  }
  // The id of the question that the stream gets; empty when `over` comes first.
  std::string IdOrNone(uint64_t stream, const std::function<bool()>& over) {
    std::shared_ptr<const wire::Update> update;
    while ((update = lookups_.Take(stream)) == nullptr && !over()) std::this_thread::yield();
    if (update == nullptr) return "";
    EXPECT_EQ(update->lookup().request_id(), "r1");
    return update->lookup().lookup_id();
  }
  std::string IdFor(uint64_t stream) {
    const absl::Time until = absl::Now() + kLong;
    std::string id = IdOrNone(stream, [until] { return absl::Now() >= until; });
    EXPECT_NE(id, "") << "the stream got no question";
    return id;
  }

  Lookups lookups_{&base::SystemClock()};
  std::atomic<int> wakes_{0};
};

TEST_F(LookupsTest, NobodyIsThereToAsk) {
  const LookupResult result = lookups_.Ask("r1", kLong);
  EXPECT_EQ(result.allowed, nullptr);
  EXPECT_EQ(result.asked, 0U);
}

TEST_F(LookupsTest, TheFirstThatHasItEndsTheWait) {
  const uint64_t a = Join("a");
  const uint64_t b = Join("b");
  Asking asking(lookups_, kLong);
  (void)IdFor(a);  // never answers
  lookups_.Answered(kEdge, Yes(IdFor(b)));
  const LookupResult result = asking.Result();
  ASSERT_NE(result.allowed, nullptr);
  EXPECT_EQ(result.allowed->request_id(), "r1");
  EXPECT_EQ(result.replica, "b");
  EXPECT_EQ(result.group, "edge");
  EXPECT_EQ(result.asked, 2U);
  EXPECT_EQ(wakes_, 2);
}

TEST_F(LookupsTest, AllSayNo) {
  const uint64_t a = Join("a");
  const uint64_t b = Join("b");
  Asking asking(lookups_, kLong);
  lookups_.Answered(kEdge, No(IdFor(a)));
  EXPECT_FALSE(asking.Over());
  lookups_.Answered(kEdge, No(IdFor(b)));
  const LookupResult result = asking.Result();
  EXPECT_EQ(result.allowed, nullptr);
  EXPECT_EQ(result.asked, 2U);
  EXPECT_THAT(result.unanswered, IsEmpty());
}

TEST_F(LookupsTest, WhoDoesNotAnswerInTimeIsNamedAndNotToldLater) {
  const uint64_t a = Join("a");
  const uint64_t b = Join("b", {Role::kDataplane, "core", "y"});
  std::string id;
  while (id.empty()) {  // until the stream takes it while it is asked
    Asking asking(lookups_, absl::Milliseconds(200));
    id = IdOrNone(a, [&asking] { return asking.Over(); });
    EXPECT_THAT(asking.Result().unanswered, ElementsAre("a (group edge)", "b (group core)"));
  }
  EXPECT_EQ(lookups_.Take(b), nullptr) << "it did not take the question in time";
  lookups_.Answered(kEdge, Yes(id));  // too late: of no question
  Asking again(lookups_, kLong);
  const std::string of_a = IdFor(a);
  EXPECT_NE(of_a, id);
  lookups_.Answered(kEdge, No(of_a));
  lookups_.Answered({Role::kDataplane, "core", "y"}, No(IdFor(b)));
  EXPECT_EQ(again.Result().allowed, nullptr);
}

TEST_F(LookupsTest, WhoIsGoneIsNotWaitedFor) {
  const uint64_t a = Join("a");
  const uint64_t b = Join("b");
  Asking asking(lookups_, kLong);
  lookups_.Answered(kEdge, No(IdFor(a)));
  (void)IdFor(b);
  lookups_.Leave(b);
  EXPECT_THAT(asking.Result().unanswered, ElementsAre("b (group edge)"));
  EXPECT_EQ(lookups_.Take(b), nullptr);
}

TEST_F(LookupsTest, OneThatKeepsNothingIsNotAsked) {
  const uint64_t off = lookups_.Join(kEdge, "off", false, [] { FAIL() << "nothing to take"; });
  const LookupResult result = lookups_.Ask("r1", kLong);
  EXPECT_EQ(result.asked, 0U);
  EXPECT_THAT(result.not_asked, ElementsAre("off (group edge)"));
  EXPECT_EQ(lookups_.Take(off), nullptr);
}

TEST_F(LookupsTest, AnswersForOthersAndMadeUpOnesAreDropped) {
  const uint64_t a = Join("a");
  const uint64_t b = Join("b", {Role::kDataplane, "core", "y"});
  Asking asking(lookups_, kLong);
  const std::string of_a = IdFor(a);
  const std::string of_b = IdFor(b);
  EXPECT_EQ(of_a.size(), 16U);
  EXPECT_NE(of_a, of_b);
  // By ids that nobody gave out, by the certificate of another group, of another name, of another
  // role.
  lookups_.Answered(kEdge, Yes(""));
  lookups_.Answered(kEdge, Yes("r1"));
  lookups_.Answered(kEdge, Yes(std::string(16, 'x')));
  lookups_.Answered({Role::kDataplane, "core", "y"}, Yes(of_a));
  lookups_.Answered({Role::kDataplane, "edge", "y"}, Yes(of_a));
  lookups_.Answered({Role::kDecision, "edge", "x"}, Yes(of_a));
  EXPECT_FALSE(asking.Over());
  lookups_.Answered(kEdge, No(of_a));
  lookups_.Answered(kEdge, Yes(of_a));  // each once
  lookups_.Answered({Role::kDataplane, "core", "y"}, No(of_b));
  EXPECT_EQ(asking.Result().allowed, nullptr);
}

TEST_F(LookupsTest, AnAnswerThatCannotBeMeantIsNone) {
  const uint64_t a = Join("a");
  const uint64_t b = Join("b");
  Asking asking(lookups_, kLong);
  lookups_.Answered(kEdge, Yes(IdFor(a), "another request"));
  wire::LookupAnswer large = Yes(IdFor(b));
  large.mutable_allowed()->mutable_question()->add_chain_der(std::string(200'000, 'x'));
  lookups_.Answered(kEdge, large);
  const LookupResult result = asking.Result();
  EXPECT_EQ(result.allowed, nullptr);
  EXPECT_THAT(result.unanswered, ElementsAre("a (group edge)", "b (group edge)"));
}

TEST_F(LookupsTest, QuestionsAtOnceDoNotDisturbEachOther) {
  const uint64_t a = Join("a");
  Asking first(lookups_, kLong);
  const std::string of_first = IdFor(a);
  Asking second(lookups_, kLong);
  const std::string of_second = IdFor(a);
  lookups_.Answered(kEdge, Yes(of_second));
  EXPECT_NE(second.Result().allowed, nullptr);
  EXPECT_FALSE(first.Over());
  lookups_.Answered(kEdge, No(of_first));
  EXPECT_EQ(first.Result().allowed, nullptr);
}

TEST_F(LookupsTest, CloseEndsWaitsOfNowAndLater) {
  const uint64_t a = Join("a");
  Asking asking(lookups_, kLong);
  (void)IdFor(a);
  lookups_.Close();
  EXPECT_THAT(asking.Result().unanswered, ElementsAre("a (group edge)"));
  EXPECT_EQ(lookups_.Ask("r1", kLong).asked, 1U);
}

}  // namespace
}  // namespace sallyport::authsvc
