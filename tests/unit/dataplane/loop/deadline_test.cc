#include "dataplane/loop/deadline.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace sallyport::dataplane {
namespace {

class Node final : public DeadlineNode {
 public:
  explicit Node(std::function<void()> action = [] {}) : action_(std::move(action)) {}
  int fired = 0;

 private:
  void OnDeadline() override {
    ++fired;
    action_();
  }
  std::function<void()> action_;
};

TEST(DeadlineWheel, NeverEarlyAtMostATickLate) {
  for (int64_t due = 10'001; due < 10'300; due += 7) {
    Node node;
    int64_t now = 10'000;
    DeadlineWheel fresh;
    fresh.Advance(now);
    fresh.Add(&node, Deadline::AtMillis(due));
    while (node.fired == 0) {
      fresh.Advance(++now);
      ASSERT_LE(now, due + DeadlineWheel::kTickMillis);
    }
    EXPECT_GE(now, due);
  }
}

TEST(DeadlineWheel, FarDeadlinesSurviveTurns) {
  DeadlineWheel wheel;
  wheel.Advance(0);
  Node node;
  wheel.Add(&node, Deadline::AtMillis(1'000'000));
  for (int64_t now = 0; now < 1'000'000; now += 40) wheel.Advance(now);
  EXPECT_EQ(node.fired, 0);
  wheel.Advance(1'000'050);
  EXPECT_EQ(node.fired, 1);
  EXPECT_EQ(wheel.size(), 0u);
}

TEST(DeadlineWheel, ASleepOfManyTurnsFiresAll) {
  DeadlineWheel wheel;
  wheel.Advance(0);
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 1; i <= 1000; ++i) {
    nodes.push_back(std::make_unique<Node>());
    wheel.Add(nodes.back().get(), Deadline::AtMillis(i * 37));
  }
  wheel.Advance(100'000'000);
  for (const auto& node : nodes) EXPECT_EQ(node->fired, 1);
}

TEST(DeadlineWheel, MovedAndRemovedNodesDoNotFire) {
  DeadlineWheel wheel;
  wheel.Advance(0);
  Node moved;
  Node removed;
  wheel.Add(&moved, Deadline::AtMillis(100));
  wheel.Add(&moved, Deadline::AtMillis(500));
  wheel.Add(&removed, Deadline::AtMillis(100));
  DeadlineWheel::Remove(&removed);
  {
    Node destroyed;
    wheel.Add(&destroyed, Deadline::AtMillis(100));
  }
  wheel.Add(&removed, Deadline::Never());
  EXPECT_EQ(wheel.size(), 1u);
  wheel.Advance(300);
  EXPECT_EQ(moved.fired + removed.fired, 0);
  wheel.Advance(550);
  EXPECT_EQ(moved.fired, 1);
}

TEST(DeadlineWheel, FiringMayAddAndDestroy) {
  DeadlineWheel wheel;
  wheel.Advance(0);
  auto victim = std::make_unique<Node>();
  Node* again_pointer = nullptr;
  Node again([&] {
    victim.reset();
    if (again_pointer->fired < 3) wheel.Add(again_pointer, Deadline::AtMillis(100));
  });
  again_pointer = &again;
  wheel.Add(&again, Deadline::AtMillis(100));
  wheel.Add(victim.get(), Deadline::AtMillis(100));
  for (int64_t now = 0; now < 1000; now += 50) wheel.Advance(now);
  EXPECT_EQ(again.fired, 3);
  EXPECT_EQ(wheel.size(), 0u);
}

}  // namespace
}  // namespace sallyport::dataplane
