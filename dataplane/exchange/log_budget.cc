#include "dataplane/exchange/log_budget.h"

#include <utility>

namespace sallyport::dataplane {
namespace {

constexpr size_t kMostKinds = 1000;  // more only while all were seen within one second

}  // namespace

bool LogBudget::Take(absl::string_view kind, absl::Duration now, uint64_t* left_out) {
  if (kinds_.size() >= kMostKinds && !kinds_.contains(kind))
    absl::erase_if(kinds_, [now](const auto& one) { return now >= one.second.until; });
  OfKind& budget = kinds_[kind];
  if (now >= budget.until) {
    budget.until = now + absl::Seconds(1);
    budget.lines = 0;
  }
  if (budget.lines >= most_) {
    ++budget.left_out;
    return false;
  }
  ++budget.lines;
  *left_out = std::exchange(budget.left_out, 0);
  return true;
}

}  // namespace sallyport::dataplane
