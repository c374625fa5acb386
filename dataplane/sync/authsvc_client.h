// The questions that a data plane asks authsvc, and the stream that it listens to. Value structs in
// and out; only dataplane/sync/grpc knows gRPC. Tests use tests/fakes/fake_authsvc_client.h.
//
// Calls are thread-safe and never block. A completion is always *posted* to the caller's `Poster`
// (never run inline) and always comes exactly once, within the call's deadline (500 ms) and a
// little.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/sync/credentials.h"
#include "dataplane/sync/decision.h"

namespace sallyport::dataplane {

// Runs work later on one thread (a loop). Thread-safe; may be called from any thread.
class Poster {
 public:
  virtual ~Poster() = default;
  virtual void Post(std::function<void()> work) = 0;
};

enum class Proof : uint8_t { kNone = 0, kTls = 1, kHeader = 2 };

struct CredentialFact {
  std::string mechanism;  // "token" | "jwt" | "basic"
  std::string place;      // header | query | cookie
  std::string sha256;     // 32 raw bytes
  std::string jwt;        // itself; empty: no jwt, or too large for one
  std::string name;       // jwt: of the header, parameter or cookie
  std::string login;      // basic: "user:password"
};

struct AuthorizeQuestion {
  std::string api_id;
  std::string profile;
  Proof proof = Proof::kNone;
  std::vector<std::string> chain_der;  // leaf first, at most 8
  std::string proxy;                   // kHeader: which trusted proxy
  bool tls = false;
  std::vector<CredentialFact> credentials;
  uint64_t min_revision = 0;
  std::string request_id;
};

struct UpstreamQuestion {
  std::string api_id;
  std::string host;  // final target, lower case, without port
  uint16_t port = 0;
  bool tls = false;
  std::string written_port;
  uint64_t min_revision = 0;
};

struct ServerQuestion {
  std::string sni;  // lower case; empty: the listener's default
  std::string listener_id;
  uint64_t min_revision = 0;
};

// Is this chain, whose leaf's key is not proven yet, one to go on with?
struct ValidationQuestion {
  std::vector<std::string> chain_der;  // leaf first, at most 8
  std::vector<std::string> trust_bundle_ids;
  bool any_issuer = false;
  uint32_t max_depth = 0;
  uint64_t min_revision = 0;
};

template <typename T>
using Completion = absl::AnyInvocable<void(absl::StatusOr<T>)>;

class AuthsvcClient {
 public:
  virtual ~AuthsvcClient() = default;
  // Errors: Unavailable, DeadlineExceeded, ResourceExhausted: nobody answered (or the breaker is
  // open); PermissionDenied, Unauthenticated: this data plane is not (any more) accepted; others: a
  // defect.
  virtual void Authorize(AuthorizeQuestion question, Poster* poster,
                         Completion<DecisionPtr> done) = 0;
  virtual void ResolveUpstream(UpstreamQuestion question, Poster* poster,
                               Completion<UpstreamCredentialsPtr> done) = 0;
  virtual void ResolveServer(ServerQuestion question, Poster* poster,
                             Completion<ServerCredentialsPtr> done) = 0;
  virtual void ValidateCertificate(ValidationQuestion question, Poster* poster,
                                   Completion<ValidationPtr> done) = 0;
};

}  // namespace sallyport::dataplane
