// sallyport-script: runs JavaScript for sallyport-dataplane, which starts it, in a process that
// has no keys, no files, no network and no way to get any. One request after the other, over its
// standard input. Links the engine and nothing else of the data plane.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "dataplane/script/runner/channel.h"
#include "dataplane/script/runner/engine.h"
#include "dataplane/script/runner/sandbox.h"

int main(int argc, char** /*argv*/) {
  using sallyport::script::Failure;
  if (argc > 1 || isatty(sallyport::script::kChannelFd) != 0) {
    std::fputs("sallyport-script is started by sallyport-dataplane\n", stderr);
    return 2;
  }
  const std::string problem = sallyport::script::EnterSandbox();
  for (;;) {
    auto message = sallyport::script::ReceiveMessage();
    auto* const run = std::get_if<sallyport::script::Run>(&message);
    if (run == nullptr) return 1;
    Failure broken{Failure::Kind::kBroken, "", 0};
    if (run->protocol != sallyport::script::kProtocol) {
      broken.message = "sallyport-script is of another version than the data plane";
    } else if (!problem.empty()) {
      broken.message = "no sandbox for scripts: " + problem + ": " + std::strerror(errno);
    } else {
      sallyport::script::SendMessage(sallyport::script::RunOnce(std::move(*run)));
      continue;
    }
    sallyport::script::SendMessage(broken);
    return 1;
  }
}
