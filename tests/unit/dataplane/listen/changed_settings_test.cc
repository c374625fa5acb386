#include "dataplane/listen/changed_settings.h"

#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

TEST(ChangedSettings, WhatARunningProcessTakesUpDoesNotWait) {
  const config::DataplaneConfig now;
  config::DataplaneConfig again = now;
  EXPECT_EQ(WaitForRestart(now, again), "");
  again.log_level = "debug";
  again.trace_clients = {"127.0.0.1"};
  EXPECT_EQ(WaitForRestart(now, again), "");
  again.port = 1234;
  again.limits.headers = 7;
  EXPECT_EQ(WaitForRestart(now, again), "limits.headers, port");
}

}  // namespace
}  // namespace sallyport::dataplane
