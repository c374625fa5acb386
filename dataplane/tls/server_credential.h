// A server certificate with its chain and key, ready for OpenSSL: RSA and ECDSA pairs side by side.
// Made on the loop that uses it; immutable. The key lives in OpenSSL's copy only, which is cleansed
// when the last connection lets go.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/tls/tls_library.h"

namespace sallyport::dataplane {

// Of TLS, within what the listener takes: "1.2" or "1.3"; empty: the same.
struct ServerVersions {
  std::string least{}, most{};
};

class ServerCredential {
 public:
  struct Pair {
    std::vector<std::string> chain_der;  // leaf first
    absl::string_view key_pkcs8_der;
  };
  using Versions = ServerVersions;
  // `library`: of the loop, which outlives it. Fails when a key does not belong to its leaf, and
  // for versions that are not known.
  [[nodiscard]] static absl::StatusOr<std::shared_ptr<const ServerCredential>> Create(
      const TlsLibrary& library, const std::vector<Pair>& pairs, const Versions& versions = {});
  // PEM files: certificate chain, key.
  [[nodiscard]] static absl::StatusOr<std::shared_ptr<const ServerCredential>> FromPem(
      const TlsLibrary& library, absl::string_view chain_pem, absl::string_view key_pem);

  ~ServerCredential();
  ServerCredential(const ServerCredential&) = delete;
  ServerCredential& operator=(const ServerCredential&) = delete;

  // Sets it on one connection, whose version is not chosen yet.
  [[nodiscard]] bool Use(SSL* ssl) const;
  // DNS names of the first leaf (for files that are chosen by SNI).
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  // The soonest end of its leaves.
  [[nodiscard]] absl::Time not_after() const { return not_after_; }

 private:
  struct Loaded;
  ServerCredential() = default;
  [[nodiscard]] absl::Status Add(const TlsLibrary& library, const Pair& pair);
  [[nodiscard]] bool Narrow(SSL* ssl) const;
  std::vector<std::unique_ptr<Loaded>> loaded_;
  int least_ = 0, most_ = 0;  // 0: the listener's
  std::vector<std::string> names_;
  absl::Time not_after_ = absl::InfiniteFuture();
};

}  // namespace sallyport::dataplane
