// What follows a switch of protocols: bytes from each side to the other as they come, with the
// speed of who reads, in bounded memory. An end of one side is passed on and the other direction
// goes on. One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/loop/buffer.h"
#include "dataplane/loop/stream.h"

namespace sallyport::dataplane {

struct TunnelSettings {
  absl::Duration idle = absl::Hours(1);                // no byte in either direction
  absl::Duration half_closed = absl::Seconds(60);      // the same, once one side has ended
  absl::Duration total = absl::InfiniteDuration();     // of a tunnel's life
  std::function<void(bool to_client, size_t)> passed;  // bytes, as they are; may be empty
};

enum class TunnelEnd : uint8_t {
  kClosed,  // both sides have ended in order
  kIdle,    // the two times of the settings
  kTotal,
  kCut,     // its client was cut off, or this process stops
  kClient,  // broken by that side
  kUpstream,
};
[[nodiscard]] absl::string_view TunnelEndName(TunnelEnd end);  // a constant

struct TunnelOutcome {
  TunnelEnd end = TunnelEnd::kClosed;
  uint64_t to_upstream = 0;  // bytes taken by the upstream's connection
  uint64_t to_client = 0;
};

// One end: what was read from it already goes first. Both outlive the tunnel.
struct TunnelSide {
  Stream& stream;
  ReadBuffer& buffer;
};

// Until it is over: then kClosed, and both streams have been shut down, or anything else, and both
// are cancelled and the end must look like no orderly one to either side. Cancelling the client's
// stream cuts it.
[[nodiscard]] boost::asio::awaitable<TunnelOutcome> RunTunnel(TunnelSide client,
                                                              TunnelSide upstream,
                                                              const TunnelSettings& settings);

}  // namespace sallyport::dataplane
