#include "authsvc/decide/decide.h"

#include "authsvc/decide/decider.h"

namespace sallyport::authsvc {

v1::Decision Decide(const Snapshot& snapshot, const AuthorizeQuestion& question, absl::Time now,
                    DecisionMemo* memo, Trace* trace, const DecisionBounds& bounds) {
  return Decider(snapshot, question, now, memo, trace, bounds).Run();
}

}  // namespace sallyport::authsvc
