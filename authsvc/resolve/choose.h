// Which entry of the domain maps holds for a target (DESIGN 7): API specific, API default, gateway
// specific, gateway default. A map that is switched off is not there; the other one still counts.
#pragma once

#include "absl/strings/string_view.h"
#include "authsvc/snapshot/entries.h"

namespace sallyport::authsvc {

struct Target {
  absl::string_view host;  // normalised
  uint16_t port = 0;       // effective: as written, or the scheme's default
};

enum class MapLevel : uint8_t { kNone, kApi, kGateway };

template <typename T>
struct Chosen {
  const T* value = nullptr;  // null: no entry holds
  MapLevel level = MapLevel::kNone;
  absl::string_view key;  // of the map, as written
};

[[nodiscard]] Chosen<std::string> ChooseClientCertificate(const ApiEntry& api,
                                                          const SettingsEntry& gateway,
                                                          const Target& target);
[[nodiscard]] Chosen<v1::PinList> ChoosePins(const ApiEntry& api, const SettingsEntry& gateway,
                                             const Target& target);

// "API map" or "gateway map", for details.
[[nodiscard]] absl::string_view MapLevelName(MapLevel level);

}  // namespace sallyport::authsvc
