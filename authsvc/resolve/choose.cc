#include "authsvc/resolve/choose.h"

namespace sallyport::authsvc {
namespace {

template <typename T>
Chosen<T> ChooseFrom(const domain::DomainMap<T>* api, const domain::DomainMap<T>* gateway,
                     const Target& target) {
  if (api != nullptr) {
    if (const auto match = api->Find(target.host, target.port))
      return {match.value, MapLevel::kApi, match.key};
  }
  if (gateway != nullptr) {
    if (const auto match = gateway->Find(target.host, target.port)) {
      return {match.value, MapLevel::kGateway, match.key};
    }
  }
  return {};
}

}  // namespace

Chosen<std::string> ChooseClientCertificate(const ApiEntry& api, const SettingsEntry& gateway,
                                            const Target& target) {
  const bool api_on = !api.api.upstream().client_certificates().disabled();
  const bool gateway_on = !gateway.settings.upstream_certificates().disabled();
  return ChooseFrom<std::string>(api_on ? &api.client_certificates : nullptr,
                                 gateway_on ? &gateway.upstream_certificates : nullptr, target);
}

Chosen<v1::PinList> ChoosePins(const ApiEntry& api, const SettingsEntry& gateway,
                               const Target& target) {
  const bool api_on = !api.api.upstream().pins().disabled();
  const bool gateway_on = !gateway.settings.pins().disabled();
  return ChooseFrom<v1::PinList>(api_on ? &api.pins : nullptr, gateway_on ? &gateway.pins : nullptr,
                                 target);
}

absl::string_view MapLevelName(MapLevel level) {
  return level == MapLevel::kApi ? "API map" : "gateway map";
}

}  // namespace sallyport::authsvc
