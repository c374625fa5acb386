// The one place that makes a Permit. Private to dataplane/authorize: include it nowhere else.
#pragma once

#include <utility>

#include "dataplane/authorize/verdict.h"

namespace sallyport::dataplane {

class PermitOffice {
 public:
  // Only with a decision that allows.
  static Permit Issue(DecisionPtr decision, bool stale) {
    return Permit(std::move(decision), stale);
  }
};

}  // namespace sallyport::dataplane
