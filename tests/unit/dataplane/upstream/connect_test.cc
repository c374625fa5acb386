#include "dataplane/upstream/connect.h"

#include <gtest/gtest.h>

#include "tests/unit/dataplane/upstream/loop_for_tests.h"
#include "tests/unit/dataplane/upstream/origin_for_tests.h"

namespace sallyport::dataplane {
namespace {

using boost::asio::awaitable;
using boost::asio::ip::address;
using boost::asio::ip::make_address;

ConnectResult Try(const std::vector<address>& addresses, uint16_t port) {
  Loop loop(0);
  ConnectResult result;
  testing::RunOn(loop, [&]() -> awaitable<void> {
    result = co_await Connect(loop, addresses, port, loop.After(absl::Seconds(20)));
  });
  return result;
}

TEST(ConnectTest, FirstThatAnswersWins) {
  testing::Origin origin(testing::Serves(""));
  // 192.0.2.1 never answers or is unreachable; on ::1 nobody listens.
  const ConnectResult result = Try(
      {make_address("192.0.2.1"), make_address("::1"), make_address("127.0.0.1")}, origin.port());
  ASSERT_GE(result.fd, 0);
  EXPECT_EQ(result.address, make_address("127.0.0.1"));
  close(result.fd);
}

TEST(ConnectTest, AllFailIsAFailureAtOnce) {
  const ConnectResult result =
      Try({make_address("127.0.0.1"), make_address("127.0.0.2"), make_address("127.0.0.3")}, 1);
  EXPECT_LT(result.fd, 0);
  EXPECT_EQ(result.error, ECONNREFUSED);
  EXPECT_FALSE(result.timed_out);
}

}  // namespace
}  // namespace sallyport::dataplane
