// Makes a Permit without an authorization: for tests of what comes after one.
#pragma once

#include <memory>
#include <utility>

#include "dataplane/authorize/verdict.h"

namespace sallyport::dataplane {

struct PermitForTests {
  static Permit Of(Decision decision = {}, bool stale = false) {
    decision.reason = base::Reason::kAllowed;
    return Permit(std::make_shared<const Decision>(std::move(decision)), stale);
  }
};

}  // namespace sallyport::dataplane
