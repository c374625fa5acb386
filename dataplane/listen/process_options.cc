#include "dataplane/listen/process_options.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "dataplane/http/upgrade.h"
#include "dataplane/listen/connection_limits.h"
#include "dataplane/listen/listener_plan.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {

using config::DataplaneConfig;

ExchangeSettings ExchangeSettingsOf(const DataplaneConfig& config) {
  ExchangeSettings settings;
  settings.head.max_head_bytes = config.limits.head_bytes;
  settings.max_identity_bytes = config.limits.identity_bytes;
  settings.script_body_bytes = config.scripts.body_bytes;
  settings.head.max_target_bytes = config.limits.target_bytes;
  settings.head.max_fields = config.limits.headers;
  const config::Http2LimitsConfig& http2 = config.limits.http2;
  settings.http2.max_concurrent_streams = http2.max_concurrent_streams;
  settings.http2.stream_window = http2.stream_window;
  settings.http2.connection_window = http2.connection_window;
  settings.http2.frame_bytes = http2.frame_bytes;
  settings.http2.head = settings.head;
  settings.http2.head_time = config.timeouts.head;
  settings.http2.write_idle = config.timeouts.write_idle;
  settings.requests_per_connection = config.limits.requests_per_connection;
  settings.handshake = config.timeouts.handshake;
  settings.head_time = config.timeouts.head;
  settings.keep_alive = config.timeouts.keep_alive;
  settings.write_idle = config.timeouts.write_idle;
  settings.sever_grace = config.timeouts.sever_grace;
  settings.forward.connect = config.timeouts.upstream_connect;
  settings.forward.first_byte = config.timeouts.upstream_first_byte;
  if (config.timeouts.upstream_total > absl::ZeroDuration()) {
    settings.forward.total = config.timeouts.upstream_total;
  }
  settings.forward.idle = std::min(config.timeouts.upstream_idle, config.timeouts.body_idle);
  settings.upgrades = config.upgrades;
  settings.tunnel.idle = config.timeouts.tunnel_idle;
  settings.tunnel.half_closed = config.timeouts.write_idle;
  if (config.timeouts.tunnel_total > absl::ZeroDuration()) {
    settings.tunnel.total = config.timeouts.tunnel_total;
  }
  for (const std::string& text : config.trusted_proxies) {
    const auto range = ParseAddressRange(text);
    if (range.has_value()) settings.trusted_proxies.push_back(*range);
  }
  return settings;
}

bool SharesTickets(const DataplaneConfig& config) {
  return config.ticket_keys == "shared" && config.timeouts.ticket_max_age > absl::ZeroDuration();
}

GrpcAuthsvcOptions ClientOptions(const DataplaneConfig& config, const std::string& name) {
  GrpcAuthsvcOptions options;
  options.targets = config.authsvc.targets;
  options.name = name;
  options.keeps_allowed = config.allowed_kept > 0;
  options.takes_ticket_keys = SharesTickets(config);
  options.tls_directory = config.authsvc.tls.path;
  options.server_name = config.authsvc.server_name;
  options.call_deadline = config.authsvc.authorize_deadline;
  options.breaker_failures = static_cast<int>(config.authsvc.breaker_failures);
  options.breaker_probe = config.authsvc.probe_interval;
  return options;
}

AuthorizeOptions DecisionOptions(const DataplaneConfig& config) {
  AuthorizeOptions options;
  options.negative_ttl = config.cache.negative_ttl;
  options.loop_entries = config.cache.loop_decisions;
  options.process_entries = config.cache.decisions;
  options.process_bytes = config.cache.decision_bytes;
  options.denial_entries = config.cache.denials;
  const uint32_t misses = config.limits.authorize_misses_per_second;
  options.address_misses_per_second = misses == 0 ? 1e9 : misses;
  options.address_miss_burst = misses == 0 ? 1e9 : 2.0 * misses;
  return options;
}

CredentialOptions ResolveOptions(const DataplaneConfig& config) {
  CredentialOptions options;
  options.negative_ttl = config.cache.negative_ttl;
  options.entries = config.cache.upstream_credentials;
  return options;
}

ValidationOptions ValidationLimits(const DataplaneConfig& config) {
  ValidationOptions options;
  options.negative_ttl = config.cache.negative_ttl;
  const uint32_t asks = config.limits.authorize_misses_per_second;
  options.address_asks_per_second = asks;
  options.address_ask_burst = std::max(1.0, 2.0 * asks);
  return options;
}

ScriptPoolOptions ScriptOptions(const DataplaneConfig& config) {
  ScriptPoolOptions options;
  options.program = config.scripts.program;
  options.helpers = config.scripts.helpers;
  options.helpers_per_api = config.scripts.helpers_per_api;
  options.waiting = config.scripts.waiting;
  options.wait = config.scripts.wait;
  options.all_body_bytes = config.scripts.all_body_bytes;
  return options;
}

ResolverOptions NameOptions(const DataplaneConfig& config) {
  ResolverOptions options;
  options.fresh = config.timeouts.dns_refresh;
  options.stale = std::max(options.stale, 2 * config.timeouts.dns_refresh);
  return options;
}

SystemTrustOptions TrustOptions(const DataplaneConfig& config) {
  SystemTrustOptions options;
  const std::string& path = config.system_trust;
  // A directory, or one bundle.
  const bool is_file = path.size() > 4 && (path.rfind(".pem") == path.size() - 4 ||
                                           path.rfind(".crt") == path.size() - 4);
  (is_file ? options.files : options.directories).push_back(path);
  return options;
}

// All that are wanted, or what the limit of open files allows.
uint32_t ConnectionLimit(const DataplaneConfig& config) {
  const uint32_t wanted = config.limits.connections;
  rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  const uint32_t affordable = ConnectionLimits::Affordable(wanted, files.rlim_cur);
  if (affordable < wanted) {
    base::Log(
        base::Level::kWarning, "listen.fewer_connections",
        {{"wanted", static_cast<uint64_t>(wanted)},
         {"taken", static_cast<uint64_t>(affordable)},
         {"open_files", static_cast<uint64_t>(files.rlim_cur)},
         {"hint",
          "raise the limit of open files (ulimit -n, LimitNOFILE), or lower limits.connections"}});
  }
  return affordable;
}

int LoopCount(const DataplaneConfig& config) {
  if (config.threads > 0) return static_cast<int>(config.threads);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

std::string ReplicaName(const DataplaneConfig& config) {
  if (!config.name.empty()) return config.name;
  char host[256] = {};
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, ":", FileListeners(config).front().port);
}

}  // namespace sallyport::dataplane
