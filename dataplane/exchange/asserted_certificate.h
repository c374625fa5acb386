// Certificates of callers that trusted proxies tell of in headers (DESIGN 6): which headers, which
// proxies, and what is in a request. Not thread-safe but for reading; no decision is made here.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/authorize/facts.h"
#include "dataplane/http/head.h"
#include "dataplane/route/route.h"

namespace sallyport::dataplane {

// GatewayFacts::client_certificate_headers, and who may send them.
class CertificateHeaders {
 public:
  CertificateHeaders() = default;
  // `names` in lower case. Of `trusted` blocks that name nearly everybody do not count
  // (shared/header/proxy_block.h): what the sender's address alone vouches for must be somebody's.
  CertificateHeaders(std::vector<std::string> names, const std::vector<AddressRange>& trusted);

  [[nodiscard]] bool on() const { return !names_.empty(); }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  // `address`: of the TCP peer.
  [[nodiscard]] bool Believes(absl::string_view address) const;
  // One of them, or what comes with one of them. '_' counts as '-': a server behind may read it so.
  [[nodiscard]] bool Names(absl::string_view field) const;
  // All that `before` believed is believed still.
  [[nodiscard]] bool Extends(const CertificateHeaders& before) const;

 private:
  std::vector<std::string> names_;
  std::vector<AddressRange> proxies_;
};

// The last of a connection: a proxy sends the same bytes with each request of a caller.
struct AssertedMemo {
  std::string name, value, chain;
  PeerCertificatePtr certificate;
};

// What a proxy that is believed says in the fields of a request; null: of no certificate. Only the
// very name counts, never its spelling with '_', which proxies pass on from anybody.
// InvalidArgument, in words for operators: several of these fields, or one that cannot be read.
[[nodiscard]] absl::StatusOr<PeerCertificatePtr> AssertedCertificateIn(
    const HeaderFields& fields, const CertificateHeaders& headers, AssertedMemo* memo);

}  // namespace sallyport::dataplane
