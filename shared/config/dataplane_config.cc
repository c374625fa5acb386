#include "shared/config/dataplane_config.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "shared/base/text.h"

namespace sallyport::config {
namespace {

void ReadCertificateFiles(Reader& in, CertificateFiles* out) {
  in.Text("certificate_file", &out->certificate_file, "PEM chain, leaf first");
  in.Text("key_file", &out->key_file, "PEM private key");
  if (out->certificate_file.empty()) in.Fail("certificate_file", "must be set");
  if (out->key_file.empty()) in.Fail("key_file", "must be set");
}

void ReadListener(Reader& in, TrafficListenerConfig* out) {
  in.Text("id", &out->id, "name in logs and metrics; empty: file-N");
  in.Text("address", &out->address, "IPv4 or IPv6 address");
  in.Port("port", &out->port, "port");
  in.Flag("plain", &out->plain, "no TLS");
  in.Flag("redirect", &out->redirect, "plain only: answer 308 to https");
  in.OneOf("min_version", &out->min_version, {"", "1.2", "1.3"}, "lowest TLS version");
  in.OneOf("max_version", &out->max_version, {"", "1.2", "1.3"}, "highest TLS version");
  in.Flag("http2", &out->http2, "TLS: offer HTTP/2");
  in.OneOf("style", &out->style, {"native", "tyk", "apisix", "apk"},
           "error answers where no API is found");
  in.Objects<CertificateFiles>(
      "certificates", &out->certificates, ReadCertificateFiles,
      "certificates for names that no API serves, reloaded when the files change");
  in.Refused(
      "default_certificate_id",
      "belongs to a listener of the auth service (kind: Listener); name certificate files here");
  in.Texts("proxy_protocol_from", &out->proxy_protocol_from,
           "addresses or CIDRs of proxies whose connections begin with a PROXY header (v1 or v2)");
  if (out->redirect && !out->plain) in.Fail("redirect", "needs plain: true");
  if (out->min_version == "1.3" && out->max_version == "1.2") {
    in.Fail("max_version", "is lower than min_version");
  }
}

// "5432" or "6000-6099"; nothing when it is neither.
std::optional<PortRange> ParsePorts(absl::string_view text) {
  const std::vector<absl::string_view> ends = absl::StrSplit(text, absl::MaxSplits('-', 1));
  uint32_t first = 0;
  uint32_t last = 0;
  for (const absl::string_view end : ends) {
    if (end.empty() || end.find_first_not_of("0123456789") != absl::string_view::npos)
      return std::nullopt;
  }
  if (!absl::SimpleAtoi(ends.front(), &first) || !absl::SimpleAtoi(ends.back(), &last))
    return std::nullopt;
  if (first == 0 || last > 65535 || first > last) return std::nullopt;
  return PortRange{static_cast<uint16_t>(first), static_cast<uint16_t>(last)};
}

void ReadTcpApis(Reader& in, TcpApisConfig* out) {
  in.Text("address", &out->address, "IPv4 or IPv6 address of their ports");
  in.Texts("ports", &out->ports,
           "ports that APIs of protocol tls or tcp may open on this machine: 5432, 6000-6099; "
           "empty: none");
  in.Texts("proxy_protocol_from", &out->proxy_protocol_from,
           "addresses or CIDRs of proxies that announce their clients to the APIs with "
           "proxy_protocol");
  out->ranges.clear();
  for (const std::string& text : out->ports) {
    const auto range = ParsePorts(base::ToAbsl(text));
    if (range.has_value()) {
      out->ranges.push_back(*range);
    } else {
      in.Fail("ports",
              absl::StrCat("\"", text, "\" is neither a port nor a range such as 6000-6099"));
    }
  }
}

void ReadAuthsvc(Reader& in, AuthsvcClientConfig* out) {
  in.Texts("targets", &out->targets, "host:port of every auth service, tried in order");
  in.Text("tls_dir", &out->tls.path,
          "directory with tls.crt, tls.key (role dataplane) and ca.crt (the control CA)");
  in.Text("server_name", &out->server_name, "name in the auth service's certificate");
  in.Time("authorize_deadline", &out->authorize_deadline, absl::Milliseconds(10), absl::Seconds(30),
          "longest wait for one decision");
  in.Number("breaker_failures", &out->breaker_failures, 1, 1000,
            "failures in a row that open the breaker");
  in.Time("probe_interval", &out->probe_interval, absl::Milliseconds(50), absl::Minutes(1),
          "how often an open breaker tries again");
  if (out->targets.empty()) in.Fail("targets", "must name an auth service");
}

void ReadCache(Reader& in, CacheConfig* out) {
  in.Number("decisions", &out->decisions, 16, 100'000'000, "decisions kept by the process");
  in.Bytes("decision_bytes", &out->decision_bytes, 1 << 20, 1ULL << 40, "memory for decisions");
  in.Number("denials", &out->denials, 16, 100'000'000, "denials kept by the process");
  in.Number("loop_decisions", &out->loop_decisions, 16, 10'000'000, "decisions kept by each loop");
  in.Number("upstream_credentials", &out->upstream_credentials, 16, 10'000'000,
            "upstream certificates and pins kept");
  in.Time("negative_ttl", &out->negative_ttl, absl::ZeroDuration(), absl::Minutes(5),
          "how long a denial is used without asking again");
}

void ReadHttp2(Reader& in, Http2LimitsConfig* out) {
  constexpr uint32_t kMostWindow = INT32_MAX;  // RFC 9113 6.9.1
  in.Number("max_concurrent_streams", &out->max_concurrent_streams, 1, 10'000,
            "requests in flight on one connection");
  in.Number("stream_window", &out->stream_window, 1024, kMostWindow,
            "bytes of a request's body that wait for its upstream");
  in.Number("connection_window", &out->connection_window, 65'535, kMostWindow,
            "bytes of all bodies of a connection that wait");
  in.Number("frame_bytes", &out->frame_bytes, 16'384, 16'777'215, "largest frame taken");
}

void ReadUpstreamHttp2(Reader& in, UpstreamHttp2LimitsConfig* out) {
  in.Number("connections", &out->connections, 1, 10'000,
            "HTTP/2 connections to one upstream per loop");
  in.Number("max_concurrent_streams", &out->max_concurrent_streams, 1, 10'000,
            "requests in flight on one of them, where the upstream allows as many");
  in.Number("stream_window", &out->stream_window, 1024, INT32_MAX,
            "bytes of an answer that wait for its client");
}

void ReadLimits(Reader& in, LimitsConfig* out) {
  in.Number("connections", &out->connections, 1, 10'000'000, "open client connections");
  in.Number("connections_per_address", &out->connections_per_address, 0, 10'000'000,
            "open client connections of one address, 0 = no limit");
  in.Number("handshakes_per_second", &out->handshakes_per_second, 0, 1'000'000,
            "TLS connections of one address that are begun within a second, 0 = no limit");
  in.Number("head_bytes", &out->head_bytes, 1024, 1 << 20, "largest request head");
  in.Number("identity_bytes", &out->identity_bytes, 1024, 1 << 20,
            "most that an upstream is told of a caller, in all identity headers: more is 431");
  in.Number("target_bytes", &out->target_bytes, 256, 1 << 20, "longest request target");
  in.Number("headers", &out->headers, 8, 10'000, "most request headers");
  in.Number("requests_per_connection", &out->requests_per_connection, 0, UINT32_MAX,
            "requests before a connection is closed, 0 = no limit");
  in.Object("http2", [out](Reader& inner) { ReadHttp2(inner, &out->http2); });
  in.Number("upstream_connections", &out->upstream_connections, 1, 1'000'000,
            "connections to one upstream per loop");
  in.Number("upstream_waiting", &out->upstream_waiting, 0, 1'000'000,
            "requests that wait for a connection to one upstream per loop, at most "
            "timeouts.upstream_connect");
  in.Object("upstream_http2",
            [out](Reader& inner) { ReadUpstreamHttp2(inner, &out->upstream_http2); });
  in.Number("upstream_idle", &out->upstream_idle, 0, 1'000'000,
            "idle connections kept per upstream and loop");
  in.Number("tunnels", &out->tunnels, 0, 10'000'000,
            "client connections that were switched to another protocol, 0 = none");
  in.Number("authorize_misses_per_second", &out->authorize_misses_per_second, 0, 1'000'000,
            "questions to the auth service that one client address may cause, 0 = no limit");
  in.Number("strict_handshakes", &out->strict_handshakes, 1, 100'000,
            "handshakes at strict server names that wait for the auth service at a time, per loop; "
            "each has a stack of 64 KB meanwhile");
  in.Number("strict_handshakes_per_address", &out->strict_handshakes_per_address, 0, 100'000,
            "of these, of one client address (IPv6: of one /64) in all loops, 0 = no limit");
  in.Time(
      "queue_delay", &out->queue_delay, absl::ZeroDuration(), absl::Minutes(1),
      "a share of the requests and connections is refused while all wait longer than this to be "
      "looked at, 0 = none ever is");
}

void ReadTimeouts(Reader& in, TrafficTimeouts* out) {
  const auto time = [&in](absl::string_view name, absl::Duration* value, absl::string_view help) {
    in.Time(name, value, absl::Milliseconds(1), absl::Hours(24), help);
  };
  time("handshake", &out->handshake, "TLS handshake of a client");
  time("strict_validation", &out->strict_validation,
       "of it, the wait for the auth service at a strict server name");
  time("head", &out->head, "request head, from its first byte");
  time("body_idle", &out->body_idle, "between two pieces of a request body");
  time("keep_alive", &out->keep_alive, "between two requests");
  time("write_idle", &out->write_idle, "a client that does not read");
  time("upstream_connect", &out->upstream_connect, "TCP and TLS to an upstream");
  time("upstream_first_byte", &out->upstream_first_byte,
       "from the end of the request to the answer's head");
  time("upstream_idle", &out->upstream_idle, "between two pieces of an answer");
  time("upstream_total", &out->upstream_total, "a whole request at its upstreams; 0: no bound");
  time("tunnel_idle", &out->tunnel_idle,
       "a switched connection through which nothing passes, either way");
  time("tunnel_total", &out->tunnel_total, "a switched connection, whatever passes; 0: no bound");
  time("upstream_ping", &out->upstream_ping,
       "HTTP/2: an upstream that owes answers and says nothing is asked by PING");
  time("dns_refresh", &out->dns_refresh,
       "upstream names in use are looked up again after this time");
  time("drain", &out->drain, "requests in flight after SIGTERM, drain_notice included");
  in.Time("drain_idle", &out->drain_idle, absl::ZeroDuration(), absl::Hours(24),
          "an idle connection after SIGTERM, in which it may send one more request");
  in.Time("drain_notice", &out->drain_notice, absl::ZeroDuration(), absl::Hours(24),
          "from SIGTERM, which turns readyz off, until no new connections are taken");
  time("upgrade", &out->upgrade, "after SIGUSR2: the start of the program's new version");
  time("sever_grace", &out->sever_grace, "requests in flight of a client that was cut off");
  time("ticket_max_age", &out->ticket_max_age, "a TLS session after its full handshake");
}

void ReadScripts(Reader& in, ScriptsConfig* out) {
  in.Text("program", &out->program, "runs JavaScript; empty: sallyport-script beside this program");
  in.Number("helpers", &out->helpers, 0, 1'024,
            "processes that run scripts, started when they are needed; 0: no script is run");
  in.Number("helpers_per_api", &out->helpers_per_api, 1, 1'024, "of these, at work for one API");
  in.Number("waiting", &out->waiting, 0, 1'000'000,
            "requests that wait for one of them; for those of one API half as many");
  in.Time("wait", &out->wait, absl::ZeroDuration(), absl::Minutes(1),
          "the longest that one of these waits");
  in.Bytes("body_bytes", &out->body_bytes, 0, 4ULL << 20,
           "largest body of a request that a script answers: more is 413");
  in.Bytes("all_body_bytes", &out->all_body_bytes, 1 << 20, 64ULL << 30,
           "memory for these bodies and for scripts' answers, all loops together: more is 503");
}

}  // namespace

bool TcpApisConfig::Allows(uint16_t port) const {
  return std::any_of(ranges.begin(), ranges.end(), [port](const PortRange& range) {
    return port >= range.first && port <= range.last;
  });
}

void Read(Reader& in, DataplaneConfig* out) {
  in.Text("name", &out->name, "of this replica; empty: the machine's name and the port");
  in.Text("group", &out->group, "group of replicas, as in its certificate");
  in.Object("authsvc", [out](Reader& inner) { ReadAuthsvc(inner, &out->authsvc); });
  in.Flag("listeners_from_authsvc", &out->listeners_from_authsvc,
          "open the listeners that the auth service hands out");
  in.Text("address", &out->address, "address of the traffic listener when none is named");
  in.Port("port", &out->port, "port of the traffic listener when none is named");
  in.Flag("http2", &out->http2, "offer HTTP/2 to clients; false: on no listener");
  in.Texts("upgrades", &out->upgrades,
           "protocols that a client may switch an HTTP/1.1 connection to; [] for none");
  in.Objects<TrafficListenerConfig>("listeners", &out->listeners, ReadListener,
                                    "traffic listeners of this machine");
  for (size_t i = 0; i < out->listeners.size(); ++i) {
    if (out->listeners[i].id.empty()) out->listeners[i].id = absl::StrCat("file-", i);
  }
  in.Object("tcp_apis", [out](Reader& inner) { ReadTcpApis(inner, &out->tcp_apis); });
  in.OneOf("ticket_keys", &out->ticket_keys, {"shared", "own", "off"},
           "TLS session tickets: under keys that the replicas of the group share, under this "
           "replica's own, or none");
  in.Object("metrics", [out](Reader& inner) {
    inner.Text("address", &out->metrics.address, "address of /metrics, /healthz and /readyz");
    inner.Port("port", &out->metrics.port, "port of /metrics, /healthz and /readyz");
  });
  in.Number("threads", &out->threads, 0, 1024, "event loops, 0 = one per core");
  in.Text("access_log", &out->access_log, "file, - for standard output, empty for none");
  in.Number("allowed_kept", &out->allowed_kept, 0, 1'000'000,
            "last allowed requests that each loop keeps for explain --request, 0 = none");
  in.Bytes("allowed_bytes", &out->allowed_bytes, 1 << 20, 4ULL << 30,
           "memory for them, all loops together");
  in.OneOf("log_level", &out->log_level, {"debug", "info", "warning", "error"},
           "least level logged; taken up on SIGHUP");
  in.Texts(
      "trace_clients", &out->trace_clients,
      "addresses, CIDRs, identities, key ids or leaf fingerprints whose requests are traced in "
      "the service log; taken up on SIGHUP");
  in.Text("system_trust", &out->system_trust, "directory or file of CAs for upstreams");
  in.Texts("trusted_proxies", &out->trusted_proxies, "CIDR of proxies whose headers count");
  in.Refused("insecure_upstream",
             "does not exist: switch verification off per API or in the gateway settings, where it "
             "is visible");
  in.Object("cache", [out](Reader& inner) { ReadCache(inner, &out->cache); });
  in.Object("limits", [out](Reader& inner) { ReadLimits(inner, &out->limits); });
  in.Object("timeouts", [out](Reader& inner) { ReadTimeouts(inner, &out->timeouts); });
  in.Object("scripts", [out](Reader& inner) { ReadScripts(inner, &out->scripts); });
}

const std::vector<ShortFlag>& DataplaneFlags() {
  static const auto& flags = *new std::vector<ShortFlag>{
      {"authsvc", "authsvc.targets", "host:port of the auth service; several as [a, b]"},
      {"tls-dir", "authsvc.tls_dir", "our certificate, key and the control CA"},
      {"address", "address", "address of the traffic listener"},
      {"port", "port", "port of the traffic listener"},
      {"metrics-port", "metrics.port", "port of metrics and health"},
      {"name", "name", "name of this replica"},
      {"group", "group", "group of this replica"},
      {"threads", "threads", "event loops, 0 = one per core"},
      {"access-log", "access_log", "file, - or empty"},
      {"log-level", "log_level", "debug, info, warning or error"},
  };
  return flags;
}

absl::StatusOr<DataplaneConfig> MakeDataplaneConfig(const Node& root) {
  DataplaneConfig config;
  std::vector<std::string> errors;
  {
    Reader reader(&root, "", &errors, nullptr);
    Read(reader, &config);
  }
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  return config;
}

std::vector<Setting> SettingsOf(DataplaneConfig config) {
  std::vector<std::string> errors;
  std::vector<Setting> settings;
  Reader reader(nullptr, "", &errors, &settings);
  Read(reader, &config);
  return settings;
}

}  // namespace sallyport::config
