// A registry whose connections are open sockets.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "dataplane/exchange/connection_registry.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {

inline std::string LeafOf(const std::string& certificate) {
  return MakePeerCertificate({certificate})->leaf_hex;
}

struct Open {
  explicit Open(ConnectionRegistry& registry, Loop& loop, const std::string& leaf) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    far = ends[1];
    stream = std::make_unique<PlainStream>(loop, ends[0]);
    connection = std::make_unique<RegisteredConnection>();
    connection->memo = &memo;
    registry.Add(connection.get(), stream.get());
    registry.SetPeer(connection.get(), leaf.empty() ? nullptr : MakePeerCertificate({leaf}));
    request = std::make_unique<RegisteredRequest>(*connection, nullptr);
  }
  ~Open() {
    request.reset();
    connection.reset();
    close(far);
  }
  [[nodiscard]] bool cut() const { return stream->readiness().cancelled(); }

  int far;
  std::unique_ptr<PlainStream> stream;
  ConnectionMemo memo;
  std::unique_ptr<RegisteredConnection> connection;
  std::unique_ptr<RegisteredRequest> request;
};

class ConnectionRegistryTest : public ::testing::Test {
 protected:
  base::ManualClock clock_;
  Loop loop_{0, clock_};
  ConnectionRegistry registry_{loop_};

  // Lets the wheel fire.
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    loop_.RunFor(absl::ZeroDuration());
  }
};

}  // namespace sallyport::dataplane
