// What this process gives up for good before it looks at anything that came from elsewhere.
#pragma once

#include <string>

namespace sallyport::script {

// Descriptors beside standard input, output and error, the environment, capabilities and new
// privileges, core dumps, files, processes, memory beyond a bound, and every system call but those
// that reading, writing and allocating take. It dies with the process that started it. Empty: done;
// else why not, and nothing may be run.
[[nodiscard]] std::string EnterSandbox();

}  // namespace sallyport::script
