#include "dataplane/script/runner/channel.h"

#include <unistd.h>

#include <cerrno>
#include <string>

namespace sallyport::script {
namespace {

void ReadAll(char* into, size_t size) {
  while (size > 0) {
    const ssize_t count = read(kChannelFd, into, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) _exit(0);
    into += count;
    size -= static_cast<size_t>(count);
  }
}

}  // namespace

ToScript ReceiveMessage() {
  std::string bytes(kFrameHeadBytes, '\0');
  ReadAll(bytes.data(), bytes.size());
  const auto rest = FrameRest(bytes);
  if (!rest.has_value()) _exit(1);
  bytes.assign(*rest, '\0');
  ReadAll(bytes.data(), bytes.size());
  auto message = DecodeToScript(bytes);
  if (!message.has_value()) _exit(1);
  return *std::move(message);
}

void SendMessage(const FromScript& message) {
  const auto frame = Encode(message);
  if (!frame.has_value()) return SendMessage(Failure{Failure::Kind::kScript, "too large", 0});
  for (size_t sent = 0; sent < frame->size();) {
    const ssize_t count = write(kChannelFd, frame->data() + sent, frame->size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) _exit(0);
    sent += static_cast<size_t>(count);
  }
}

}  // namespace sallyport::script
