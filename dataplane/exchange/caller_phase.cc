// Caller: whose certificate it is that came along. On a connection of a trusted proxy that tells of
// its callers in headers it is the one in the header or none; the proxy's own, shown in its
// handshake, is never taken for a caller's (DESIGN 6).
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/exchange/exchange.h"

namespace sallyport::dataplane {

// behind_proxy_ is known. By TLS alone: what comes in clear anybody on the way may have written.
void Exchange::SeeWhoTells() {
  certificate_by_proxy_ =
      behind_proxy_ && client_.peer.tls && services_.certificate_headers.Believes(client_.address);
}

bool Exchange::ReadAssertedCertificate() {
  if (!certificate_by_proxy_) return true;
  auto asserted = AssertedCertificateIn(head_.fields, services_.certificate_headers,
                                        &client_.recent().asserted);
  if (!asserted.ok()) {
    return Deny(base::Reason::kCertHeaderInvalid,
                absl::StrCat("trusted proxy ", client_.address, ", ", asserted.status().message()));
  }
  asserted_ = *std::move(asserted);
  return true;
}

const PeerCertificate* Exchange::CallersCertificate() const {
  return certificate_by_proxy_ ? asserted_.get() : client_.peer.chain.get();
}

void Exchange::AddCertificate() {
  facts_.peer = CallersCertificate();
  if (facts_.peer == nullptr) return;
  facts_.proof = certificate_by_proxy_ ? Proof::kHeader : Proof::kTls;
  if (certificate_by_proxy_) facts_.proxy = client_.address;
}

}  // namespace sallyport::dataplane
