// What one loop's handshakes are told: client-TLS settings from the route table, server
// certificates from authsvc (cached), then the listener's default from this machine's files. One
// loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/authorize/credential_cache.h"
#include "dataplane/authorize/miss_limit.h"
#include "dataplane/listen/file_certificates.h"
#include "dataplane/loop/loop.h"
#include "dataplane/route/route_table.h"
#include "dataplane/sync/subscriber.h"
#include "dataplane/tls/server_source.h"
#include "dataplane/tls/tls_library.h"

namespace sallyport::dataplane {

class SniSource final : public ServerSource {
 public:
  // All outlive this.
  SniSource(Loop& loop, const TlsLibrary& library, CredentialCache& cache, CertificateWatch& watch,
            Poster& poster)
      : loop_(loop),
        library_(library),
        cache_(cache),
        watch_(watch),
        poster_(poster),
        peers_(kPeerAsksPerSecond, kPeerAskBurst) {}

  // Of each revision: what was answered before it is asked anew, unless the cache still vouches for
  // it.
  void SetView(GatewayViewPtr view);
  // Files of a listener.
  [[nodiscard]] absl::Status AddFiles(const std::string& listener_id,
                                      std::vector<CertificatePaths> paths);
  // A listener of APIs of protocol tls: a name that none of them has is served nothing.
  void AddStreams(const std::string& listener_id, RoutePlace place) {
    streams_[listener_id] = place;
  }
  // Lets go, with their private keys, of certificates that the cache does not answer with any more
  // (evicted, replaced, past their time). Call about once a second.
  void Sweep();

  ClientTlsAnswer ClientTls(absl::string_view sni, const ListenerFacts& listener) override;
  absl::string_view FallbackName(const ListenerFacts& listener) override;
  Credential FindCredential(absl::string_view sni, absl::string_view listener_id,
                            absl::string_view peer, std::function<void()> ready) override;

 private:
  // Look-ups that one peer may cause on this loop.
  static constexpr double kPeerAsksPerSecond = 50, kPeerAskBurst = 200;
  struct Made {
    ServerCredentialsPtr from;
    std::shared_ptr<const ServerCredential> credential;  // null: none, or not usable
  };
  // What was answered a moment ago: for the handshake that waited for it, also when the cache does
  // not keep it (a refusal, or an old answer used because no authsvc is there). Null: refused.
  struct Recent {
    ServerCredentialsPtr answer;
    int64_t until_millis = 0;
  };
  [[nodiscard]] Credential FromStore(absl::string_view sni, absl::string_view listener_id,
                                     absl::string_view peer, std::function<void()> ready);
  // Of the API's own certificates, for clients that name none of their names, or nothing.
  [[nodiscard]] Credential OfApi(const Route& route, absl::string_view listener_id,
                                 absl::string_view peer, std::function<void()> ready);
  void Remember(const std::string& key, ServerCredentialsPtr answer);
  [[nodiscard]] Credential Convert(const std::string& key, const ServerCredentialsPtr& answer);
  void Ask(absl::string_view sni, absl::string_view listener_id, const std::string& key,
           std::function<void()> ready);
  boost::asio::awaitable<void> AskNow(std::string name, std::string listener, std::string kept_key,
                                      std::function<void()> done);

  Loop& loop_;
  const TlsLibrary& library_;
  CredentialCache& cache_;
  CertificateWatch& watch_;
  Poster& poster_;
  GatewayViewPtr view_;
  absl::flat_hash_map<std::string, std::unique_ptr<FileCertificates>> files_;  // by listener
  absl::flat_hash_map<std::string, RoutePlace> streams_;                       // the same
  absl::flat_hash_map<std::string, Made> made_;  // by listener and SNI
  absl::flat_hash_map<std::string, Recent> recent_;
  std::deque<std::pair<std::string, int64_t>>
      recent_order_;  // keys and their ends, the oldest first
  AddressMisses peers_;
  size_t asking_ = 0;  // look-ups under way
};

}  // namespace sallyport::dataplane
