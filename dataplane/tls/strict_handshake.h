// What a handshake at a strict SNI does beside the others: its steps run on a fiber, which pauses
// when the client's chain has come, until somebody says what is to become of it. Private to this
// folder. One loop's thread.
#pragma once

#include <openssl/x509.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/authorize/facts.h"
#include "dataplane/loop/stream.h"
#include "dataplane/sync/decision.h"
#include "dataplane/tls/fiber.h"
#include "dataplane/tls/handshake_report.h"
#include "dataplane/tls/strict_handshakes.h"

namespace sallyport::dataplane {

class StrictHandshake {
 public:
  // Both outlive it.
  StrictHandshake(StrictHandshakes& all, TlsStream& stream) : all_(all), stream_(stream) {}
  ~StrictHandshake();  // refuses what waits
  StrictHandshake(const StrictHandshake&) = delete;
  StrictHandshake& operator=(const StrictHandshake&) = delete;

  // As TlsStream::TryHandshake. kPaused with chain_came(): call again after Answer or Refuse.
  [[nodiscard]] IoResult Step();
  // On the fiber, by the verify callback: waits. Whether the handshake may go on.
  [[nodiscard]] bool Verify(X509_STORE_CTX* store);
  [[nodiscard]] bool chain_came() const { return store_ != nullptr; }

  // While chain_came():
  // The chain; null: it cannot be taken.
  [[nodiscard]] PeerCertificatePtr Chain() const;
  // What authsvc says. Null: no answer.
  void Answer(const ValidationPtr& validation);
  // Ends in internal_error. `label`: why, a constant.
  void Refuse(absl::string_view label);
  // Waits for an answer, by which `wake` is called; false: too many wait.
  [[nodiscard]] bool BeginWait(std::string group, std::function<void()> wake);
  void EndWait();

  // Refuses, and lets the handshake come to its end now: the next Step says how it was.
  void Abandon(absl::string_view label);

  // Why it was refused, a constant of a bounded set; empty: it was not.
  [[nodiscard]] absl::string_view label() const { return label_; }
  // What was refused.
  [[nodiscard]] const UnprovenLeaf* refused_leaf() const { return refused_leaf_.get(); }

 private:
  void Run();

  StrictHandshakes& all_;
  TlsStream& stream_;
  std::unique_ptr<Fiber> fiber_;  // paused
  IoResult result_;
  bool abandoned_ = false;           // result_ is the last word
  X509_STORE_CTX* store_ = nullptr;  // OpenSSL's, while it waits
  int verdict_ = X509_V_ERR_UNSPECIFIED;
  absl::string_view label_;
  std::unique_ptr<const UnprovenLeaf> refused_leaf_;
  bool waiting_ = false;
  std::string group_;
  std::function<void()> wake_;
};

}  // namespace sallyport::dataplane
