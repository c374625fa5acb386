// Health checks act for nobody, so no decision permits them. What they may do in place of one takes
// this value, which only the health checker can make: forwarding a caller's request with it does
// not compile.
#pragma once

namespace sallyport::dataplane {

class ProbePass {
 private:
  friend class HealthChecker;  // dataplane/upstream
  ProbePass() = default;
};

}  // namespace sallyport::dataplane
