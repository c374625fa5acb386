// The rules of a route's upstream as values: what is zero on the wire is the default.
#include "absl/strings/ascii.h"
#include "dataplane/sync/grpc/convert_parts.h"
#include "sallyport/v1/distribution.pb.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::dataplane {
namespace {

void Set(uint32_t wire, uint32_t* value) {
  if (wire != 0) *value = wire;
}
void SetMilliseconds(uint32_t wire, absl::Duration* value) {
  if (wire != 0) *value = absl::Milliseconds(wire);
}

RouteTimeouts TimeoutsFrom(const v1::Timeouts& wire) {
  return {absl::Milliseconds(wire.connect_ms()), absl::Milliseconds(wire.first_byte_ms()),
          absl::Milliseconds(wire.idle_ms()), absl::Milliseconds(wire.total_ms())};
}

// False: a policy that this build does not know.
bool BalancingFrom(const v1::Balancing& wire, BalancingRules* rules) {
  Set(wire.panic_percent(), &rules->panic_percent);
  SetMilliseconds(wire.slow_start_ms(), &rules->slow_start);
  if (wire.policy().empty() || wire.policy() == "round_robin") return true;
  if (wire.policy() == "least_requests") {
    rules->policy = BalancingRules::Policy::kLeastRequests;
    return true;
  }
  if (wire.policy() != "consistent_hash") return false;
  rules->policy = BalancingRules::Policy::kConsistentHash;
  rules->hash_name = wire.hash_name();
  rules->load_percent = wire.load_percent();
  if (wire.hash_on() == "header") {
    rules->hash_on = BalancingRules::HashOn::kHeader;
    absl::AsciiStrToLower(&rules->hash_name);
  } else if (wire.hash_on() == "cookie") {
    rules->hash_on = BalancingRules::HashOn::kCookie;
  } else if (wire.hash_on() == "identity") {
    rules->hash_on = BalancingRules::HashOn::kIdentity;
  } else {
    return wire.hash_on() == "client_address";
  }
  return true;
}

RetryRules RetriesFrom(const v1::Retries& wire) {
  RetryRules rules;
  rules.enabled = !wire.disabled();
  Set(wire.max_targets(), &rules.max_targets);
  Set(wire.budget_percent(), &rules.budget_percent);
  return rules;
}

EjectionRules EjectionFrom(const v1::Ejection& wire) {
  EjectionRules rules;
  rules.enabled = !wire.disabled();
  Set(wire.failures(), &rules.failures);
  SetMilliseconds(wire.base_ms(), &rules.base);
  SetMilliseconds(wire.max_ms(), &rules.max);
  return rules;
}

// False: one that this build does not know, or that this target cannot be spoken to in.
bool SetProtocol(const std::string& wire, RouteTarget* target) {
  if (target->scheme == "tcp" || target->scheme == "tls") return true;
  const bool tls = target->scheme == "https";
  if (wire.empty() || wire == "http1") return true;
  if (wire == "auto") {
    if (tls) target->protocol = UpstreamProtocol::kAuto;
    return true;
  }
  if (wire == "h2") {
    if (!tls) return target->protocol == UpstreamProtocol::kHttp2;  // h2c://
  } else if (wire != "h2c" || tls) {
    return false;
  }
  target->protocol = UpstreamProtocol::kHttp2;
  return true;
}

// False: something that cannot be sent as a request.
bool HealthCheckFrom(const v1::HealthCheck& wire, HealthCheckRules* rules) {
  rules->enabled = wire.enabled();
  if (!wire.path().empty()) rules->path = wire.path();
  rules->head = wire.method() == "HEAD";
  SetMilliseconds(wire.interval_ms(), &rules->interval);
  SetMilliseconds(wire.timeout_ms(), &rules->timeout);
  Set(wire.unhealthy_after(), &rules->unhealthy_after);
  Set(wire.healthy_after(), &rules->healthy_after);
  rules->statuses.assign(wire.statuses().begin(), wire.statuses().end());
  for (const char c : rules->path) {
    if (c <= 0x20 || c == 0x7f) return false;
  }
  return rules->path.front() == '/' &&
         (wire.method().empty() || rules->head || wire.method() == "GET");
}

// How a server beside the API's targets is reached. False: not as the API's upstreams are.
bool Reach(const v1::Route& wire, RouteTarget* server) {
  server->proxy = wire.forward_proxy();
  return SetProtocol(wire.upstream_protocol(), server);
}

bool ReachRewritten(const v1::Route& wire, RewriteRule* rule) {
  bool reached = true;
  const auto reach = [&](RewriteTarget* target) {
    if (target->server.has_value()) reached = Reach(wire, &*target->server) && reached;
  };
  for (RewriteTrigger& trigger : rule->triggers) reach(&trigger.target);
  if (rule->target.has_value()) reach(&*rule->target);
  return reached;
}

}  // namespace

bool UpstreamRulesFrom(const v1::Route& wire, Route* route) {
  bool speaks = true;
  for (RouteTarget& target : route->targets)
    speaks = SetProtocol(wire.upstream_protocol(), &target) && speaks;
  for (RouteTarget& target : route->targets) {
    target.proxy = wire.forward_proxy();
    target.sends_credential = wire.upstream_credential();
  }
  for (RouteVersion& version : route->versions) {
    if (version.override_target.has_value() && !Reach(wire, &*version.override_target)) {
      version.override_target.reset();
      version.override_broken = true;
    }
    for (Endpoint& endpoint : version.endpoints) {
      if (endpoint.rewrite.has_value()) speaks = ReachRewritten(wire, &*endpoint.rewrite) && speaks;
    }
  }
  route->timeouts = TimeoutsFrom(wire.timeouts());
  route->retries = RetriesFrom(wire.retries());
  route->ejection = EjectionFrom(wire.ejection());
  route->target_limits = {wire.upstream_limits().max_requests(),
                          wire.upstream_limits().max_connections(),
                          wire.upstream_limits().max_pending()};
  return speaks && BalancingFrom(wire.balancing(), &route->balancing) &&
         HealthCheckFrom(wire.health_check(), &route->health_check);
}

}  // namespace sallyport::dataplane
