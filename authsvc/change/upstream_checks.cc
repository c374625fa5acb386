#include "authsvc/change/upstream_checks.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/identity_checks.h"
#include "authsvc/change/invalid.h"
#include "authsvc/snapshot/forward_proxy.h"
#include "shared/header/names.h"

namespace sallyport::authsvc {
namespace {

constexpr uint32_t kDayMillis = 24u * 3600 * 1000;

absl::Status CheckMillis(absl::string_view what, uint32_t value, uint32_t least, uint32_t most) {
  if (value == 0 || (value >= least && value <= most)) return absl::OkStatus();
  return Invalid(what, " ", value, ": must be between ", least, " and ", most,
                 " milliseconds, or 0 for the default");
}

absl::Status CheckCount(absl::string_view what, uint32_t value, uint32_t most) {
  return value <= most ? absl::OkStatus() : Invalid(what, " ", value, ": at most ", most);
}

absl::Status CheckHash(const v1::Balancing& balancing) {
  const std::string& on = balancing.hash_on();
  if (balancing.policy() != "consistent_hash") {
    if (on.empty() && balancing.hash_name().empty() && balancing.load_percent() == 0)
      return absl::OkStatus();
    return Invalid("balancing: hash_on, hash_name and load_percent are for policy consistent_hash");
  }
  const bool named = on == "header" || on == "cookie";
  if (!named && on != "identity" && on != "client_address") {
    return Invalid("balancing hash_on `", on,
                   "`: must be header, cookie, identity or client_address");
  }
  if (named == balancing.hash_name().empty()) {
    return Invalid("balancing hash_name: ", named ? "the name of the header or cookie is required"
                                                  : "is for hash_on header or cookie");
  }
  if (named) {
    if (auto status = CheckHeaderName("balancing hash_name", balancing.hash_name()); !status.ok())
      return status;
  }
  const uint32_t load = balancing.load_percent();
  if (load != 0 && (load <= 100 || load > 1000)) {
    return Invalid("balancing load_percent ", load,
                   ": must be above 100, at most 1000, or 0 for no bound");
  }
  return absl::OkStatus();
}

absl::Status CheckBalancing(const v1::Balancing& balancing) {
  const std::string& policy = balancing.policy();
  if (!policy.empty() && policy != "round_robin" && policy != "least_requests" &&
      policy != "consistent_hash") {
    return Invalid("balancing policy `", policy,
                   "`: must be round_robin, least_requests or consistent_hash");
  }
  auto status = CheckHash(balancing);
  if (status.ok()) status = CheckCount("balancing panic_percent", balancing.panic_percent(), 100);
  if (status.ok())
    status = CheckMillis("balancing slow_start_ms", balancing.slow_start_ms(), 1, kDayMillis);
  return status;
}

absl::Status CheckRetries(const v1::Retries& retries) {
  auto status = CheckCount("retries max_targets", retries.max_targets(), 20);
  if (status.ok()) status = CheckCount("retries budget_percent", retries.budget_percent(), 100);
  return status;
}

absl::Status CheckEjection(const v1::Ejection& ejection) {
  auto status = CheckCount("ejection failures", ejection.failures(), 1'000'000);
  if (status.ok()) status = CheckMillis("ejection base_ms", ejection.base_ms(), 100, kDayMillis);
  if (status.ok()) status = CheckMillis("ejection max_ms", ejection.max_ms(), 100, kDayMillis);
  if (status.ok() && ejection.max_ms() != 0 && ejection.base_ms() > ejection.max_ms()) {
    status = Invalid("ejection base_ms is greater than max_ms");
  }
  return status;
}

absl::Status CheckProbe(const v1::HealthCheck& check) {
  const std::string& path = check.path();
  if (!path.empty() && path[0] != '/')
    return Invalid("health_check path `", path, "` must start with /");
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '#') {
      return Invalid("health_check path has a blank, a fragment or a character that is not ASCII");
    }
  }
  if (path.size() > 2048) return Invalid("health_check path is longer than 2048 bytes");
  if (!check.method().empty() && check.method() != "GET" && check.method() != "HEAD") {
    return Invalid("health_check method `", check.method(), "`: must be GET or HEAD");
  }
  for (const uint32_t status : check.statuses()) {
    if (status < 200 || status > 599)
      return Invalid("health_check statuses: ", status, " is not 200 to 599");
  }
  return absl::OkStatus();
}

absl::Status CheckHealth(const v1::HealthCheck& check) {
  auto status = CheckProbe(check);
  if (status.ok())
    status = CheckMillis("health_check interval_ms", check.interval_ms(), 200, kDayMillis);
  if (status.ok()) status = CheckMillis("health_check timeout_ms", check.timeout_ms(), 50, 60'000);
  if (status.ok())
    status = CheckCount("health_check unhealthy_after", check.unhealthy_after(), 1000);
  if (status.ok()) status = CheckCount("health_check healthy_after", check.healthy_after(), 1000);
  return status;
}

absl::Status CheckTimeouts(const v1::Timeouts& timeouts) {
  auto status = CheckMillis("timeouts connect_ms", timeouts.connect_ms(), 10, kDayMillis);
  if (status.ok())
    status = CheckMillis("timeouts first_byte_ms", timeouts.first_byte_ms(), 10, kDayMillis);
  if (status.ok()) status = CheckMillis("timeouts idle_ms", timeouts.idle_ms(), 10, kDayMillis);
  if (status.ok()) status = CheckMillis("timeouts total_ms", timeouts.total_ms(), 10, kDayMillis);
  return status;
}

// RFC 7617 §2: a user name has no colon.
absl::Status CheckProxyUser(absl::string_view name) {
  if (name.size() > 255) return Invalid("upstream forward_proxy username is longer than 255 bytes");
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == ':')
      return Invalid("upstream forward_proxy username has a colon or a control character");
  }
  return absl::OkStatus();
}

absl::Status CheckForwardProxy(const v1::ForwardProxy& proxy, Warnings* warnings) {
  const auto place = ParseProxyUrl(proxy.url());
  if (!place.ok()) return Invalid("upstream forward_proxy url: ", place.status().message());
  if (!proxy.username().empty()) {
    warnings->push_back(
        "forward_proxy: user name and password go to the proxy in the clear: use a network that "
        "nobody else reads");
  }
  return CheckProxyUser(proxy.username());
}

absl::Status CheckCredential(const v1::Upstream& upstream, Warnings* warnings) {
  const std::string& name = upstream.credential().header();
  if (!header::IsFieldName(name)) {
    return Invalid("credential: header `", absl::CHexEscape(name),
                   "` is not a valid name: ", "Authorization, say");
  }
  if (IsConnectionsOwn(name) || header::IsIdentityHeader(name))
    return Invalid("credential: header ", name, " is written by the gateway itself");
  for (const v1::Target& target : upstream.targets()) {
    if (absl::StartsWith(target.url(), "https://")) continue;
    if (absl::StartsWith(target.url(), "tls://") || absl::StartsWith(target.url(), "tcp://"))
      return Invalid("credential: target ", target.url(), " is sent no headers");
    warnings->push_back(absl::StrCat("credential: target ", target.url(),
                                     " is plain HTTP: whoever is on the way can read it"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckUpstreamProtocol(absl::string_view protocol, absl::string_view url) {
  const bool tls = absl::StartsWith(url, "https://");
  if (protocol.empty() || protocol == "http1" || protocol == "auto") return absl::OkStatus();
  if (protocol == "h2") {
    if (!absl::StartsWith(url, "http://")) return absl::OkStatus();
    return Invalid("upstream protocol h2 is HTTP/2 over TLS: target `", url,
                   "` needs https:// (or h2c:// without TLS)");
  }
  if (protocol != "h2c")
    return Invalid("upstream protocol `", protocol, "`: must be http1, auto, h2 or h2c");
  if (!tls) return absl::OkStatus();
  return Invalid("upstream protocol h2c is HTTP/2 without TLS: target `", url, "` needs http://");
}

absl::Status CheckUpstreamRules(const v1::Upstream& upstream, Warnings* warnings) {
  auto status = CheckBalancing(upstream.balancing());
  if (status.ok()) status = CheckRetries(upstream.retries());
  if (status.ok()) status = CheckEjection(upstream.ejection());
  if (status.ok()) status = CheckHealth(upstream.health_check());
  if (status.ok()) status = CheckTimeouts(upstream.timeouts());
  if (status.ok() && upstream.has_forward_proxy())
    status = CheckForwardProxy(upstream.forward_proxy(), warnings);
  if (status.ok() && upstream.has_credential()) status = CheckCredential(upstream, warnings);
  if (!status.ok()) return status;
  if (upstream.limits().max_pending() != 0 && upstream.limits().max_connections() == 0) {
    return Invalid("limits max_pending: nothing waits without max_connections");
  }
  if (upstream.health_check().enabled() && upstream.targets_size() < 2) {
    warnings->push_back(
        "health_check: with one target the result is shown, but every request goes there");
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
