#include "dataplane/exchange/chosen_target.h"

#include <utility>

#include "shared/base/log.h"

namespace sallyport::dataplane {

using metrics::Id;

void ChosenTarget::Choose(TargetGroup& group, std::optional<uint64_t> hash, int64_t now) {
  use_ = group.Choose(hash, tried_, now);
  target_ = use_.target();
}

bool ChosenTarget::MoveOn(std::optional<uint64_t> hash, int64_t now, metrics::Sheet& sheet) {
  TargetGroup& group = use_.group();
  tried_.push_back(use_.index());
  TargetUse next = group.Choose(hash, tried_, now);
  if (!next) return false;
  if (!group.retries().Take(now)) {
    sheet.Counter(Id::kRetryBudgetExhausted)->Add(1);
    return false;
  }
  sheet.Counter(Id::kUpstreamRetries, {"target"})->Add(1);
  ticket.Return();
  use_ = std::move(next);
  target_ = use_.target();
  return true;
}

void ChosenTarget::Failed(absl::string_view api_id, absl::string_view cause, base::Reason reason,
                          absl::string_view detail, int64_t now, metrics::Sheet& sheet) {
  if (!use_.Failed(now)) return;
  sheet.Counter(Id::kTargetEjections, {api_id, cause})->Add(1);
  base::Log(base::Level::kWarning, "upstream.ejected",
            {{"api_id", api_id},
             {"host", target_->host},
             {"port", static_cast<int>(target_->port)},
             {"cause", cause},
             {"reason", base::ReasonName(reason)},
             {"detail", detail}});
}

void ChosenTarget::Leave() {
  ticket.Return();
  use_.End();
  tried_.clear();
}

}  // namespace sallyport::dataplane
