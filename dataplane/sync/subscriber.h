// Keeps this replica current: takes what the Subscribe stream brings, builds route tables, voids
// cached answers, tells every loop and acknowledges a revision once every loop has applied it
// (DESIGN 4).
//
// The stream (dataplane/sync/grpc, or a fake) calls the StreamObserver side, one call at a time,
// from any thread. Everything else here is thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "dataplane/route/fallback_names.h"
#include "dataplane/route/offered_tls.h"
#include "dataplane/route/route_table.h"
#include "dataplane/route/strict_table.h"
#include "dataplane/sync/authsvc_client.h"
#include "dataplane/sync/shared_tickets.h"
#include "dataplane/sync/stream_state.h"
#include "dataplane/sync/telemetry_sink.h"

namespace sallyport::base {
class Clock;
}
namespace sallyport::cache {
class TagGenerations;
}
namespace sallyport::crypto {
class DeniedCertificates;
}

namespace sallyport::dataplane {

// A traffic listener that authsvc hands out (v1::Listener).
struct ListenerSpec {
  std::string id, address;
  uint16_t port = 0;
  bool plain = false, redirect = false;
  std::string default_certificate_id, min_version, max_version;
  ErrorStyle style = ErrorStyle::kNative;
  bool http2 = true;
  std::vector<std::string> proxy_protocol_from;  // addresses, CIDRs
  std::vector<StrictNames> strict{};
  std::vector<OfferedTlsNames> offered_tls{};
  std::string fallback_server_name{};  // lower case, without trailing dot; empty: none
};
struct GatewayFacts {
  std::vector<std::string> trusted_proxies;  // CIDR
  uint64_t server_certificates_version = 0;
  std::vector<std::string> insecure_settings;             // at the gateway level, for the metric
  std::vector<std::string> client_certificate_headers{};  // lower case
  // Of listeners that say nothing; "1.2" or "1.3", empty: 1.2 to 1.3.
  std::string server_min_version{}, server_max_version{};
};

using DeniedCertificatesPtr = std::shared_ptr<const crypto::DeniedCertificates>;

struct Eviction {
  std::string tag;
  bool sever = false;
  std::vector<std::string> leaf_sha256;  // hex
  std::vector<std::string> key_ids;
  DeniedCertificatesPtr denied{};  // null: none
};
struct RouteChanges {
  std::vector<RoutePtr> put;
  std::vector<std::string> removed_api_ids;
  std::vector<ListenerSpec> put_listeners;
  std::vector<std::string> removed_listener_ids;
  std::optional<GatewayFacts> gateway;
};
struct ResumeToken {
  std::string store_id;
  uint64_t epoch = 0;
  uint64_t revision = 0;
};
struct StreamUpdate {
  enum class Kind : uint8_t { kSnapshotPart, kChange, kHeartbeat, kLookup, kTicketKeys };
  Kind kind = Kind::kHeartbeat;
  ResumeToken position;  // this update brings the replica here; of a lookup and keys: nothing
  RouteChanges routes;
  std::vector<Eviction> evictions;
  bool first = false, last = false;  // snapshot part
  absl::Duration proof_age;          // heartbeat
  uint32_t connected_replicas = 0;   // heartbeat
  Lookup lookup{};
  SharedTicketKeysPtr ticket_keys{};
};

// Everything that a loop (or the listeners) works with, swapped as a whole.
struct GatewayView {
  RouteTablePtr routes;
  std::vector<ListenerSpec> listeners;
  StrictTablePtr strict;            // of the listeners; null: none is strict
  OfferedTlsTablePtr offered_tls;   // likewise; null: each offers the same at all its names
  FallbackNamesPtr fallback_names;  // likewise; null: none has one
  GatewayFacts gateway;
  uint64_t revision = 0;
};
using GatewayViewPtr = std::shared_ptr<const GatewayView>;

// Connections to close: of these leaves (hex SHA-256), of these keys, those whose last decision
// depends on one of these tags, and those on which a certificate was presented that one of these
// lists names.
struct SeverList {
  std::vector<std::string> leaf_sha256;
  std::vector<std::string> key_ids;
  std::vector<std::string> tags{};
  std::vector<DeniedCertificatesPtr> denied{};
  [[nodiscard]] bool empty() const {
    return leaf_sha256.empty() && key_ids.empty() && tags.empty() && denied.empty();
  }
};

// One per loop; implemented by dataplane/listen. All calls run on the loop's thread.
class LoopSink : public Poster {
 public:
  virtual void Apply(GatewayViewPtr view) = 0;
  // Close idle connections of these clients now, the others after `sever_grace`.
  virtual void Sever(const SeverList& severed) = 0;
  // What rests on one of these tags may be decided otherwise now: each further request is decided
  // anew, and about those that go on for long authsvc is asked again.
  virtual void Redecide(const std::vector<std::string>& tags) = 0;
  // These certificates ("cert:ID") are void: upstream connections that rest on them end.
  virtual void Retire(const std::vector<std::string>& certificate_tags) = 0;
  // A snapshot came in place of changes: what they would have severed or retired nobody will say.
  // Every cached answer and memo is void already, so each further request is decided anew; idle
  // connections of clients end now, no upstream connection is used for another request, and about
  // each request, tunnel or stream in flight authsvc is asked again: one that is not allowed any
  // more is severed.
  virtual void StartOver() = 0;
  // A request that this loop let in, if it is kept still.
  [[nodiscard]] virtual std::optional<AllowedRecord> FindAllowed(absl::string_view request_id) = 0;
};

class StreamObserver {
 public:
  virtual ~StreamObserver() = default;
  // Where to resume; nothing asks for the whole.
  [[nodiscard]] virtual std::optional<ResumeToken> Resume() const = 0;
  // False: the stream cannot be used any more, and must be ended and opened anew.
  [[nodiscard]] virtual bool OnUpdate(StreamUpdate update) = 0;
  // The stream ended: with an error it is broken at once, with OK (the age of its connection) once
  // its last heartbeat is too old. PermissionDenied/Unauthenticated drops every cache.
  virtual void OnStreamEnd(const absl::Status& status) = 0;
};

class Subscriber final : public StreamObserver {
 public:
  struct Options {
    std::vector<uint16_t> default_ports;
    // Tells authsvc what every loop has applied. Called on a loop's thread, must not block.
    std::function<void(uint64_t epoch, uint64_t revision)> acknowledge;
    // authsvc refused this replica on the stream: every cached answer is void already; drop the
    // answers themselves, and the keys in them (AuthorizeHub::Drop, CredentialHub::Drop). From any
    // thread.
    std::function<void()> refused;
    // Every loop was asked for a request that authsvc looks for, or one has it. Called on a loop's
    // thread, must not block.
    std::function<void(LookupAnswer)> answer;
    // The session-ticket keys of this replica's group. From any thread, must not block.
    std::function<void(const SharedTicketKeys&)> ticket_keys{};
    std::function<void()> ended{};  // the stream that they came by
  };
  // All must outlive it. `generations` and `state` are shared with the authorizers.
  Subscriber(Options options, const base::Clock* clock, cache::TagGenerations* generations,
             StreamState* state);
  ~Subscriber() override;

  // Loops join before the stream starts; each gets the current view at once (posted).
  void AddLoop(LoopSink* loop);
  // No call reaches `loop` after this returns, if it is made on the loop's thread or after that
  // ended.
  void RemoveLoop(LoopSink* loop);

  [[nodiscard]] GatewayViewPtr View() const;
  [[nodiscard]] uint32_t ConnectedReplicas() const;
  // Newest revision that the stream announced; minus StreamState::AppliedRevision() = lag.
  [[nodiscard]] uint64_t AnnouncedRevision() const;

  [[nodiscard]] std::optional<ResumeToken> Resume() const override;
  bool OnUpdate(StreamUpdate update) override;
  void OnStreamEnd(const absl::Status& status) override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sallyport::dataplane
