#include "dataplane/route/fallback_names.h"

#include "dataplane/route/strict_table.h"

namespace sallyport::dataplane {

void FallbackNames::Add(absl::string_view listener_id, absl::string_view address, uint16_t port,
                        const std::string& name) {
  by_id_[std::string(listener_id)] = name;
  by_place_[ListenerPlace(address, port)] = name;
}

absl::string_view FallbackNames::Find(absl::string_view listener_id,
                                      absl::string_view place) const {
  if (const auto found = by_place_.find(place); found != by_place_.end()) return found->second;
  const auto found = by_id_.find(listener_id);
  return found == by_id_.end() ? absl::string_view() : absl::string_view(found->second);
}

}  // namespace sallyport::dataplane
