#include "dataplane/http2/budget.h"

#include <algorithm>

namespace sallyport::dataplane {

absl::string_view NuisanceName(Nuisance kind) {
  switch (kind) {
    case Nuisance::kReset: return "reset_flood";
    case Nuisance::kSettings: return "settings_flood";
    case Nuisance::kPing: return "ping_flood";
    case Nuisance::kPriority: return "priority_flood";
    case Nuisance::kWindowUpdate: return "window_update_flood";
    case Nuisance::kEmptyData: return "empty_data_flood";
    case Nuisance::kUnknownFrame: return "unknown_frame_flood";
    case Nuisance::kFault: return "fault_flood";
    case Nuisance::kCount: break;
  }
  return "flood";
}

NuisanceBudget::NuisanceBudget(uint32_t max_streams) {
  const auto set = [this](Nuisance kind, double most, double per_second) {
    purses_[static_cast<size_t>(kind)] = {most, per_second, most, 0};
  };
  set(Nuisance::kReset, 200 + 2.0 * max_streams, 50);
  set(Nuisance::kSettings, 20, 1);
  set(Nuisance::kPing, 200, 20);
  set(Nuisance::kPriority, 200, 10);
  set(Nuisance::kWindowUpdate, 2000, 500);
  set(Nuisance::kEmptyData, 100, 10);
  set(Nuisance::kUnknownFrame, 100, 10);
  set(Nuisance::kFault, 100, 5);
}

NuisanceBudget NuisanceBudget::ForCancels() {
  NuisanceBudget budget(0);
  budget.purses_[static_cast<size_t>(Nuisance::kReset)] = {50, 5, 50, 0};
  return budget;
}

bool NuisanceBudget::Spend(Nuisance kind, int64_t now_millis) {
  Purse& purse = purses_[static_cast<size_t>(kind)];
  if (purse.at_millis != 0 && now_millis > purse.at_millis) {
    const double seconds = static_cast<double>(now_millis - purse.at_millis) / 1000;
    purse.left = std::min(purse.most, purse.left + seconds * purse.per_second);
  }
  purse.at_millis = now_millis;
  if (purse.left < 1) return false;
  purse.left -= 1;
  return true;
}

void NuisanceBudget::Earn(Nuisance kind, double amount) {
  Purse& purse = purses_[static_cast<size_t>(kind)];
  purse.left = std::min(purse.most, purse.left + amount);
}

}  // namespace sallyport::dataplane
