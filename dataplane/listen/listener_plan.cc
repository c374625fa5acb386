#include "dataplane/listen/listener_plan.h"

#include <algorithm>
#include <optional>
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

// What a listener does not say itself the gateway's settings say. Where that would leave no version
// its own word holds.
void FillVersions(const std::string& min_version, const std::string& max_version,
                  const GatewayFacts& gateway, PlannedListener* listener) {
  listener->min_version = Or(min_version.empty() ? gateway.server_min_version : min_version, "1.2");
  listener->max_version = Or(max_version.empty() ? gateway.server_max_version : max_version, "1.3");
  if (listener->min_version <= listener->max_version) return;
  listener->min_version = Or(min_version, "1.2");
  listener->max_version = Or(max_version, "1.3");
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

// Why the port stays closed; nothing: it does not.
std::optional<StreamPlan::Problem> ProblemOf(const config::TcpApisConfig& allowed,
                                             const StreamPort& wanted,
                                             const std::vector<PlannedListener>& others) {
  const uint16_t port = wanted.port;
  if (port == 0) return StreamPlan::Problem{port, "conflict", "an API without a port"};
  if (!allowed.Allows(port)) {
    return StreamPlan::Problem{port, "not_allowed",
                               "tcp_apis.ports of this data plane does not have it"};
  }
  if (HasPort(others, port))
    return StreamPlan::Problem{port, "conflict", "it is the port of an HTTP listener"};
  if (wanted.tcp > 0 && wanted.tcp + wanted.tls > 1) {
    return StreamPlan::Problem{
        port, "conflict",
        "an API of protocol tcp must be alone there: nothing tells clients apart"};
  }
  if (wanted.proxied > 0 && wanted.proxied != wanted.tcp + wanted.tls) {
    return StreamPlan::Problem{port, "conflict", "proxy_protocol is on in some of its APIs only"};
  }
  if (wanted.proxied > 0 && allowed.proxy_protocol_from.empty()) {
    return StreamPlan::Problem{
        port, "not_allowed",
        "its APIs have proxy_protocol on, and tcp_apis.proxy_protocol_from names no proxy"};
  }
  return std::nullopt;
}

// TLS versions and certificates are those of the machine's first TLS listener.
PlannedListener StreamModel(const std::vector<PlannedListener>& others) {
  PlannedListener model;
  const auto first = std::find_if(others.begin(), others.end(),
                                  [](const PlannedListener& one) { return !one.plain; });
  if (first == others.end()) return model;
  model.min_version = first->min_version;
  model.max_version = first->max_version;
  model.certificates = first->certificates;
  return model;
}

}  // namespace

bool PlannedListener::operator==(const PlannedListener& other) const {
  return std::tie(id, address, port, route_place, plain, redirect, http2, min_version, max_version,
                  style, proxy_protocol_from, streams) ==
         std::tie(other.id, other.address, other.port, other.route_place, other.plain,
                  other.redirect, other.http2, other.min_version, other.max_version, other.style,
                  other.proxy_protocol_from, other.streams);
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
  for (size_t i = 0; i < listeners.size(); ++i) {
    const bool named = i < config.listeners.size();
    FillVersions(named ? config.listeners[i].min_version : "",
                 named ? config.listeners[i].max_version : "", view.gateway, &listeners[i]);
  }
  if (config.listeners_from_authsvc) {
    for (const ListenerSpec& spec : view.listeners) {
      PlannedListener listener = FromAuthsvc(spec);
      FillVersions(spec.min_version, spec.max_version, view.gateway, &listener);
      if (listener.port != 0 && !HasPlace(listeners, listener))
        listeners.push_back(std::move(listener));
    }
  }
  for (const uint16_t port : view.routes->ExtraPorts()) {
    // A listener that is open already keeps its settings; its routes are those of the port.
    if (HasPort(listeners, port)) {
      for (PlannedListener& listener : listeners) {
        if (listener.port == port) listener.route_place = port;
      }
      continue;
    }
    PlannedListener extra = listeners.front();
    extra.id = absl::StrCat("port-", port);
    extra.port = port;
    extra.route_place = port;
    extra.plain = extra.redirect = false;
    listeners.push_back(std::move(extra));
  }
  return listeners;
}

StreamPlan PlanStreams(const config::DataplaneConfig& config, const GatewayView& view,
                       const std::vector<PlannedListener>& others) {
  StreamPlan plan;
  const config::TcpApisConfig& allowed = config.tcp_apis;
  for (const StreamPort& wanted : view.routes->StreamPorts()) {
    if (auto problem = ProblemOf(allowed, wanted, others)) {
      plan.problems.push_back(*std::move(problem));
      continue;
    }
    PlannedListener listener = StreamModel(others);
    listener.id = absl::StrCat("tcp-", wanted.port);
    listener.address = allowed.address;
    listener.port = wanted.port;
    listener.route_place = StreamPlace(wanted.port);
    listener.streams = true;
    listener.http2 = false;
    listener.plain = wanted.tcp > 0;
    if (wanted.proxied > 0) listener.proxy_protocol_from = allowed.proxy_protocol_from;
    plan.listeners.push_back(std::move(listener));
  }
  return plan;
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
