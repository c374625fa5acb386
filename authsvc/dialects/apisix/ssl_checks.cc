#include "authsvc/dialects/apisix/ssl_checks.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "re2/re2.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::authsvc::dialects::apisix {

absl::Status CheckStatusValue(const Json& document) {
  const int64_t status = Integer(document, "status", 1);
  if (status == 0 || status == 1) return absl::OkStatus();
  return Wrong("property \"status\" validation failed: matches none of the enum values");
}

absl::Status TakeNames(const Json& document, std::vector<std::string>* names) {
  if (auto status = Texts(document, "snis", names); !status.ok()) return status;
  if (Get(document, "sni") != nullptr) names->push_back(Text(document, "sni"));
  std::set<std::string> seen;
  for (std::string& name : *names) {
    const auto pattern = domain::HostPattern::Parse(name);
    const bool fits = pattern.ok() && (pattern->kind() == domain::HostPattern::Kind::kExact ||
                                       pattern->kind() == domain::HostPattern::Kind::kWildcard);
    if (!fits) return Wrong(absl::StrCat("SNI ", name, " is refused: a host name, or *. and one"));
    name = pattern->kind() == domain::HostPattern::Kind::kExact
               ? pattern->name()
               : absl::StrCat("*.", pattern->name());
    if (!seen.insert(name).second) return Wrong(absl::StrCat("SNI ", name, " stands twice"));
  }
  return absl::OkStatus();
}

absl::Status TakeProtocols(const Json& document, v1::DialectObject* object) {
  std::vector<std::string> versions;
  if (auto status = Texts(document, "ssl_protocols", &versions); !status.ok()) return status;
  if (versions.empty()) return absl::OkStatus();
  for (const std::string& version : versions) {
    if (version != "TLSv1.2" && version != "TLSv1.3")
      return Wrong(absl::StrCat("property \"ssl_protocols\" validation failed: ", version,
                                " is not supported: TLSv1.2 and TLSv1.3 are"));
  }
  const std::set<std::string> set(versions.begin(), versions.end());
  if (set.size() != versions.size())
    return Wrong("property \"ssl_protocols\" validation failed: expected unique items");
  if (set.count("TLSv1.2") == 0) object->set_min_version("1.3");
  if (set.count("TLSv1.3") == 0) object->set_max_version("1.2");
  return absl::OkStatus();
}

absl::Status CheckExempt(const Json& client) {
  std::vector<std::string> texts;
  if (auto status = Texts(client, "skip_mtls_uri_regex", &texts); !status.ok()) return status;
  for (size_t i = 0; i < texts.size(); ++i) {
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(1 << 20);
    const RE2 regex(texts[i], options);
    if (regex.ok()) continue;
    return Wrong(absl::StrCat("property \"client\" validation failed: skip_mtls_uri_regex[", i + 1,
                              "] is not an RE2 expression: ", regex.error()));
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc::dialects::apisix
