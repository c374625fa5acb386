#include "authsvc/dialects/apisix/upstream.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "shared/domain/host.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

constexpr double kMostSeconds = 86'400;

struct Scheme {
  absl::string_view name, url, protocol;
  uint16_t port;
};
constexpr Scheme kSchemes[] = {{"http", "http://", "", 80},
                               {"https", "https://", "", 443},
                               {"grpc", "h2c://", "h2c", 80},
                               {"grpcs", "https://", "h2", 443}};

const Scheme* SchemeOf(const Json& upstream) {
  const std::string name = Get(upstream, "scheme") ? Text(upstream, "scheme") : "http";
  for (const Scheme& scheme : kSchemes) {
    if (scheme.name == name) return &scheme;
  }
  return nullptr;
}

absl::Status AddTarget(const Scheme& scheme, const std::string& host, int64_t port, int64_t weight,
                       v1::Upstream* out) {
  if (weight < 0 || weight > 1'000'000 || port < 0 || port > 65535)
    return Wrong(absl::StrCat("nodes: ", host, ": a port or weight is out of range"));
  const bool bare_v6 = absl::StrContains(host, ':') && !absl::StartsWith(host, "[");
  const std::string authority = absl::StrCat(bare_v6 ? absl::StrCat("[", host, "]") : host, ":",
                                             port == 0 ? scheme.port : port);
  const auto parsed = domain::ParseHostPort(authority);
  if (!parsed.ok()) return Wrong(absl::StrCat("nodes: ", parsed.status().message()));
  if (weight == 0) return absl::OkStatus();
  v1::Target* const target = out->add_targets();
  target->set_url(absl::StrCat(scheme.url, authority));
  target->set_weight(static_cast<uint32_t>(weight));
  return absl::OkStatus();
}

absl::Status NodeOfMap(const Scheme& scheme, const std::string& name, const Json& weight,
                       v1::Upstream* out) {
  if (!weight.is_number_integer())
    return Wrong(absl::StrCat("nodes: the weight of ", name, " must be an integer"));
  const auto parsed = domain::ParseHostPort(name);
  if (!parsed.ok()) return Wrong(absl::StrCat("nodes: ", parsed.status().message()));
  return AddTarget(scheme, parsed->host.name, parsed->port, weight.get<int64_t>(), out);
}

absl::Status NodeOfList(const Scheme& scheme, const Json& node, v1::Upstream* out) {
  if (!node.is_object() || Text(node, "host").empty()) return Wrong("nodes: each needs a host");
  for (const auto& [name, value] : node.items()) {
    if (name != "host" && name != "port" && name != "weight" && name != "priority" &&
        name != "metadata")
      return Wrong(absl::StrCat("nodes: additional properties forbidden, found ", name));
  }
  if (Integer(node, "priority", 0) != 0)
    return Wrong("nodes.priority is refused: targets have no priorities");
  if (Get(node, "weight") == nullptr || !Get(node, "weight")->is_number_integer())
    return Wrong("nodes: property \"weight\" is required");
  return AddTarget(scheme, Text(node, "host"), Integer(node, "port", 0), Integer(node, "weight", 1),
                   out);
}

absl::Status Nodes(const Json& upstream, const Scheme& scheme, v1::Upstream* out) {
  const Json* const nodes = Get(upstream, "nodes");
  if (nodes == nullptr || !(nodes->is_object() || nodes->is_array()))
    return Wrong("property \"nodes\" validation failed: object or array is required");
  for (auto node = nodes->begin(); node != nodes->end(); ++node) {
    auto status = nodes->is_object() ? NodeOfMap(scheme, node.key(), node.value(), out)
                                     : NodeOfList(scheme, *node, out);
    if (!status.ok()) return status;
  }
  if (out->targets().empty())
    return Wrong("property \"nodes\" is refused: no node with a weight over 0 is in it");
  return absl::OkStatus();
}

absl::Status Hashing(const Json& upstream, v1::Balancing* out) {
  const std::string on = Get(upstream, "hash_on") ? Text(upstream, "hash_on") : "vars";
  const std::string key = Text(upstream, "key");
  if (on == "consumer") {
    out->set_hash_on("identity");
    return absl::OkStatus();
  }
  if (key.empty()) return Wrong("missing key");
  out->set_hash_name(key);
  if (on == "header" || on == "cookie") {
    out->set_hash_on(on);
  } else if (on == "vars" && key == "remote_addr") {
    out->set_hash_on("client_address");
    out->clear_hash_name();
  } else if (on == "vars" && absl::StartsWith(key, "http_")) {
    out->set_hash_on("header");
    std::string name(absl::StripPrefix(key, "http_"));
    std::replace(name.begin(), name.end(), '_', '-');
    out->set_hash_name(name);
  } else if (on == "vars" && absl::StartsWith(key, "cookie_")) {
    out->set_hash_on("cookie");
    out->set_hash_name(std::string(absl::StripPrefix(key, "cookie_")));
  } else {
    return Wrong(absl::StrCat("hash_on ", on, " with key ", key,
                              " is refused: requests are hashed "
                              "by remote_addr, a header, a cookie or the consumer"));
  }
  return absl::OkStatus();
}

absl::Status Balance(const Json& upstream, v1::Upstream* out) {
  const std::string type = Get(upstream, "type") ? Text(upstream, "type") : "roundrobin";
  v1::Balancing* const balancing = out->mutable_balancing();
  if (type == "roundrobin") {
    balancing->set_policy("round_robin");
    return absl::OkStatus();
  }
  if (type == "least_conn") {
    balancing->set_policy("least_requests");
    return absl::OkStatus();
  }
  if (type != "chash")
    return Wrong(absl::StrCat("property \"type\" validation failed: ", type,
                              " is refused: roundrobin, chash and least_conn exist"));
  balancing->set_policy("consistent_hash");
  return Hashing(upstream, balancing);
}

absl::Status Host(const Json& upstream, v1::Upstream* out) {
  const std::string pass = Get(upstream, "pass_host") ? Text(upstream, "pass_host") : "pass";
  const std::string host = Text(upstream, "upstream_host");
  if (pass == "pass") {
    out->set_preserve_host_header(true);
  } else if (pass == "rewrite") {
    if (host.empty()) return Plain("`upstream_host` can't be empty when `pass_host` is `rewrite`");
    const auto parsed = domain::ParseHostPort(host);
    if (!parsed.ok()) return Wrong(absl::StrCat("upstream_host: ", parsed.status().message()));
    out->set_host_header(host);
    out->mutable_tls()->set_server_name(parsed->host.name);
  } else if (pass != "node") {
    return Wrong("property \"pass_host\" validation failed: matches none of the enum values");
  }
  return absl::OkStatus();
}

absl::Status ClientCertificate(const Json& tls, const v1::DialectObject& owner,
                               const Objects& objects, v1::Upstream* out) {
  auto* const ids = out->mutable_client_certificates()->mutable_certificate_ids();
  const std::string id = Id(tls, "client_cert_id");
  if (!id.empty()) {
    const Object ssl = objects.Find("ssls", id);
    if (ssl.object == nullptr)
      return Plain(
          absl::StrCat("failed to fetch ssl info by ssl id [", id, "], response code: 404"));
    if (Text(*ssl.document, "type") != "client" || ssl.object->server_certificate_ids().empty())
      return Plain(absl::StrCat("failed to fetch ssl info by ssl id [", id, "], wrong ssl type"));
    (*ids)["*"] = ssl.object->server_certificate_ids(0);
  } else if (Get(tls, "client_cert") != nullptr) {
    if (owner.server_certificate_ids().empty()) return Wrong("tls.client_cert is not there");
    (*ids)["*"] = owner.server_certificate_ids(0);
  }
  return absl::OkStatus();
}

absl::Status Tls(const Json& upstream, const v1::DialectObject& owner, absl::string_view made_id,
                 const Objects& objects, v1::Upstream* out) {
  const Json* const tls = Get(upstream, "tls");
  const bool own = tls != nullptr && Get(*tls, "ca_certs") != nullptr;
  const std::string scheme = Text(upstream, "scheme");
  if (!own && objects.HasTrusted() && (scheme == "https" || scheme == "grpcs"))
    out->mutable_tls()->add_trust_bundle_ids(std::string(kTrusted));
  if (tls == nullptr) return absl::OkStatus();
  if (!Flag(*tls, "verify", true)) out->mutable_tls()->set_insecure_skip_verify(true);
  if (own) out->mutable_tls()->add_trust_bundle_ids(std::string(made_id));
  return ClientCertificate(*tls, owner, objects, out);
}

absl::Status Active(const Json& active, v1::HealthCheck* out) {
  const std::string type = Get(active, "type") ? Text(active, "type") : "http";
  if (type != "http" && type != "https")
    return Wrong(absl::StrCat("checks.active.type ", type, " is refused: http and https exist"));
  if (!Flag(active, "https_verify_certificate", true))
    return Wrong(
        "checks.active.https_verify_certificate false is refused: checks verify as requests do");
  out->set_enabled(true);
  out->set_path(Get(active, "http_path") ? Text(active, "http_path") : "/");
  out->set_timeout_ms(
      static_cast<uint32_t>(std::clamp(Number(active, "timeout", 1), 0.001, kMostSeconds) * 1000));
  const Json none = Json::object();
  const Json& healthy = Get(active, "healthy") ? *Get(active, "healthy") : none;
  const Json& unhealthy = Get(active, "unhealthy") ? *Get(active, "unhealthy") : none;
  const auto count = [](const Json& object, const char* name, int64_t otherwise) {
    return static_cast<uint32_t>(std::clamp<int64_t>(Integer(object, name, otherwise), 1, 254));
  };
  const double interval =
      std::min(Number(healthy, "interval", 1), Number(unhealthy, "interval", 1));
  out->set_interval_ms(static_cast<uint32_t>(std::clamp(interval, 0.1, kMostSeconds) * 1000));
  out->set_healthy_after(count(healthy, "successes", 2));
  out->set_unhealthy_after(count(unhealthy, "http_failures", 5));
  const Json* const statuses = Get(healthy, "http_statuses");
  if (statuses == nullptr) {
    out->add_statuses(200);
    out->add_statuses(302);
    return absl::OkStatus();
  }
  for (const Json& status : *statuses) {
    if (!status.is_number_unsigned() || status.get<uint64_t>() < 200 ||
        status.get<uint64_t>() > 599)
      return Wrong("checks.active.healthy.http_statuses: 200 to 599");
    out->add_statuses(status.get<uint32_t>());
  }
  return absl::OkStatus();
}

void Passive(const Json& passive, v1::Ejection* out) {
  const Json* const unhealthy = Get(passive, "unhealthy");
  int64_t least = 5;
  if (unhealthy != nullptr) {
    const int64_t http = Integer(*unhealthy, "http_failures", 5);
    const int64_t tcp = Integer(*unhealthy, "tcp_failures", 2);
    least = http == 0 ? tcp : tcp == 0 ? http : std::min(http, tcp);
  }
  if (least <= 0)
    out->set_disabled(true);
  else
    out->set_failures(static_cast<uint32_t>(std::min<int64_t>(least, 254)));
}

}  // namespace

absl::Status ConvertTimeout(const Json& object, v1::Timeouts* out) {
  const Json* const timeout = Get(object, "timeout");
  if (timeout == nullptr) return absl::OkStatus();
  uint32_t milliseconds[3] = {};
  constexpr const char* kNames[] = {"connect", "send", "read"};
  for (int i = 0; i < 3; ++i) {
    const double seconds = Number(*timeout, kNames[i], 0);
    if (seconds <= 0 || seconds > kMostSeconds)
      return Wrong(absl::StrCat("property \"timeout\" validation failed: property \"", kNames[i],
                                "\" must be over 0 and at most ", kMostSeconds));
    milliseconds[i] = std::max<uint32_t>(1, static_cast<uint32_t>(seconds * 1000));
  }
  out->set_connect_ms(milliseconds[0]);
  out->set_first_byte_ms(milliseconds[2]);
  out->set_idle_ms(std::max(milliseconds[1], milliseconds[2]));
  return absl::OkStatus();
}

absl::Status ConvertUpstream(const Json& upstream, const v1::DialectObject& owner,
                             absl::string_view made_id, const Objects& objects, v1::Upstream* out) {
  const Scheme* const scheme = SchemeOf(upstream);
  if (scheme == nullptr)
    return Wrong(absl::StrCat("property \"scheme\" validation failed: ", Text(upstream, "scheme"),
                              " is refused: http, https, grpc and grpcs exist"));
  out->set_protocol(std::string(scheme->protocol));
  absl::Status status = Nodes(upstream, *scheme, out);
  if (status.ok()) status = Balance(upstream, out);
  if (status.ok()) status = Host(upstream, out);
  if (status.ok()) status = ConvertTimeout(upstream, out->mutable_timeouts());
  if (status.ok()) status = Tls(upstream, owner, made_id, objects, out);
  if (!status.ok()) return status;
  const int64_t retries = Integer(upstream, "retries", -1);
  if (Get(upstream, "retries") != nullptr && retries < 0)
    return Wrong("retries must not be negative");
  if (retries == 0) out->mutable_retries()->set_disabled(true);
  if (retries > 0)
    out->mutable_retries()->set_max_targets(
        static_cast<uint32_t>(std::min<int64_t>(retries, 99) + 1));
  const Json* const checks = Get(upstream, "checks");
  if (checks == nullptr) return absl::OkStatus();
  if (Get(*checks, "passive") != nullptr)
    Passive(*Get(*checks, "passive"), out->mutable_ejection());
  return Get(*checks, "active") == nullptr
             ? absl::OkStatus()
             : Active(*Get(*checks, "active"), out->mutable_health_check());
}

}  // namespace sallyport::authsvc::dialects::apisix
