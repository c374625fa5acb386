// Kinds of resources, as the store numbers them and as APIs and people name them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace sallyport::authsvc {

// The numbers are stored: never reuse or change one.
enum class Kind : uint8_t {
  kCertificate = 1,
  kApi = 2,
  kKey = 3,
  kPolicy = 4,
  kSettings = 5,
  kListener = 6,
  kTrustBundle = 7,
  kSecret = 8,
  kConfigMap = 9,
  kTokenIssuer = 10,
  kDialectObject = 23,
};

inline constexpr std::array<Kind, 11> kAllKinds = {
    Kind::kCertificate, Kind::kApi,         Kind::kKey,          Kind::kPolicy,
    Kind::kSettings,    Kind::kListener,    Kind::kTrustBundle,  Kind::kSecret,
    Kind::kConfigMap,   Kind::kTokenIssuer, Kind::kDialectObject};

// "Certificate", "Api", "Key", "Policy", "GatewaySettings", "Listener", "TrustBundle", "Secret",
// "ConfigMap", "TokenIssuer", "DialectObject".
[[nodiscard]] absl::string_view KindName(Kind kind);
// The same names, in any case.
[[nodiscard]] std::optional<Kind> ParseKind(absl::string_view name);
[[nodiscard]] std::optional<Kind> KindFromNumber(int number);

}  // namespace sallyport::authsvc
