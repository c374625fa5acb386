#include "dataplane/sync/grpc/acknowledger.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace sallyport::dataplane {
namespace {

struct Wire {
  Acknowledger acknowledger{
      [this](const Acknowledger::Applied& applied, std::function<void(bool)> heard) {
        sent.push_back(applied.revision);
        came = std::move(heard);
      }};
  std::vector<uint64_t> sent;
  std::function<void(bool)> came;
};

using Sent = std::vector<uint64_t>;

TEST(Acknowledger, OneAtATimeAndTheNewestNext) {
  Wire wire;
  wire.acknowledger.Say({1, 5});
  wire.acknowledger.Say({1, 6});
  wire.acknowledger.Say({1, 7});
  EXPECT_EQ(wire.sent, Sent({5}));
  wire.came(true);
  EXPECT_EQ(wire.sent, Sent({5, 7}));
  wire.came(true);
  EXPECT_EQ(wire.sent, Sent({5, 7}));
}

TEST(Acknowledger, RepeatsWhatWasNotHeardWhenAskedTo) {
  Wire wire;
  wire.acknowledger.Say({1, 5});
  wire.came(false);
  EXPECT_EQ(wire.sent, Sent({5})) << "at somebody else's pace";
  wire.acknowledger.TryAgain();
  EXPECT_EQ(wire.sent, Sent({5, 5}));
  wire.acknowledger.TryAgain();
  EXPECT_EQ(wire.sent, Sent({5, 5})) << "under way";
  wire.came(true);
  wire.acknowledger.TryAgain();
  EXPECT_EQ(wire.sent, Sent({5, 5}));
}

TEST(Acknowledger, AFailureSendsTheNewestNotTheOld) {
  Wire wire;
  wire.acknowledger.Say({1, 5});
  wire.acknowledger.Say({2, 1});
  wire.came(false);
  wire.acknowledger.TryAgain();
  EXPECT_EQ(wire.sent, Sent({5, 1}));
}

TEST(Acknowledger, AnAnswerAtOnce) {
  Sent sent;
  Acknowledger acknowledger(
      [&sent](const Acknowledger::Applied& applied, const std::function<void(bool)>& heard) {
        sent.push_back(applied.revision);
        heard(true);
      });
  acknowledger.Say({1, 5});
  acknowledger.Say({1, 6});
  EXPECT_EQ(sent, Sent({5, 6}));
}

}  // namespace
}  // namespace sallyport::dataplane
