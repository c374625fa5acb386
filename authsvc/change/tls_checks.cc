#include "authsvc/change/tls_checks.h"

#include "absl/strings/str_cat.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/invalid.h"
#include "shared/crypto/tls_suites.h"

namespace sallyport::authsvc {
namespace {

absl::Status CheckCiphers(absl::string_view prefix, const v1::TransportTls& tls,
                          Warnings* warnings) {
  bool any = tls.ciphers().empty();
  for (const std::string& name : tls.ciphers()) {
    if (crypto::FindTlsSuite(name) != nullptr)
      any = true;
    else
      warnings->push_back(
          absl::StrCat(prefix, "ciphers: `", name, "` is not known: it is skipped"));
  }
  return any ? absl::OkStatus() : Invalid(prefix, "ciphers: none of these names is known");
}

bool IsOldTls(absl::string_view version) { return version == "1.0" || version == "1.1"; }

absl::Status CheckOldVersions(absl::string_view prefix, const v1::TransportTls& tls,
                              Warnings* warnings) {
  const std::string& least = tls.min_version();
  const std::string& most = tls.max_version();
  if (!prefix.empty())
    return Invalid(prefix, "upstream_tls: TLS 1.0 and 1.1 are for upstreams of single APIs alone");
  if (!IsOldTls(least))
    return Invalid("max_version ", most, " is below 1.2: min_version must say so, too");
  if (IsOldTls(most) && least > most)
    return Invalid("min_version ", least, " is above max_version ", most);
  warnings->push_back(
      absl::StrCat("INSECURE: TLS ", least, " is good enough for the upstreams of this API"));
  return IsOldTls(most) ? absl::OkStatus() : CheckTlsVersions("", most);
}

}  // namespace

absl::Status CheckUpstreamTls(absl::string_view prefix, const v1::TransportTls& tls,
                              Warnings* warnings) {
  const bool old = IsOldTls(tls.min_version()) || IsOldTls(tls.max_version());
  const absl::Status status = old ? CheckOldVersions(prefix, tls, warnings)
                                  : CheckTlsVersions(tls.min_version(), tls.max_version());
  return status.ok() ? CheckCiphers(prefix, tls, warnings) : status;
}

}  // namespace sallyport::authsvc
