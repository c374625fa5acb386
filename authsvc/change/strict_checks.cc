#include "authsvc/change/strict_checks.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "authsvc/change/invalid.h"
#include "shared/domain/host.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::authsvc {
namespace {

constexpr int kMostEntries = 64;
constexpr int kMostNames = 256;
constexpr int kMostBundles = 16;  // as ValidateCertificate takes
constexpr uint32_t kMostDepth = 8;

// As the data plane reads them: exact or one-label wildcard, each once in the listener.
absl::Status CheckName(const std::string& text, absl::flat_hash_set<std::string>* seen) {
  using Kind = domain::HostPattern::Kind;
  const auto pattern = domain::HostPattern::Parse(text);
  const bool name =
      pattern.ok() && (pattern->kind() == Kind::kExact || pattern->kind() == Kind::kWildcard);
  if (!name) {
    return Invalid("strict_client_tls: server name `", text,
                   "` is neither a host name nor `*.` and one");
  }
  const bool wildcard = pattern->kind() == Kind::kWildcard;
  if (!wildcard) {
    const auto host = domain::ParseHost(pattern->name());
    if (!host.ok() || host->is_ip)
      return Invalid("strict_client_tls: `", text, "`: no client sends an address as server name");
  }
  if (!seen->insert((wildcard ? "*." : "") + pattern->name()).second)
    return Invalid("strict_client_tls: server name `", text, "` stands in it twice");
  return absl::OkStatus();
}

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
  if (listener.strict_client_tls_size() > kMostEntries)
    return Invalid("strict_client_tls: more than ", kMostEntries, " entries");
  absl::flat_hash_set<std::string> names;
  bool whole = false;
  for (const v1::StrictClientTls& strict : listener.strict_client_tls()) {
    if (strict.server_names().empty()) {
      if (whole) return Invalid("strict_client_tls: two entries without server_names");
      whole = true;
    }
    if (strict.server_names_size() > kMostNames)
      return Invalid("strict_client_tls: more than ", kMostNames, " server names in one entry");
    for (const std::string& name : strict.server_names()) {
      absl::Status status = CheckName(name, &names);
      if (!status.ok()) return status;
    }
    absl::Status status = CheckTrust(context, strict, warnings);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
