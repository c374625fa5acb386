// Asks again about requests in flight: about every one after a snapshot came in place of changes
// (DESIGN 4), since what those would have severed nobody will say, and a download, tunnel or stream
// may have been let in by a certificate, key or CA that is gone since; and about those that are
// still there a second after what they rest on was changed (a key's or policy's rights, an API).
// Whoever is denied gets the grace of an eviction that severs; so does, after a snapshot, whoever
// nobody answers for within 5 s, since the answers of before are void. Others are asked about until
// somebody answers. One per loop, on its thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "dataplane/authorize/authorizer.h"
#include "dataplane/exchange/connection_registry.h"
#include "dataplane/loop/loop.h"
#include "dataplane/observe/metrics.h"

namespace sallyport::dataplane {

class Recheck final : public DeadlineNode {
 public:
  // All outlive it; answers that are still to come are posted to the authorizer's loop and must not
  // run after this is gone.
  Recheck(Loop& loop, Authorizer& authorizer, ConnectionRegistry& connections, LoopMetrics& metrics)
      : loop_(loop), authorizer_(authorizer), connections_(connections), metrics_(metrics) {}

  // Once what is asked for is void in every cache. May be called again before the last one is
  // through.
  void Start(absl::Duration grace);
  // About what rests on one of these tags and is not over within a second.
  void AskAbout(const std::vector<std::string>& tags, absl::Duration grace);
  // Requests that nobody has answered for yet.
  [[nodiscard]] size_t in_doubt() const { return doubts_.size(); }

 private:
  void OnDeadline() override;  // each second while one is in doubt, or something has changed
  // Puts questions, so many at a time that a loop full of downloads does not flood authsvc.
  void AskMore();
  void Ask(const DoubtfulRequestPtr& doubt);
  void TakeChanged();
  void Answered(DoubtfulRequest& doubt, Standing standing);
  void Sever(DoubtfulRequest& doubt);

  Loop& loop_;
  Authorizer& authorizer_;
  ConnectionRegistry& connections_;
  LoopMetrics& metrics_;
  absl::Duration grace_;
  std::vector<DoubtfulRequestPtr> doubts_;
  absl::flat_hash_set<std::string> changed_;  // tags, until the next round
  size_t next_ = 0;                           // of doubts_: whose turn it is
  size_t open_ = 0;                           // questions
};

}  // namespace sallyport::dataplane
