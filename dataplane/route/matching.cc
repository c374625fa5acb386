#include "dataplane/route/matching.h"

namespace sallyport::dataplane {

// More conditions come first, so that one with none takes only what is left.
int MatchRules::Compare(const MatchRules& other) const {
  if (priority != other.priority) return priority > other.priority ? -1 : 1;
  if (conditions.size() != other.conditions.size())
    return conditions.size() > other.conditions.size() ? -1 : 1;
  if (methods.empty() != other.methods.empty()) return other.methods.empty() ? -1 : 1;
  return 0;
}

}  // namespace sallyport::dataplane
