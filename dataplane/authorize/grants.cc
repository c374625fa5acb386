#include <algorithm>

#include "dataplane/authorize/authorizer.h"
#include "re2/re2.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

bool Covers(const CompiledPathRule& url, absl::string_view method, absl::string_view path) {
  if (url.regex == nullptr) return false;  // does not compile: grants nothing
  if (!url.methods.empty() &&
      std::find(url.methods.begin(), url.methods.end(), method) == url.methods.end()) {
    return false;
  }
  return RE2::PartialMatch(re2::StringPiece(path.data(), path.size()), *url.regex);
}

Denial Refused(Reason reason, absl::string_view detail) {
  Denial denial;
  denial.reason = reason;
  denial.detail = std::string(detail);
  return denial;
}

}  // namespace

std::optional<Denial> CheckGrants(const Decision& decision, const Route& route,
                                  absl::string_view version, absl::string_view method,
                                  absl::string_view path) {
  const auto& grants = decision.grants;
  if (route.versioning.enabled && !grants.all_versions &&
      std::find(grants.versions.begin(), grants.versions.end(), version) == grants.versions.end()) {
    return Refused(Reason::kVersionNotGranted, version);
  }
  if (grants.urls.empty()) return std::nullopt;
  for (const CompiledPathRule& url : grants.urls) {
    if (Covers(url, method, path)) return std::nullopt;
  }
  return Refused(Reason::kOperationNotGranted, "no allowed URL matches");
}

// Also of whoever came by a certificate alone: who lists scopes means that not everybody may.
std::optional<Denial> CheckScopes(const Decision& decision, const RouteOperation& operation) {
  const auto& wanted = operation.scopes;
  if (wanted.empty()) return std::nullopt;
  for (const std::string& scope : decision.grants.scopes) {
    if (std::find(wanted.begin(), wanted.end(), scope) != wanted.end()) return std::nullopt;
  }
  return Refused(Reason::kScopeMissing, "none of the operation's scopes is granted");
}

}  // namespace sallyport::dataplane
