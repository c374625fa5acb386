#include "authsvc/store/kind.h"

#include "absl/strings/match.h"

namespace sallyport::authsvc {

absl::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kCertificate: return "Certificate";
    case Kind::kApi: return "Api";
    case Kind::kKey: return "Key";
    case Kind::kPolicy: return "Policy";
    case Kind::kSettings: return "GatewaySettings";
    case Kind::kListener: return "Listener";
    case Kind::kTrustBundle: return "TrustBundle";
    case Kind::kSecret: return "Secret";
    case Kind::kConfigMap: return "ConfigMap";
    case Kind::kTokenIssuer: return "TokenIssuer";
    case Kind::kDialectObject: return "DialectObject";
  }
  return "Unknown";
}

std::optional<Kind> ParseKind(absl::string_view name) {
  for (const Kind kind : kAllKinds) {
    if (absl::EqualsIgnoreCase(KindName(kind), name)) return kind;
  }
  return std::nullopt;
}

std::optional<Kind> KindFromNumber(int number) {
  for (const Kind kind : kAllKinds) {
    if (static_cast<int>(kind) == number) return kind;
  }
  return std::nullopt;
}

}  // namespace sallyport::authsvc
