// Listening TCP sockets, opened in two steps: a bound one is in nobody's way, and from the second
// step on the kernel puts connections in its queue. All share their port (SO_REUSEPORT): each has
// a queue of its own, and closing the last descriptor of one resets the connections in its queue.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sallyport::dataplane {

// The descriptor, non-blocking and close-on-exec. `address` is an IPv4 or IPv6 literal; "::" takes
// IPv4 as well, and is 0.0.0.0 on a machine without IPv6. The message says what to do.
[[nodiscard]] absl::StatusOr<int> BindListener(const std::string& address, uint16_t port);
// Nothing is done to one that listens already.
[[nodiscard]] absl::Status Listen(int fd);
// Both steps.
[[nodiscard]] absl::StatusOr<int> OpenListener(const std::string& address, uint16_t port);

// The address that BindListener takes for this one: another where "::" is 0.0.0.0.
[[nodiscard]] std::string UsableAddress(const std::string& address);

// Of any descriptor: a TCP socket (IPv4 or IPv6) that listens.
[[nodiscard]] bool IsListening(int fd);
// What BindListener of this place opens: the same family, address, port and reading of "::".
[[nodiscard]] bool IsBoundTo(int fd, const std::string& address, uint16_t port);
// The same for all descriptors that are bound to the same family, address and port.
[[nodiscard]] std::string PlaceOf(int fd);
// Others may listen on its port beside it.
[[nodiscard]] bool SharesItsPort(int fd);
// 0: it is no bound socket.
[[nodiscard]] uint16_t BoundPort(int fd);

}  // namespace sallyport::dataplane
