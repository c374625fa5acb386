#include "dataplane/listen/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "absl/strings/match.h"

namespace sallyport::dataplane {

ServiceManager::ServiceManager(const std::vector<std::string>& environment) {
  constexpr absl::string_view kName = "NOTIFY_SOCKET=";
  for (const std::string& entry : environment) {
    if (absl::StartsWith(entry, kName)) socket_ = entry.substr(kName.size());
  }
}

void ServiceManager::Tell(absl::string_view state) const {
  sockaddr_un where = {};
  if (socket_.empty() || socket_.size() >= sizeof(where.sun_path)) return;
  where.sun_family = AF_UNIX;
  std::memcpy(where.sun_path, socket_.data(), socket_.size());
  if (where.sun_path[0] == '@') where.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  (void)sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&where), size);
  close(fd);
}

}  // namespace sallyport::dataplane
