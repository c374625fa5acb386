// Every metric of both services: name, kind, help, labels. Add here and nowhere else. A label named
// "api" is bounded (shared/metrics/sheet.h); all others must come from closed sets.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace sallyport::metrics {

enum class Kind : uint8_t { kCounter, kGauge, kTimes };

// X(enumerator, "name", kind, "label,label", "help")
#define SALLYPORT_METRICS(X)                                                                       \
  /* data plane: requests */                                                                       \
  X(kRequests, "sallyport_requests_total", kCounter, "api,reason,fault",                           \
    "Requests by API, outcome and whose fault a refusal was")                                      \
  X(kResponses, "sallyport_responses_total", kCounter, "api,code",                                 \
    "Answers by API and status class")                                                             \
  X(kRequestSeconds, "sallyport_request_seconds", kTimes, "api", "Whole time of a request")        \
  X(kOverheadSeconds, "sallyport_overhead_seconds", kTimes, "",                                    \
    "Time of a request that was not spent waiting for its upstream or its script")                 \
  X(kBytesIn, "sallyport_request_bytes_total", kCounter, "", "Body bytes from clients")            \
  X(kBytesOut, "sallyport_response_bytes_total", kCounter, "", "Body bytes to clients")            \
  X(kStaleServed, "sallyport_stale_decisions_total", kCounter, "api",                              \
    "Requests allowed by a cached decision while no authsvc answered")                             \
  /* data plane: connections */                                                                    \
  X(kConnections, "sallyport_connections", kGauge, "", "Open client connections")                  \
  X(kConnectionsOpened, "sallyport_connections_opened_total", kCounter, "",                        \
    "Client connections accepted")                                                                 \
  X(kConnectionsNotTaken, "sallyport_connections_not_taken_total", kCounter, "cause",              \
    "Client connections closed at once (limit, handshakes, proxy_header, overload); pauses for "   \
    "want of open files (descriptors)")                                                            \
  X(kBufferBytes, "sallyport_buffer_bytes", kGauge, "state",                                       \
    "Blocks for what was read of connections: lent (to those that have unread bytes), kept")       \
  X(kHandshakes, "sallyport_handshakes_total", kCounter, "kind", "TLS handshakes: full, resumed")  \
  X(kTicketKeys, "sallyport_ticket_keys", kGauge, "source",                                        \
    "Keys that open session tickets: shared with the group, own")                                  \
  X(kTicketKeyInUseAge, "sallyport_ticket_key_in_use_age_seconds", kGauge, "source",               \
    "Age of the key that makes session tickets: shared or own")                                    \
  X(kHandshakeSeconds, "sallyport_handshake_seconds", kTimes, "", "Time of a TLS handshake")       \
  X(kHandshakeFailures, "sallyport_handshake_failures_total", kCounter, "reason",                  \
    "TLS handshakes with clients that failed")                                                     \
  X(kSevered, "sallyport_connections_severed_total", kCounter, "",                                 \
    "Client connections closed because their certificate or key was revoked or removed")           \
  X(kStrictWaiting, "sallyport_strict_handshakes_waiting", kGauge, "",                             \
    "Handshakes that wait until their client certificate is validated")                            \
  X(kStrictStackBytes, "sallyport_strict_handshake_stack_bytes", kGauge, "",                       \
    "Memory mapped for the stacks of handshakes at strict server names, at most")                  \
  X(kStrictValidations, "sallyport_strict_validations_total", kCounter, "result",                  \
    "Client certificates looked up within handshakes: cache, asked, joined, limited, failed")      \
  X(kTunnels, "sallyport_tunnels", kGauge, "",                                                     \
    "Client connections that were switched to another protocol (WebSocket)")                       \
  X(kTunnelsEnded, "sallyport_tunnels_ended_total", kCounter, "end",                               \
    "Tunnels that ended: closed, idle, total (too old), cut, client or upstream (broken by it)")   \
  X(kTunnelBytes, "sallyport_tunnel_bytes_total", kCounter, "direction",                           \
    "Bytes through tunnels, counted as they pass")                                                 \
  X(kTcpConnections, "sallyport_tcp_connections_total", kCounter, "api,reason,fault",              \
    "Connections to APIs of protocol tls or tcp that ended, by API, outcome and whose fault it "   \
    "was")                                                                                         \
  X(kTcpBytes, "sallyport_tcp_bytes_total", kCounter, "api,direction",                             \
    "Bytes of these APIs, counted as they pass")                                                   \
  X(kTcpPorts, "sallyport_tcp_ports", kGauge, "state",                                             \
    "Ports that APIs of protocol tls or tcp name: open, not_allowed, conflict, failed")            \
  X(kHttp2Failures, "sallyport_http2_connection_failures_total", kCounter, "reason",               \
    "HTTP/2 connections ended for an error or a flood of the client")                              \
  X(kHttp2Resets, "sallyport_http2_streams_reset_total", kCounter, "by,code",                      \
    "HTTP/2 streams reset, by client or gateway")                                                  \
  X(kMisdirected, "sallyport_misdirected_total", kCounter, "", "Requests answered 421")            \
  /* data plane: authorization */                                                                  \
  X(kAuthorizeSeconds, "sallyport_authorize_seconds", kTimes, "fault",                             \
    "Time to a verdict, by whose fault")                                                           \
  X(kDecisionCache, "sallyport_decision_cache_total", kCounter, "result",                          \
    "Look-ups of decisions: memo, loop, process, miss, joined, refreshed, stale, void, reasked, "  \
    "failed")                                                                                      \
  X(kCacheEvictions, "sallyport_cache_evictions_total", kCounter, "",                              \
    "Evictions received from authsvc, each voids every answer with its tag")                       \
  X(kCacheEntries, "sallyport_cache_entries", kGauge, "cache", "Cached answers by cache")          \
  X(kCacheBytes, "sallyport_cache_bytes", kGauge, "cache", "Memory of cached answers, about")      \
  X(kCacheDropped, "sallyport_cache_dropped_total", kCounter, "cache",                             \
    "Answers dropped because a cache was full")                                                    \
  X(kMissesRefused, "sallyport_misses_refused_total", kCounter, "by",                              \
    "Requests refused because one connection or address caused too many questions")                \
  /* data plane: limits */                                                                         \
  X(kLimitBuckets, "sallyport_limit_buckets", kGauge, "", "Rate and quota counters in memory")     \
  X(kLimitsPerReplica, "sallyport_limits_per_replica", kGauge, "",                                 \
    "1 while several replicas are connected and each counts limits on its own")                    \
  /* data plane: upstream */                                                                       \
  X(kUpstreamSeconds, "sallyport_upstream_seconds", kTimes, "api",                                 \
    "Time until the upstream had answered")                                                        \
  X(kUpstreamConnections, "sallyport_upstream_connections_total", kCounter, "kind,protocol",       \
    "Upstream connections used: new, reused; by protocol: http1, http2")                           \
  X(kUpstreamHttp2Open, "sallyport_upstream_http2_connections", kGauge, "",                        \
    "Open HTTP/2 connections to upstreams, each shared by many requests")                          \
  X(kUpstreamHttp2Failures, "sallyport_upstream_http2_failures_total", kCounter, "reason",         \
    "HTTP/2 connections to upstreams ended for an error, a flood or the silence of the upstream")  \
  X(kUpstreamWaiting, "sallyport_upstream_waiting_requests", kGauge, "",                           \
    "Requests that wait for a connection to their upstream: all that may be there are in use")     \
  X(kUpstreamTlsFailures, "sallyport_upstream_tls_failures_total", kCounter, "reason",             \
    "TLS failures towards upstreams")                                                              \
  X(kUpstreamTargets, "sallyport_upstream_targets", kGauge, "api,state",                           \
    "Targets in use by state: usable, ejected, down (by their health check)")                      \
  X(kTargetEjections, "sallyport_upstream_ejections_total", kCounter, "api,cause",                 \
    "Targets left out for a while because of: connect, tls, answer")                               \
  X(kUpstreamRetries, "sallyport_upstream_retries_total", kCounter, "kind",                        \
    "Requests sent again: on another connection, to another target")                               \
  X(kRetryBudgetExhausted, "sallyport_upstream_retry_budget_exhausted_total", kCounter, "",        \
    "Requests that were not sent again because too many were")                                     \
  X(kUpstreamBusy, "sallyport_upstream_busy_total", kCounter, "api",                               \
    "Requests that found a target at its limits")                                                  \
  X(kScripts, "sallyport_scripts_total", kCounter, "outcome",                                      \
    "Scripts run: answered, failed, limit (time, memory, no process free), abandoned")             \
  X(kScriptSeconds, "sallyport_script_seconds", kTimes, "",                                        \
    "Time of a script, with the requests that it makes")                                           \
  X(kScriptCalls, "sallyport_script_calls_total", kCounter, "outcome",                             \
    "Requests that scripts made: answered, failed")                                                \
  X(kScriptProcesses, "sallyport_script_processes", kGauge, "state",                               \
    "Processes that run scripts: idle, busy, ending; requests that wait for one: waiting")         \
  X(kHealthChecks, "sallyport_upstream_health_checks_total", kCounter, "result",                   \
    "Health checks by result: good, bad, none (no credentials could be had)")                      \
  X(kUpstreamIdle, "sallyport_upstream_idle_connections", kGauge, "", "Idle upstream connections") \
  /* data plane: authsvc */                                                                        \
  X(kStreamHealthy, "sallyport_stream_healthy", kGauge, "", "1 while changes arrive from authsvc") \
  X(kRevision, "sallyport_revision", kGauge, "", "Newest revision applied by every loop")          \
  X(kRevisionLag, "sallyport_revision_lag", kGauge, "", "Revisions announced and not applied yet") \
  X(kAuthsvcBreaker, "sallyport_authsvc_breaker_open", kGauge, "", "1 while no authsvc is asked")  \
  X(kReady, "sallyport_ready", kGauge, "", "1 while /readyz answers 200")                          \
  X(kRoutes, "sallyport_routes", kGauge, "", "APIs that are routed")                               \
  X(kAccessLogDropped, "sallyport_access_log_dropped_total", kCounter, "",                         \
    "Access log lines dropped")                                                                    \
  X(kTelemetryLost, "sallyport_telemetry_lost_total", kCounter, "", "Telemetry records dropped")   \
  /* both */                                                                                       \
  X(kInsecure, "sallyport_insecure_setting", kGauge, "setting,api",                                \
    "1 for each insecure setting in force (skip verify, fail open, ...)")                          \
  X(kCertificateNotAfter, "sallyport_certificate_not_after_seconds", kGauge, "role",               \
    "Soonest expiry of the certificates of a role, Unix time")                                     \
  X(kCertificatesExpiring, "sallyport_certificates_expiring", kGauge, "role,within",               \
    "Certificates that expire within 1d, 7d, 30d")                                                 \
  X(kBuildInfo, "sallyport_build_info", kGauge, "service,version", "1")                            \
  /* authsvc */                                                                                    \
  X(kDecisions, "sallyport_decisions_total", kCounter, "api,reason",                               \
    "Decisions by API and reason")                                                                 \
  X(kJwksFetches, "sallyport_jwks_fetches_total", kCounter, "result",                              \
    "Key sets of token issuers that were asked for: ok, failed")                                   \
  X(kEvents, "sallyport_events_total", kCounter, "outcome",                                        \
    "Messages to the handlers of events: sent, logged, failed, dropped")                           \
  X(kRpcs, "sallyport_rpcs_total", kCounter, "method,code", "gRPC calls by method and status")     \
  X(kRpcSeconds, "sallyport_rpc_seconds", kTimes, "method", "Time of a gRPC call")                 \
  X(kAdminRequests, "sallyport_admin_requests_total", kCounter, "dialect,code",                    \
    "Admin REST requests")                                                                         \
  X(kStoreRevision, "sallyport_store_revision", kGauge, "", "Revision of the snapshot in force")   \
  X(kStoreWrites, "sallyport_store_writes_total", kCounter, "result", "Transactions by result")    \
  X(kStoreSeconds, "sallyport_store_write_seconds", kTimes, "", "Time of a transaction")           \
  X(kResources, "sallyport_resources", kGauge, "kind", "Resources in the snapshot")                \
  X(kReplicas, "sallyport_replicas", kGauge, "", "Connected data planes")                          \
  X(kTicketKeyAge, "sallyport_ticket_key_age_seconds", kGauge, "group",                            \
    "Age of the newest session-ticket key of a group of data planes that is connected")            \
  X(kTicketKeysMade, "sallyport_ticket_keys_made_total", kCounter, "cause",                        \
    "Session-ticket keys made: first, age, denied (all others went), unreadable")                  \
  X(kReplicaLag, "sallyport_replica_revision_lag", kGauge, "replica",                              \
    "Revisions a replica is behind")                                                               \
  X(kPendingReferences, "sallyport_pending_references", kGauge, "",                                \
    "References to certificates not there")                                                        \
  X(kPathMemo, "sallyport_path_memo_total", kCounter, "result",                                    \
    "Certificate path look-ups: hit, miss")                                                        \
  /* both, by the names that Prometheus' own clients use */                                        \
  X(kProcessMemory, "process_resident_memory_bytes", kGauge, "", "Memory of the process in RAM")   \
  X(kProcessVirtual, "process_virtual_memory_bytes", kGauge, "", "Address space of the process")   \
  X(kProcessCpu, "process_cpu_seconds_total", kCounter, "", "Processor time, user and system")     \
  X(kProcessFiles, "process_open_fds", kGauge, "", "Open files")                                   \
  X(kProcessMostFiles, "process_max_fds", kGauge, "", "How many files may be open")                \
  X(kProcessStart, "process_start_time_seconds", kGauge, "", "When the process began, Unix time")

enum class Id : uint16_t {
#define X(enumerator, name, kind, labels, help) enumerator,
  SALLYPORT_METRICS(X)
#undef X
      kCount
};

struct Description {
  absl::string_view name;
  Kind kind;
  absl::string_view labels;  // comma-separated
  absl::string_view help;
};
[[nodiscard]] const Description& Describe(Id id);

}  // namespace sallyport::metrics
