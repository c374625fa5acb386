// Checks of what a resource refers to, shared by several kinds.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/change/checks.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/tls_checks.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/verify/trust_set.h"

namespace sallyport::authsvc {
namespace {

// A warning, or in strict mode an error.
absl::Status Unusable(const CheckContext& context, std::string text, Warnings* warnings) {
  if (context.strict) return absl::FailedPreconditionError(text);
  warnings->push_back(std::move(text));
  return absl::OkStatus();
}

}  // namespace

absl::Status NotThere(const CheckContext& context, absl::string_view how,
                      absl::string_view reference, Warnings* warnings) {
  return Unusable(
      context, absl::StrCat("pending: ", how, ": ", ReferenceText(reference), " is not there yet"),
      warnings);
}

absl::Status CheckOwner(absl::string_view how, absl::string_view org, absl::string_view reference) {
  absl::string_view owner;
  std::string digest;
  if (org.empty() || !SplitCertificateId(reference, &owner, &digest)) return absl::OkStatus();
  if (owner.empty() || owner == org) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(how, ": ", reference, " belongs to organisation \"", owner,
                   "\": add the certificate to \"", org, "\" and name the id that it gets there"));
}

absl::Status CheckReference(const CheckContext& context, absl::string_view how,
                            absl::string_view org, absl::string_view reference, Need need,
                            Warnings* warnings) {
  if (auto status = CheckOwner(how, org, reference); !status.ok()) return status;
  const auto* entry = context.after.FindCertificate(org, reference);
  if (entry == nullptr) return NotThere(context, how, reference, warnings);
  if (need == Need::kPrivateKey && !context.after.GivesPrivateKey(org, reference)) {
    const char* const what =
        entry->has_private_key() ? " did not bring the private key" : " has no private key";
    return Unusable(context, absl::StrCat(how, ": ", ReferenceText(reference), what, ": unusable"),
                    warnings);
  }
  if (entry->ExpiredAt(context.now)) {
    return Unusable(context,
                    absl::StrCat(how, ": ", ReferenceText(reference), " has expired: unusable"),
                    warnings);
  }
  return absl::OkStatus();
}

absl::Status CheckAllowlist(const CheckContext& context, absl::string_view how,
                            absl::string_view org,
                            const google::protobuf::RepeatedPtrField<v1::AllowlistEntry>& entries,
                            const Allowlist& compiled, Warnings* warnings) {
  if (auto status = CheckAllowlistIds(how, entries); !status.ok()) return status;
  for (const auto& listed : entries) {
    const std::string& reference = listed.certificate_id();
    if (auto status = CheckReference(context, how, org, reference, Need::kPublic, warnings);
        !status.ok()) {
      return status;
    }
    const auto* entry = context.after.FindCertificate(org, reference);
    if (entry == nullptr) continue;
    if (entry->is_public_key) {
      warnings->push_back(absl::StrCat(how, ": ", reference,
                                       " is a bare public key: it has no dates and never expires"));
    }
    if (entry->is_ca && !listed.exact()) {
      warnings->push_back(absl::StrCat(how, ": ", reference,
                                       " is a CA: it admits itself and what it issues; `exact: "
                                       "true` admits only itself"));
    }
  }
  if (compiled.trust != nullptr) {
    for (auto& warning : compiled.trust->Warnings(context.now)) {
      warnings->push_back(absl::StrCat(how, ": ", warning));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckUpstreamMaps(const CheckContext& context, absl::string_view prefix,
                               absl::string_view org, const v1::DomainCertificates& certificates,
                               const v1::DomainPins& pins, const v1::TransportTls& tls,
                               Warnings* warnings) {
  const std::string client = absl::StrCat(prefix, "client certificate");
  const std::string pin = absl::StrCat(prefix, "pin");
  if (auto status = CheckDomainCertificates(client, certificates); !status.ok()) return status;
  if (auto status = CheckDomainPins(pin, pins); !status.ok()) return status;
  if (auto status = CheckUpstreamTls(prefix, tls, warnings); !status.ok()) return status;
  for (const auto& [domain, id] : certificates.certificate_ids()) {
    auto status = CheckReference(context, client, org, id, Need::kPrivateKey, warnings);
    if (!status.ok()) return status;
  }
  for (const auto& [domain, list] : pins.pins()) {
    for (const std::string& id : list.certificate_ids()) {
      if (auto status = CheckOwner(pin, org, id); !status.ok()) return status;
      if (context.after.FindCertificate(org, id) != nullptr) continue;
      if (auto status = NotThere(context, pin, id, warnings); !status.ok()) return status;
    }
  }
  for (const std::string& id : tls.trust_bundle_ids()) {
    if (const auto* entry = context.after.FindTrustBundle(id); entry != nullptr) {
      const std::string& owner = entry->bundle.org_id();
      if (org.empty() || owner.empty() || owner == org) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("trust bundle ", id, " belongs to organisation \"", owner,
                       "\": make one of \"", org, "\" or one without organisation"));
    }
    if (auto status = NotThere(context, "trust bundle", id, warnings); !status.ok()) return status;
  }
  if (tls.insecure_skip_verify()) {
    warnings->push_back(absl::StrCat(prefix,
                                     "insecure_skip_verify: upstream certificates are "
                                     "not verified"));
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
