// The socket to the data plane, which is this process's standard input. Blocks; ends the process
// where the other side has gone or says what cannot be understood.
#pragma once

#include "dataplane/script/wire/message.h"

namespace sallyport::script {

constexpr int kChannelFd = 0;

[[nodiscard]] ToScript ReceiveMessage();
void SendMessage(const FromScript& message);

}  // namespace sallyport::script
