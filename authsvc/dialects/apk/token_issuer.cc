#include "authsvc/dialects/apk/token_issuer.h"

#include "authsvc/dialects/apk/certificate_source.h"
#include "authsvc/dialects/apk/resource.h"
#include "authsvc/dialects/apk/resource_fields.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

using Ids = google::protobuf::RepeatedPtrField<std::string>;

void Put(std::vector<std::string> from, Ids* to) {
  for (std::string& id : from) to->Add(std::move(id));
}

void ReadSignatures(const Fields& validation, const KubeName& name, References* references,
                    v1::TokenIssuer* issuer) {
  validation.Check(SignatureValidationRules());
  const Fields jwks = validation.Object("jwks");
  jwks.Check(JwksRules());
  issuer->set_jwks_url(jwks.Text("url"));
  if (jwks.node() != nullptr && issuer->jwks_url().empty()) jwks.Refuse("url", "is missing");
  const Fields tls = jwks.Object("tls");
  tls.Check(CertificateSourceRules());
  Put(ReadCertificateSource(tls, name, references), issuer->mutable_jwks_trust_ids());
  if (tls.node() != nullptr && issuer->jwks_trust_ids().empty())
    jwks.Refuse("tls", "names no certificate");
  const Fields certificate = validation.Object("certificate");
  certificate.Check(CertificateSourceRules());
  Put(ReadCertificateSource(certificate, name, references), issuer->mutable_certificate_ids());
  if (certificate.node() != nullptr && issuer->certificate_ids().empty())
    validation.Refuse("certificate", "names no certificate");
}

void ReadClaims(const Fields& spec, v1::TokenIssuer* issuer) {
  issuer->set_consumer_claim(spec.Text("consumerKeyClaim"));
  const std::string scopes = spec.Text("scopesClaim");
  if (!scopes.empty()) issuer->add_scope_claims(scopes);
  const std::vector<Node>& items = spec.List("claimMappings");
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields mapping(&items[i], ItemPath(spec.PathOf("claimMappings"), i), spec.out());
    mapping.Check(ClaimMappingRules());
    const std::string remote = mapping.Text("remoteClaim");
    const std::string local = mapping.Text("localClaim");
    if (mapping.node() != nullptr && (remote.empty() || local.empty()))
      mapping.Refuse(remote.empty() ? "remoteClaim" : "localClaim", "is missing");
    auto& claims = *issuer->mutable_claim_metadata();
    if (!remote.empty() && !claims.insert({remote, local}).second)
      mapping.Refuse("remoteClaim", "stands there twice");
  }
}

}  // namespace

void ConvertTokenIssuer(const Node& document, const Fields& spec, const KubeName& name,
                        const ConvertOptions& options) {
  spec.Check(TokenIssuerSpecRules());
  Converted converted;
  const std::string id = name.DottedId();
  converted.resource.set_id(id);
  converted.resource.set_dialect(std::string(kApk));
  v1::TokenIssuer* issuer = converted.resource.mutable_token_issuer();
  issuer->set_id(id);
  issuer->set_org_id(options.org_id);
  issuer->set_name(spec.Text("name").empty() ? name.name : spec.Text("name"));
  issuer->set_issuer(spec.Text("issuer"));
  if (issuer->issuer().empty()) spec.Refuse("issuer", "is missing");
  References references(options.org_id, options, kApk, spec.out());
  ReadSignatures(spec.Object("signatureValidation"), name, &references, issuer);
  if (issuer->jwks_url().empty() && issuer->certificate_ids().empty())
    spec.Refuse("signatureValidation", "must have jwks or certificate: who signs is not known");
  ReadClaims(spec, issuer);
  converted.resource.set_document(ToJson(KeptResource(document, name, options)));
  spec.out()->resources.push_back(std::move(converted));
}

}  // namespace sallyport::authsvc::dialects::apk
