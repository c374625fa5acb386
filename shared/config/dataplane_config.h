// Everything that sallyport-dataplane can be told. Immutable after loading.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "shared/config/command_line.h"
#include "shared/config/reader.h"
#include "shared/config/tls_files.h"

namespace sallyport::config {

// A pair of PEM files, reloaded when they change.
struct CertificateFiles {
  std::string certificate_file;
  std::string key_file;
};

// A listener of this machine's file: used beside those that authsvc hands out; one with the same
// address and port here wins.
struct TrafficListenerConfig {
  std::string id;  // default: "file-<index>"
  std::string address = "::";
  uint16_t port = 8443;
  bool plain = false;
  bool redirect = false;    // plain only: 308 to https
  std::string min_version;  // "1.2" | "1.3"; empty: 1.2
  std::string max_version;
  std::string style = "native";  // where no API is found
  bool http2 = true;             // TLS: offered by ALPN
  std::vector<std::string>
      proxy_protocol_from;  // addresses or CIDRs whose connections begin with a PROXY header
  std::vector<CertificateFiles> certificates;  // default certificates: RSA and ECDSA side by side
};

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;
};

// What APIs of protocol tls and tcp may make this machine do: they come with ports of their own.
struct TcpApisConfig {
  std::string address = "::";
  std::vector<std::string> ports;  // "5432" or "6000-6099"; none: no such API is served here
  std::vector<PortRange> ranges;   // the same, read
  // Addresses or CIDRs of proxies that announce their clients, to the APIs that ask for that.
  std::vector<std::string> proxy_protocol_from;

  [[nodiscard]] bool Allows(uint16_t port) const;
};

struct AuthsvcClientConfig {
  std::vector<std::string> targets = {"127.0.0.1:9443"};  // host:port, tried in order
  TlsDirectory tls;         // our certificate (role dataplane) and the control CA
  std::string server_name;  // empty: the target's host
  absl::Duration authorize_deadline = absl::Milliseconds(500);
  uint32_t breaker_failures = 5;
  absl::Duration probe_interval = absl::Milliseconds(500);
};

struct CacheConfig {
  uint32_t decisions = 200'000;  // entries of the process cache
  uint64_t decision_bytes = 256ULL << 20;
  uint32_t denials = 50'000;
  uint32_t loop_decisions = 20'000;  // per loop
  uint32_t upstream_credentials = 10'000;
  absl::Duration negative_ttl = absl::Seconds(5);
};

// Of one HTTP/2 connection; its head_bytes and headers are those of LimitsConfig.
struct Http2LimitsConfig {
  uint32_t max_concurrent_streams = 128;
  uint32_t stream_window = 128 << 10;    // bytes of one request's body
  uint32_t connection_window = 1 << 20;  // bytes of all bodies
  uint32_t frame_bytes = 16 << 10;
};

struct UpstreamHttp2LimitsConfig {
  uint32_t connections = 16;              // per pool key and loop
  uint32_t max_concurrent_streams = 100;  // per connection
  uint32_t stream_window = 128 << 10;
};

struct LimitsConfig {
  uint32_t connections = 20'000;         // per process
  uint32_t connections_per_address = 0;  // 0 = no limit
  uint32_t handshakes_per_second = 0;    // of one client address, 0 = no limit
  uint32_t head_bytes = 32 << 10;
  uint32_t identity_bytes = 16 << 10;
  uint32_t target_bytes = 8 << 10;
  uint32_t headers = 100;
  uint32_t requests_per_connection = 0;  // 0 = no limit
  Http2LimitsConfig http2;
  uint32_t upstream_connections = 512;  // per pool key and loop
  uint32_t upstream_waiting = 1'024;    // requests per pool key and loop
  UpstreamHttp2LimitsConfig upstream_http2;
  uint32_t upstream_idle = 256;                          // kept per pool key and loop
  uint32_t tunnels = 10'000;                             // per process
  uint32_t authorize_misses_per_second = 50;             // per client address, 0 = no limit
  uint32_t strict_handshakes = 256;                      // that wait for authsvc, per loop
  uint32_t strict_handshakes_per_address = 64;           // of these, 0 = no limit
  absl::Duration queue_delay = absl::Milliseconds(500);  // 0 = no limit
};

struct TrafficTimeouts {
  absl::Duration handshake = absl::Seconds(10);
  absl::Duration strict_validation = absl::Seconds(2);
  absl::Duration head = absl::Seconds(10);
  absl::Duration body_idle = absl::Seconds(60);
  absl::Duration keep_alive = absl::Seconds(75);
  absl::Duration write_idle = absl::Seconds(60);
  absl::Duration upstream_connect = absl::Seconds(5);
  absl::Duration upstream_first_byte = absl::Seconds(60);
  absl::Duration upstream_idle = absl::Seconds(60);
  absl::Duration upstream_total = absl::ZeroDuration();  // 0 = no bound
  absl::Duration tunnel_idle = absl::Hours(1);
  absl::Duration tunnel_total = absl::ZeroDuration();  // 0 = no bound
  absl::Duration upstream_ping = absl::Seconds(30);
  absl::Duration dns_refresh = absl::Seconds(30);
  absl::Duration drain = absl::Seconds(30);
  absl::Duration drain_idle = absl::Seconds(1);
  absl::Duration drain_notice = absl::ZeroDuration();
  absl::Duration upgrade = absl::Seconds(60);
  absl::Duration sever_grace = absl::Seconds(5);
  absl::Duration ticket_max_age = absl::Hours(8);
};

// Of virtual endpoints.
struct ScriptsConfig {
  std::string program;           // empty: sallyport-script beside our own
  uint32_t helpers = 8;          // processes that run scripts; 0: none are run
  uint32_t helpers_per_api = 4;  // of these at work for one API
  uint32_t waiting = 1'024;      // requests that wait for one of them
  absl::Duration wait = absl::Seconds(1);
  uint64_t body_bytes = 1 << 20;       // of a request that a script is told
  uint64_t all_body_bytes = 64 << 20;  // of all of these, and of answers
};

struct DataplaneMetricsConfig {
  std::string address = "127.0.0.1";
  uint16_t port = 9465;
};

struct DataplaneConfig {
  std::string name;  // of this replica; empty: the machine's name and the port
  std::string group = "default";
  AuthsvcClientConfig authsvc;
  bool listeners_from_authsvc = true;
  // Used when neither the file nor authsvc names a listener.
  std::string address = "::";
  uint16_t port = 8443;
  bool http2 = true;                                  // false: no listener offers it
  std::vector<std::string> upgrades = {"websocket"};  // of HTTP/1.1 connections
  std::vector<TrafficListenerConfig> listeners;
  TcpApisConfig tcp_apis;
  std::string ticket_keys = "shared";  // | "own" | "off"
  DataplaneMetricsConfig metrics;
  uint32_t threads = 0;               // 0 = one per core
  std::string access_log = "-";       // file, "-" standard output, "" none
  uint32_t allowed_kept = 10'000;     // allowed requests kept by each loop for explain, 0 = none
  uint64_t allowed_bytes = 32 << 20;  // for them, all loops together
  std::string log_level = "info";
  std::vector<std::string> trace_clients;       // whose requests are traced
  std::string system_trust = "/etc/ssl/certs";  // directory or file
  std::vector<std::string> trusted_proxies;     // CIDR, beside those that authsvc hands out
  CacheConfig cache;
  LimitsConfig limits;
  TrafficTimeouts timeouts;
  ScriptsConfig scripts;
};

void Read(Reader& in, DataplaneConfig* out);

[[nodiscard]] const std::vector<ShortFlag>& DataplaneFlags();
// InvalidArgument with every error, one a line.
[[nodiscard]] absl::StatusOr<DataplaneConfig> MakeDataplaneConfig(const Node& root);
[[nodiscard]] std::vector<Setting> SettingsOf(DataplaneConfig config);

}  // namespace sallyport::config
