#include "dataplane/forward/identity_fields.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/authorize/facts.h"
#include "dataplane/forward/headers.h"
#include "dataplane/sync/decision.h"
#include "shared/header/client_cert.h"
#include "shared/header/names.h"

namespace sallyport::dataplane {
namespace {

// Null: nothing is known about a certificate that anyone has verified.
const CertificateFacts* VerifiedOf(const Identity& identity) {
  if (!identity.certificate_verified || !identity.certificate.has_value()) return nullptr;
  return &*identity.certificate;
}

// Empty: the caller came by another leaf, or by none.
absl::string_view LeafDer(const CertificateFacts& verified, const PeerCertificate* peer) {
  if (peer == nullptr || peer->leaf_hex != verified.fingerprint || peer->chain_der.empty())
    return {};
  return peer->chain_der.front();
}

header::CallerFacts FactsOf(const Identity& identity, const CertificateFacts* verified) {
  header::CallerFacts facts;
  facts.identity = identity.name;
  facts.organisation = identity.org_id;
  facts.key_id = identity.key_id;
  if (!identity.key_id.empty()) facts.key_alias = identity.name;
  facts.key_policies = identity.policy_ids;
  facts.key_tags = identity.tags;
  facts.key_metadata = identity.metadata;
  if (verified == nullptr) return facts;
  facts.fingerprint = verified->fingerprint;
  facts.spki_sha256 = verified->spki_sha256;
  facts.subject = verified->subject;
  facts.issuer = verified->issuer;
  facts.serial = verified->serial;
  facts.not_before = absl::ToUnixSeconds(verified->not_before);
  facts.not_after = absl::ToUnixSeconds(verified->not_after);
  facts.uri_sans = verified->uri_sans;
  facts.dns_sans = verified->dns_sans;
  facts.email_sans = verified->email_sans;
  facts.ip_sans = verified->ip_sans;
  return facts;
}

std::string XfccOf(const IdentityRules& rules, const Identity& identity,
                   const CertificateFacts& verified, absl::string_view leaf_der) {
  header::XfccFacts facts;
  facts.hash = verified.fingerprint;
  facts.subject = verified.subject;
  facts.uri_sans = verified.uri_sans;
  facts.dns_sans = verified.dns_sans;
  facts.leaf_der = leaf_der;
  facts.issuers = identity.path_der;
  return header::BuildXfcc(facts, rules.parts);
}

}  // namespace

IdentityFields::IdentityFields(const IdentityRules& rules, const Identity& identity,
                               const PeerCertificate* peer) {
  texts_.reserve(rules.headers.size() + 2);
  const CertificateFacts* const verified = VerifiedOf(identity);
  const absl::string_view leaf_der = verified == nullptr ? "" : LeafDer(*verified, peer);
  if (verified != nullptr && rules.Sets()) {
    xfcc_ = XfccOf(rules, identity, *verified, leaf_der);
    bytes_ += xfcc_.size();
  }
  if (rules.client_cert && !leaf_der.empty()) {
    Add("Client-Cert", header::ClientCertValue(leaf_der));
    if (rules.client_cert_chain)
      Add("Client-Cert-Chain", header::ClientCertChainValue(identity.path_der));
  }
  if (rules.headers.empty()) return;
  const header::CallerFacts facts = FactsOf(identity, verified);
  for (const auto& [name, text] : rules.headers) Add(name, text.Render(facts));
}

void IdentityFields::Add(absl::string_view name, std::string value) {
  if (value.empty()) return;
  texts_.push_back(std::move(value));
  fields_.push_back({name, texts_.back()});
  bytes_ += name.size() + texts_.back().size();
}

absl::StatusOr<std::string> ForwardedXfcc(const HeaderFields& fields, absl::string_view name) {
  std::string all;
  for (const absl::string_view listed : ConnectionListed(fields)) {
    if (header::SameName(listed, name)) return all;
  }
  bool any = false;
  for (const HeaderField& field : fields) {
    if (!NameIs(field.name, name)) continue;
    absl::StrAppend(&all, any ? "," : "", field.value);
    any = true;
  }
  if (!any) return all;
  if (const absl::Status status = header::CheckXfcc(all); !status.ok()) return status;
  return all;
}

}  // namespace sallyport::dataplane
