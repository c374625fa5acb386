#include "authsvc/rpc/peer.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/grpcpp.h>

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

PeerCertificate CertificateOf(const grpc::AuthContext& context) {
  PeerCertificate certificate;
  certificate.uri_sans = Values(context, GRPC_PEER_URI_PROPERTY_NAME);
  certificate.dns_sans = Values(context, GRPC_PEER_DNS_PROPERTY_NAME);
  const auto pem = Values(context, GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pem.size() != 1) return certificate;
  const auto bundle = crypto::ParsePem(pem.front());
  if (bundle.ok() && !bundle->chain.empty()) {
    certificate.fingerprint = base::Hex(bundle->chain.front()->fingerprint);
  }
  return certificate;
}

}  // namespace

Peer PeerOf(const grpc::ServerContextBase& context, const RoleMap& roles) {
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return {};
  const auto ids = auth->FindPropertyValues(GRPC_PEER_SPIFFE_ID_PROPERTY_NAME);
  if (ids.size() == 1) {
    if (auto peer = roles.FindSpiffe({ids.front().data(), ids.front().size()})) return *std::move(peer);
  }
  return roles.only_spiffe() ? Peer{} : roles.Find(CertificateOf(*auth));
}

}  // namespace sallyport::authsvc
