#include "dataplane/exchange/recheck.h"

#include <iterator>
#include <utility>

namespace sallyport::dataplane {
namespace {

constexpr absl::Duration kMostDoubt = absl::Seconds(5);
constexpr absl::Duration kAskEvery = absl::Seconds(1);
constexpr size_t kMostOpen = 256;

}  // namespace

void Recheck::Start(absl::Duration grace) {
  grace_ = grace;
  doubts_ = connections_.Doubt(loop_.After(kMostDoubt));
  next_ = 0;
  if (doubts_.empty()) return;
  // Snapshots in a row must not put it off.
  if (!linked()) loop_.AddDeadline(this, loop_.After(kAskEvery));
  AskMore();
}

void Recheck::AskAbout(const std::vector<std::string>& tags, absl::Duration grace) {
  grace_ = grace;
  if (connections_.size() == 0) return;
  changed_.insert(tags.begin(), tags.end());
  if (!linked()) loop_.AddDeadline(this, loop_.After(kAskEvery));
}

void Recheck::TakeChanged() {
  if (changed_.empty()) return;
  auto doubts = connections_.Doubt(std::exchange(changed_, {}), Deadline::Never());
  doubts_.insert(doubts_.end(), std::make_move_iterator(doubts.begin()),
                 std::make_move_iterator(doubts.end()));
}

void Recheck::AskMore() {
  for (; next_ < doubts_.size() && open_ < kMostOpen; ++next_) {
    const DoubtfulRequestPtr& doubt = doubts_[next_];
    if (doubt->request != nullptr && !doubt->asking) Ask(doubt);
  }
}

void Recheck::Ask(const DoubtfulRequestPtr& doubt) {
  doubt->asking = true;
  ++open_;
  authorizer_.AskAgain(*doubt->request->let_in_by(), [this, doubt](Standing standing) {
    doubt->asking = false;
    --open_;
    Answered(*doubt, std::move(standing));
    AskMore();
  });
}

void Recheck::Answered(DoubtfulRequest& doubt, Standing standing) {
  switch (standing.kind) {
    case Standing::Kind::kAllowed:
      return ConnectionRegistry::Settle(doubt, std::move(standing.decision));
    case Standing::Kind::kDenied: return Sever(doubt);
    case Standing::Kind::kUnknown: return;  // asked again by the next round
  }
}

void Recheck::Sever(DoubtfulRequest& doubt) {
  if (connections_.Sever(doubt, grace_)) metrics_.Severed(1);
}

void Recheck::OnDeadline() {
  for (const DoubtfulRequestPtr& doubt : doubts_) {
    if (doubt->request != nullptr && loop_.Passed(doubt->until)) Sever(*doubt);
  }
  TakeChanged();
  std::erase_if(doubts_, [](const DoubtfulRequestPtr& doubt) { return doubt->request == nullptr; });
  next_ = 0;
  if (doubts_.empty()) return;
  loop_.AddDeadline(this, loop_.After(kAskEvery));
  AskMore();
}

}  // namespace sallyport::dataplane
