// What the upstream is told of the caller (DESIGN 2.9).
#include "absl/strings/str_cat.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/forward/identity_fields.h"

namespace sallyport::dataplane {

using base::Reason;

void Exchange::HoldIdentity() {
  const DecisionPtr& decision = permit_->shared();
  const CallerIdentityPtr& last = client_.recent().identity;
  if (last == nullptr || last->decision != decision || last->route != match_.route) {
    client_.recent().identity =
        std::make_shared<const CallerIdentity>(match_.route, decision, CallersCertificate());
  }
  identity_ = client_.recent().identity;
}

// False: denied. `*xfcc` is valid while identity_ and forwarded_xfcc_ are.
bool Exchange::TellIdentity(absl::string_view* xfcc) {
  HoldIdentity();
  *xfcc = identity_->fields.xfcc();
  size_t bytes = identity_->fields.bytes();
  if (behind_proxy_ && match_.route->identity.Forwards()) {
    if (!ContinueXfcc(xfcc)) return false;
    bytes += xfcc->size() - identity_->fields.xfcc().size();
  }
  const size_t most = services_.settings.max_identity_bytes;
  if (bytes <= most) return true;
  Deny(Reason::kHeadTooLarge, absl::StrCat("what the upstream is told of the caller has ", bytes,
                                           " bytes, at most ", most, " (limits.identity_bytes)"));
  denial_->decision = permit_->shared();
  return false;
}

// A trusted proxy's own element goes on where it has shown who it is, or need not.
bool Exchange::ContinueXfcc(absl::string_view* xfcc) {
  const dataplane::Route& route = *match_.route;
  const bool verified = client_.peer.tls && permit_->decision().identity.certificate_verified;
  // What tells us of the caller's certificate is for us: ours says the same in its place.
  if (services_.certificate_headers.Names(route.identity_header)) return true;
  if (route.identity_header.empty()) return true;
  if (!verified && route.identity.xfcc != XfccMode::kAlwaysForwardOnly) return true;
  absl::StatusOr<std::string> received = ForwardedXfcc(head_.fields, route.identity_header);
  if (!received.ok()) {
    Deny(Reason::kCertHeaderInvalid,
         absl::StrCat(route.identity_header, " of trusted proxy ", client_.address, ": ",
                      received.status().message()));
    denial_->decision = permit_->shared();
    return false;
  }
  if (received->empty()) return true;
  forwarded_xfcc_ = *std::move(received);
  if (!xfcc->empty()) absl::StrAppend(&forwarded_xfcc_, ",", *xfcc);
  *xfcc = forwarded_xfcc_;
  return true;
}

}  // namespace sallyport::dataplane
