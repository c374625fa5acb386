// Cached answers of ResolveUpstream and ResolveServer under the same coherence and failure rules as
// decisions (DESIGN 8). One CredentialHub per process, one CredentialCache per loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <variant>

#include "absl/time/time.h"
#include "dataplane/authorize/probe_pass.h"
#include "dataplane/authorize/verdict.h"
#include "dataplane/sync/authsvc_client.h"
#include "dataplane/sync/stream_state.h"

namespace sallyport::base {
class Clock;
}
namespace sallyport::cache {
class TagGenerations;
}

namespace sallyport::dataplane {

// The final target: after load balancing, version and rewrite.
struct CredentialTarget {
  absl::string_view host;  // lower case, without port
  uint16_t port = 0;       // written or default
  bool tls = false;
  absl::string_view written_port;  // as in the URL; empty: none
};

struct CredentialOptions {
  absl::Duration negative_ttl = absl::Seconds(5);
  absl::Duration stale_if_error = absl::Minutes(5);
  size_t entries = 20'000;
  size_t bytes = 128u << 20;
};

class CredentialHub {
 public:
  CredentialHub(CredentialOptions options, const base::Clock* clock, AuthsvcClient* client,
                const StreamState* stream, cache::TagGenerations* generations);
  ~CredentialHub();
  CredentialHub(const CredentialHub&) = delete;
  CredentialHub& operator=(const CredentialHub&) = delete;
  // Drops every answer and, with the last holder, every key.
  void Drop();

  struct Impl;
  [[nodiscard]] Impl* impl() const { return impl_.get(); }

 private:
  std::unique_ptr<Impl> impl_;
};

class CredentialCache {
 public:
  CredentialCache(CredentialHub* hub, Poster* poster);
  ~CredentialCache();
  CredentialCache(const CredentialCache&) = delete;
  CredentialCache& operator=(const CredentialCache&) = delete;

  // For the target that the API's request goes to. `stale_if_error` of the decision bounds how old
  // an answer may be when authsvc does not answer. A reason in the answer other than kAllowed comes
  // as a Denial.
  [[nodiscard]] boost::asio::awaitable<std::variant<UpstreamCredentialsPtr, Denial>> Upstream(
      const Route& route, const CredentialTarget& target, const Permit& permit);
  // The same from the caches alone; null when authsvc must be asked or the answer is a refusal.
  [[nodiscard]] UpstreamCredentialsPtr TryUpstream(const Route& route,
                                                   const CredentialTarget& target);

  // The same for a health check of the target. No answer is used beyond its time: where authsvc
  // does not answer, nothing can be said of the target.
  [[nodiscard]] boost::asio::awaitable<std::variant<UpstreamCredentialsPtr, Denial>> ForHealthCheck(
      const Route& route, const CredentialTarget& target, ProbePass pass);

  // Cached only (null: none that is fresh), for the ClientHello callback, which cannot suspend.
  [[nodiscard]] ServerCredentialsPtr TryServer(absl::string_view sni,
                                               absl::string_view listener_id);
  [[nodiscard]] boost::asio::awaitable<std::variant<ServerCredentialsPtr, Denial>> Server(
      absl::string_view sni, absl::string_view listener_id);

 private:
  struct Impl;
  [[nodiscard]] boost::asio::awaitable<std::variant<UpstreamCredentialsPtr, Denial>> Resolve(
      const Route& route, const CredentialTarget& target, absl::Duration stale_for);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::dataplane
