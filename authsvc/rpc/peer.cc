#include "authsvc/rpc/peer.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/grpcpp.h>

#include "authsvc/rpc/denied_callers.h"
#include "shared/base/text.h"
#include "shared/crypto/pem.h"

namespace sallyport::authsvc {
namespace {

std::vector<std::string> Values(const grpc::AuthContext& context, const char* name) {
  std::vector<std::string> values;
  for (const grpc::string_ref& value : context.FindPropertyValues(name)) {
    values.emplace_back(value.data(), value.size());
  }
  return values;
}

PeerCertificate NamesOf(const grpc::AuthContext& context) {
  PeerCertificate certificate;
  certificate.uri_sans = Values(context, GRPC_PEER_URI_PROPERTY_NAME);
  certificate.dns_sans = Values(context, GRPC_PEER_DNS_PROPERTY_NAME);
  return certificate;
}

PeerFacts AllOf(const grpc::AuthContext& context) {
  PeerFacts facts;
  facts.certificate = NamesOf(context);
  const auto pem = Values(context, GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pem.size() != 1) return facts;
  const auto bundle = crypto::ParsePem(pem.front());
  if (bundle.ok() && !bundle->chain.empty()) {
    const crypto::Certificate& leaf = *bundle->chain.front();
    facts.certificate.fingerprint = base::Hex(leaf.fingerprint);
    facts.certificate.spki_sha256 = base::Hex(leaf.spki_sha256);
    facts.not_after = leaf.not_after;
  }
  return facts;
}

bool IsDenied(const DeniedCallers& denied, const grpc::AuthContext& context) {
  return denied.Denies(denied.by_key() ? AllOf(context).certificate : NamesOf(context));
}

}  // namespace

Peer PeerOf(const grpc::ServerContextBase& context, const RoleMap& roles) {
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return {};
  if (const auto denied = roles.denied(); denied != nullptr && IsDenied(*denied, *auth)) {
    Peer nobody;
    nobody.denied = true;
    return nobody;
  }
  const auto ids = auth->FindPropertyValues(GRPC_PEER_SPIFFE_ID_PROPERTY_NAME);
  if (ids.size() == 1) {
    if (auto peer = roles.FindSpiffe({ids.front().data(), ids.front().size()}))
      return *std::move(peer);
  }
  return roles.only_spiffe() ? Peer{} : roles.Find(AllOf(*auth).certificate);
}

PeerFacts FactsOf(const grpc::ServerContextBase& context) {
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  return auth == nullptr || !auth->IsPeerAuthenticated() ? PeerFacts{} : AllOf(*auth);
}

}  // namespace sallyport::authsvc
