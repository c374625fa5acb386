#include "shared/base/background.h"

#include <sys/resource.h>
#include <unistd.h>

namespace sallyport::base {

void GiveWayToOthers() {
  constexpr int kNice = 10;
  // Nice values are of threads in Linux, whatever POSIX says (setpriority(2), "C library/kernel
  // differences").
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
}

}  // namespace sallyport::base
