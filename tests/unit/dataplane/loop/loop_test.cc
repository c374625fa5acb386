#include "dataplane/loop/loop.h"

#include <sys/resource.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

// Nothing can be opened while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none = {0, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_ = {};
};

// Who waits for descriptors to come back waits by a timer.
TEST(Loop, TimersNeedNoDescriptorOfTheirOwn) {
  Loop loop(0);
  bool fired = false;
  const NoDescriptors none;
  boost::asio::steady_timer timer(loop.context());
  timer.expires_after(std::chrono::milliseconds(1));
  timer.async_wait([&](const boost::system::error_code& error) { fired = !error; });
  for (int i = 0; i < 100 && !fired; ++i) loop.RunFor(absl::Milliseconds(100));
  EXPECT_TRUE(fired);
}

}  // namespace
}  // namespace sallyport::dataplane
