#include "dataplane/listen/listener_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

std::string Or(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

PlannedListener FromFile(const config::TrafficListenerConfig& from) {
  PlannedListener listener;
  listener.id = from.id;
  listener.address = from.address;
  listener.port = from.port;
  listener.plain = from.plain;
  listener.redirect = from.redirect;
  listener.http2 = from.http2;
  listener.min_version = Or(from.min_version, "1.2");
  listener.max_version = Or(from.max_version, "1.3");
  listener.style = ErrorStyleFromName(from.style);
  for (const auto& pair : from.certificates) {
    listener.certificates.push_back({pair.certificate_file, pair.key_file});
  }
  listener.proxy_protocol_from = from.proxy_protocol_from;
  return listener;
}

PlannedListener FromAuthsvc(const ListenerSpec& from) {
  PlannedListener listener;
  listener.id = from.id;
  listener.address = Or(from.address, "::");
  listener.port = from.port;
  listener.plain = from.plain;
  listener.redirect = from.redirect;
  listener.min_version = Or(from.min_version, "1.2");
  listener.max_version = Or(from.max_version, "1.3");
  listener.style = from.style;
  listener.http2 = from.http2;
  listener.proxy_protocol_from = from.proxy_protocol_from;
  return listener;
}

bool HasPort(const std::vector<PlannedListener>& listeners, uint16_t port) {
  return std::any_of(listeners.begin(), listeners.end(),
                     [port](const PlannedListener& listener) { return listener.port == port; });
}

bool HasPlace(const std::vector<PlannedListener>& listeners, const PlannedListener& other) {
  return std::any_of(listeners.begin(), listeners.end(), [&](const PlannedListener& listener) {
    return listener.port == other.port && listener.address == other.address;
  });
}

}  // namespace

bool PlannedListener::operator==(const PlannedListener& other) const {
  return std::tie(id, address, port, route_port, plain, redirect, http2, min_version, max_version,
                  style, proxy_protocol_from) ==
         std::tie(other.id, other.address, other.port, other.route_port, other.plain,
                  other.redirect, other.http2, other.min_version, other.max_version, other.style,
                  other.proxy_protocol_from);
}

std::vector<PlannedListener> FileListeners(const config::DataplaneConfig& config) {
  std::vector<PlannedListener> listeners;
  for (const auto& listener : config.listeners) listeners.push_back(FromFile(listener));
  if (listeners.empty()) {
    PlannedListener standard;
    standard.id = "default";
    standard.address = config.address;
    standard.port = config.port;
    listeners.push_back(std::move(standard));
  }
  return listeners;
}

std::vector<PlannedListener> PlanListeners(const config::DataplaneConfig& config,
                                           const GatewayView& view) {
  std::vector<PlannedListener> listeners = FileListeners(config);
  if (config.listeners_from_authsvc) {
    for (const ListenerSpec& spec : view.listeners) {
      PlannedListener listener = FromAuthsvc(spec);
      if (listener.port != 0 && !HasPlace(listeners, listener))
        listeners.push_back(std::move(listener));
    }
  }
  for (const uint16_t port : view.routes->ExtraPorts()) {
    // A listener that is open already keeps its settings; its routes are those of the port.
    if (HasPort(listeners, port)) {
      for (PlannedListener& listener : listeners) {
        if (listener.port == port) listener.route_port = port;
      }
      continue;
    }
    PlannedListener extra = listeners.front();
    extra.id = absl::StrCat("port-", port);
    extra.port = extra.route_port = port;
    extra.plain = extra.redirect = false;
    listeners.push_back(std::move(extra));
  }
  return listeners;
}

std::vector<uint16_t> DefaultPorts(const config::DataplaneConfig& config) {
  std::vector<uint16_t> ports;
  for (const PlannedListener& listener : FileListeners(config)) ports.push_back(listener.port);
  return ports;
}

uint16_t RedirectPort(const std::vector<PlannedListener>& listeners) {
  for (const PlannedListener& listener : listeners) {
    if (!listener.plain) return listener.port;
  }
  return 443;
}

}  // namespace sallyport::dataplane
