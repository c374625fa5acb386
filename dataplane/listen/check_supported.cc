#include "absl/strings/str_cat.h"
#include "dataplane/listen/process.h"
#include "dataplane/route/route.h"

namespace sallyport::dataplane {

absl::Status CheckSupported(const config::DataplaneConfig& config) {
  for (const auto& listener : config.listeners) {
    if (!listener.proxy_protocol_from.empty()) {
      return absl::UnimplementedError(
          absl::StrCat("listeners: ", listener.id, ": proxy_protocol_from is not supported yet"));
    }
    if (!listener.default_certificate_id.empty()) {
      return absl::UnimplementedError(
          absl::StrCat("listeners: ", listener.id,
                       ": default_certificate_id belongs to a listener of the auth service; name "
                       "certificate files here"));
    }
  }
  for (const std::string& text : config.trusted_proxies) {
    if (!ParseAddressRange(text).has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("trusted_proxies: \"", text, "\" is neither an address nor a CIDR"));
    }
  }
  if (config.insecure_upstream) {
    return absl::UnimplementedError(
        "insecure_upstream: switch verification off per API or in the gateway settings, where it is "
        "visible; there is no switch for a whole data plane");
  }
  return absl::OkStatus();
}

}  // namespace sallyport::dataplane
