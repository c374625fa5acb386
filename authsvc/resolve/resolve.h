// Credentials that the gateway itself uses. Upstream: client certificate, pins, trust, TLS settings
// and forward proxy for one target of one API (DESIGN 7). Server: the pairs for an SNI
// (DESIGN 2.2). Pure functions of (snapshot, question, time); thread-safe. What cannot be used
// fails closed: never "no certificate", never a less specific entry.
#pragma once

#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sallyport/v1/decision.pb.h"
#include "sallyport/v1/distribution.pb.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc {

class Snapshot;
struct CertificateEntry;
namespace v1 = ::sallyport::v1;

// Opens the sealed private key of a stored certificate: PKCS#8 DER (Writer::OpenPrivateKey). Must
// be thread-safe.
using KeyOpener = std::function<absl::StatusOr<base::Secret>(const CertificateEntry&)>;

// Opens the sealed password that an API has for its forward proxy (Writer::OpenProxyPassword). Must
// be thread-safe.
using PasswordOpener = std::function<absl::StatusOr<base::Secret>(const v1::Api&)>;

struct ResolveScope {
  // Data-plane group of the caller: APIs that are deployed elsewhere do not exist for it. Not set:
  // any.
  std::optional<absl::string_view> group;
  // Private keys and passwords go to role `dataplane` alone; false leaves them out.
  bool with_private_key = true;
  PasswordOpener open_password;    // not set: an API with such a password is refused
  PasswordOpener open_credential;  // of the targets' header value; likewise
};

// The caller cleanses `client_key_der`, `proxy.password` and `credential.value` of the answer after
// use (base::Cleanse).
[[nodiscard]] v1::ResolveUpstreamResponse ResolveUpstream(const Snapshot& snapshot,
                                                          const v1::ResolveUpstreamRequest& request,
                                                          absl::Time now, const KeyOpener& open,
                                                          const ResolveScope& scope = {});

// SNI exact, then its one-label wildcard, then the listener's default; the certificates of APIs
// before the gateway's. A pair that is expired or has no usable key is passed over. None: no pairs.
[[nodiscard]] v1::ResolveServerResponse ResolveServer(const Snapshot& snapshot,
                                                      const v1::ResolveServerRequest& request,
                                                      absl::Time now, const KeyOpener& open,
                                                      const ResolveScope& scope = {});

}  // namespace sallyport::authsvc
