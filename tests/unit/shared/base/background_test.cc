#include "shared/base/background.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace sallyport::base {
namespace {

int NiceOfThisThread() { return getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); }

TEST(BackgroundTest, TheThreadGivesWayAndNoOther) {
  const int before = NiceOfThisThread();
  int there = before;
  std::thread([&there] {
    GiveWayToOthers();
    there = NiceOfThisThread();
  }).join();
  EXPECT_EQ(there, std::max(before, 10));
  EXPECT_EQ(NiceOfThisThread(), before);
}

}  // namespace
}  // namespace sallyport::base
