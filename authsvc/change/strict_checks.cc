#include "authsvc/change/strict_checks.h"

#include <string>

#include "authsvc/change/invalid.h"
#include "authsvc/change/server_name_checks.h"

namespace sallyport::authsvc {
namespace {

constexpr int kMostBundles = 16;  // as ValidateCertificate takes
constexpr uint32_t kMostDepth = 8;

absl::Status CheckTrust(const CheckContext& context, const v1::StrictClientTls& strict,
                        Warnings* warnings) {
  if (strict.any_issuer() && (!strict.trust_bundle_ids().empty() || strict.max_depth() != 0)) {
    return Invalid(
        "strict_client_tls: any_issuer asks for no path: no trust_bundle_ids, no "
        "max_depth beside it");
  }
  if (!strict.any_issuer() && strict.trust_bundle_ids().empty()) {
    return Invalid(
        "strict_client_tls: name trust_bundle_ids, or say any_issuer: true where each "
        "request's decision is to judge who issued the certificate");
  }
  if (strict.trust_bundle_ids_size() > kMostBundles)
    return Invalid("strict_client_tls: more than ", kMostBundles, " trust bundles");
  if (strict.max_depth() > kMostDepth)
    return Invalid("strict_client_tls: max_depth is at most ", kMostDepth);
  for (const std::string& id : strict.trust_bundle_ids()) {
    if (id.empty()) return Invalid("strict_client_tls: an empty trust bundle id");
    if (context.after.FindTrustBundle(id) != nullptr) continue;
    absl::Status status = NotThere(context, "trust bundle", id, warnings);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckStrictClientTls(const CheckContext& context, const v1::Listener& listener,
                                  Warnings* warnings) {
  if (listener.plain() && !listener.strict_client_tls().empty())
    return Invalid("strict_client_tls: a plain listener asks for no certificate");
  ServerNameChecks names("strict_client_tls");
  absl::Status status = names.CheckCount(listener.strict_client_tls_size());
  for (const v1::StrictClientTls& strict : listener.strict_client_tls()) {
    if (status.ok()) status = names.CheckNames(strict.server_names());
    if (status.ok()) status = CheckTrust(context, strict, warnings);
  }
  return status;
}

}  // namespace sallyport::authsvc
