// Runs a question on a snapshot that is at least as new as what the caller has seen.
#pragma once

#include <memory>
#include <utility>

#include "authsvc/change/writer.h"
#include "authsvc/rpc/call.h"
#include "authsvc/rpc/parts.h"
#include "authsvc/rpc/revision_gate.h"

namespace sallyport::authsvc {

// `then(snapshot)` finishes the call, now or later. Runs at once on this thread when it can, else
// on the gate's. The call is finished with UNAVAILABLE when the revision does not come in time.
template <typename Then>
void FromRevision(const ServiceParts& parts, uint64_t revision, Call call, Then then) {
  SnapshotPtr snapshot = parts.writer->snapshot();
  if (snapshot->revision() >= revision) return then(*snapshot);
  parts.gate->When(revision, [call, then = std::move(then)](const SnapshotPtr& newer) mutable {
    if (newer == nullptr) {
      call.Finish(absl::UnavailableError("this auth service has not seen that revision yet"));
    } else {
      then(*newer);
    }
  });
}

// The same where `answer(snapshot)` returns the status of the call.
template <typename Answer>
void AtRevision(const ServiceParts& parts, uint64_t revision, Call call, Answer answer) {
  FromRevision(parts, revision, call,
               [call, answer = std::move(answer)](const Snapshot& snapshot) mutable {
                 call.Finish(answer(snapshot));
               });
}

// The scope of a data plane: its group. Others are not bound to one.
[[nodiscard]] inline std::optional<absl::string_view> GroupOf(const Peer& peer) {
  if (peer.role != Role::kDataplane) return std::nullopt;
  return absl::string_view(peer.group);
}

}  // namespace sallyport::authsvc
