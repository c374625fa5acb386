#include "authsvc/identify/identify.h"

#include "absl/strings/match.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

// "*.x" names a set of hosts, never one caller.
const std::string* FirstHostName(const std::vector<std::string>& dns_sans) {
  for (const std::string& name : dns_sans) {
    if (!absl::StrContains(name, '*')) return &name;
  }
  return nullptr;
}

template <typename Field>
void Copy(const std::vector<std::string>& from, Field* to) {
  to->Reserve(static_cast<int>(from.size()));
  for (const std::string& text : from) to->Add(std::string(text));
}

}  // namespace

void FillFacts(const crypto::Certificate& certificate, v1::CertificateFacts* facts) {
  facts->set_fingerprint(base::Hex(certificate.fingerprint));
  facts->set_spki_sha256(base::Hex(certificate.spki_sha256));
  facts->set_subject(certificate.subject);
  facts->set_issuer(certificate.issuer);
  facts->set_serial(base::Hex(certificate.serial));
  facts->set_not_before_unix(absl::ToUnixSeconds(certificate.not_before));
  facts->set_not_after_unix(absl::ToUnixSeconds(certificate.not_after));
  Copy(certificate.uri_sans, facts->mutable_uri_sans());
  Copy(certificate.dns_sans, facts->mutable_dns_sans());
  Copy(certificate.email_sans, facts->mutable_email_sans());
  Copy(certificate.ip_sans, facts->mutable_ip_sans());
  facts->set_is_ca(certificate.is_ca);
}

v1::CertificateFacts FactsOf(const crypto::Certificate& certificate) {
  v1::CertificateFacts facts;
  FillFacts(certificate, &facts);
  return facts;
}

v1::PathFailure FailureOf(const PathFailure& failure) {
  v1::PathFailure out;
  out.set_reason(static_cast<uint32_t>(failure.reason));
  out.set_x509_error(failure.x509_error);
  out.set_depth(failure.depth);
  out.set_subject(failure.subject);
  out.set_issuer(failure.issuer);
  out.set_fingerprint(base::Hex(failure.fingerprint));
  out.set_detail(failure.detail);
  return out;
}

std::string IdentityName(const v1::Key* key, const crypto::Certificate* leaf) {
  if (key != nullptr) return key->alias().empty() ? key->id() : key->alias();
  if (leaf == nullptr) return "";
  if (!leaf->uri_sans.empty()) return leaf->uri_sans.front();
  if (const std::string* name = FirstHostName(leaf->dns_sans)) return *name;
  if (!leaf->email_sans.empty()) return leaf->email_sans.front();
  return leaf->subject;
}

}  // namespace sallyport::authsvc
