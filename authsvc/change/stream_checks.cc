#include "authsvc/change/stream_checks.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/change/invalid.h"
#include "authsvc/snapshot/snapshot_index.h"
#include "shared/domain/host.h"

namespace sallyport::authsvc {
namespace {

absl::Status CheckNames(const v1::Api& api) {
  const std::string& protocol = api.protocol();
  if (api.listen_port() == 0 || api.listen_port() > 65535) {
    return Invalid("protocol ", protocol, ": listen_port is required, HTTP is not spoken there");
  }
  if (!api.listen_path().empty() && api.listen_path() != "/") {
    return Invalid("protocol ", protocol, ": listen_path `", api.listen_path(),
                   "`: there are no paths, leave it out");
  }
  if (protocol == "tcp" && !api.hosts().empty()) {
    return Invalid("protocol tcp: hosts: clients name none, and the API has its port alone");
  }
  return absl::OkStatus();
}

// Nobody can present a token: the connection and its certificate are all there is.
absl::Status CheckCallers(const v1::Api& api) {
  if (api.token().enabled()) {
    return Invalid("protocol ", api.protocol(), ": a client has no way to present a token: ",
                   "set keyless (with static_mtls for its certificate alone), or dynamic_mtls");
  }
  if (api.protocol() == "tls") return absl::OkStatus();
  const auto& tls = api.client_tls();
  if (tls.static_mtls() != v1::REQUIREMENT_OFF || tls.dynamic_mtls()) {
    return Invalid("protocol tcp: without TLS no certificate can be asked for: use protocol tls");
  }
  return absl::OkStatus();
}

absl::Status CheckNothingOfHttp(const v1::Api& api) {
  const auto& upstream = api.upstream();
  const std::pair<const char*, bool> of_http[] = {
      {"versioning", api.versioning().enabled()},
      {"versions", !api.versions().empty()},
      {"cors", api.cors().enabled()},
      {"allow_plain_http", api.allow_plain_http()},
      {"identity_header", !api.identity_header().empty()},
      {"identity_forwarding", api.has_identity_forwarding()},
      {"strip_listen_path", api.strip_listen_path()},
      {"loose_prefix", api.loose_prefix()},
      {"upstream.preserve_host_header", upstream.preserve_host_header()},
      {"upstream.protocol", !upstream.protocol().empty()},
      {"upstream.health_check", upstream.health_check().enabled()},
      {"upstream.timeouts.first_byte_ms", upstream.timeouts().first_byte_ms() != 0},
      {"upstream.balancing.hash_on header or cookie",
       upstream.balancing().hash_on() == "header" || upstream.balancing().hash_on() == "cookie"},
  };
  for (const auto& [name, is_set] : of_http) {
    if (is_set) return Invalid("protocol ", api.protocol(), ": ", name, " is for HTTP");
  }
  return absl::OkStatus();
}

bool IsStream(const v1::Api& api) { return !api.protocol().empty() && api.protocol() != "http"; }

// Why both cannot have the port; empty: they can.
std::string Conflict(const v1::Api& api, const v1::Api& other) {
  if (!IsStream(other)) return "HTTP is spoken there";
  if (api.protocol() != "tls" || other.protocol() != "tls")
    return "an API of protocol tcp must be alone at its port";
  if (api.proxy_protocol() != other.proxy_protocol()) return "proxy_protocol must be the same";
  return "";
}

const ApiEntry* StreamAt(const CheckContext& context, uint32_t port, const v1::Api* sharing) {
  return context.after.index().apis_by_route.Find(
      HashOf(StreamPortKey(port)), [&](const ApiEntry& entry) {
        return IsStream(entry.api) && entry.api.listen_port() == port && !entry.api.inactive() &&
               (sharing == nullptr ||
                (entry.api.id() != sharing->id() && ShareGroup(entry.api, *sharing)));
      });
}

absl::Status Taken(uint32_t port, absl::string_view by, absl::string_view why) {
  return absl::AlreadyExistsError(absl::StrCat("port ", port, " is that of ", by, ": ", why));
}

}  // namespace

bool ShareGroup(const v1::Api& a, const v1::Api& b) {
  if (a.groups().empty() || b.groups().empty()) return true;
  const std::set<std::string> groups(a.groups().begin(), a.groups().end());
  for (const std::string& group : b.groups()) {
    if (groups.count(group) != 0) return true;
  }
  return false;
}

absl::Status CheckProtocol(const v1::Api& api, Warnings* warnings) {
  const std::string& protocol = api.protocol();
  if (!IsStream(api)) {
    if (!api.proxy_protocol()) return absl::OkStatus();
    return Invalid(
        "proxy_protocol is for protocols tls and tcp: of HTTP it is proxy_protocol_from ",
        "of the listener");
  }
  if (protocol != "tls" && protocol != "tcp")
    return Invalid("protocol `", protocol, "`: must be http, tls or tcp");
  absl::Status status = CheckNames(api);
  if (status.ok()) status = CheckCallers(api);
  if (status.ok()) status = CheckNothingOfHttp(api);
  if (status.ok() && protocol == "tls" && api.server_certificate_ids().empty() &&
      api.hosts().empty()) {
    warnings->push_back(
        "protocol tls without server certificates and hosts: clients that send no SNI get the data "
        "plane's own certificate, where it has one");
  }
  return status;
}

absl::Status CheckPort(const CheckContext& context, const v1::Api& api) {
  const uint32_t port = api.listen_port();
  if (port == 0 || api.inactive()) return absl::OkStatus();
  if (!IsStream(api)) {
    const ApiEntry* const other = StreamAt(context, port, &api);
    if (other == nullptr) return absl::OkStatus();
    return Taken(port, absl::StrCat("API ", other->api.id()),
                 absl::StrCat("its protocol is ", other->api.protocol()));
  }
  absl::Status status;
  context.after.ForEachListener([&](const ListenerEntry& entry) {
    if (entry.listener.port() == port) {
      status = Taken(port, absl::StrCat("listener ", entry.listener.id()), "HTTP is spoken there");
    }
    return status.ok();
  });
  if (!status.ok()) return status;
  context.after.ForEachApi([&](const ApiEntry& entry) {
    const v1::Api& other = entry.api;
    if (other.listen_port() != port || other.inactive() || other.id() == api.id()) return true;
    if (!ShareGroup(other, api)) return true;
    const std::string why = Conflict(api, other);
    if (!why.empty()) status = Taken(port, absl::StrCat("API ", other.id()), why);
    return status.ok();
  });
  return status;
}

absl::Status CheckPort(const CheckContext& context, const v1::Listener& listener) {
  const ApiEntry* const other = StreamAt(context, listener.port(), nullptr);
  if (other == nullptr) return absl::OkStatus();
  return Taken(listener.port(), absl::StrCat("API ", other->api.id()),
               absl::StrCat("its protocol is ", other->api.protocol()));
}

absl::Status CheckStreamTarget(absl::string_view url) {
  absl::string_view authority = url;
  if (!absl::ConsumePrefix(&authority, "tcp://") && !absl::ConsumePrefix(&authority, "tls://"))
    return Invalid("target `", url, "` must start with tcp:// or tls://");
  for (const char c : authority) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) return Invalid("target `", url, "` has blanks or non-ASCII");
  }
  if (absl::StrContains(authority, '@'))
    return Invalid("a target must not have a user or password in it");
  if (authority.find_first_of("/?#") != absl::string_view::npos)
    return Invalid("target `", url, "` must end with its port");
  const auto host = domain::ParseHostPort(authority);
  if (!host.ok()) return Invalid("target `", url, "`: ", host.status().message());
  if (host->port == 0) return Invalid("target `", url, "` has no port");
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
