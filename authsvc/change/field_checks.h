// Checks of single fields of resources, shared by the checks of each kind. Pure functions; errors
// are INVALID_ARGUMENT with a text for whoever wrote the resource.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

template <typename T>
using List = google::protobuf::RepeatedPtrField<T>;

// 1 to 256 bytes, no control characters, no blanks at the ends.
[[nodiscard]] absl::Status CheckId(absl::string_view what, absl::string_view id);
// May be empty; no control characters, at most 256 bytes.
[[nodiscard]] absl::Status CheckOrg(absl::string_view org);
// NAME of "name:NAME": letters, digits, '.', '_', '-', at most 128.
[[nodiscard]] absl::Status CheckStableName(absl::string_view name);
[[nodiscard]] absl::Status CheckHeaderName(absl::string_view what, absl::string_view name);
// An RE2, not larger than the data plane takes.
[[nodiscard]] absl::Status CheckRegex(absl::string_view what, const std::string& text);
[[nodiscard]] absl::Status CheckPathRules(absl::string_view what, const List<v1::PathRule>& rules);
[[nodiscard]] absl::Status CheckLimits(const v1::Limits& limits);
[[nodiscard]] absl::Status CheckAccessRights(const List<v1::AccessRight>& rights);
// Addresses and CIDR blocks, IPv4 and IPv6.
[[nodiscard]] absl::Status CheckAddressBlocks(absl::string_view what,
                                              const List<std::string>& list);
[[nodiscard]] absl::Status CheckTlsVersions(absl::string_view least, absl::string_view most);
// http(s)://host[:port][/path], nothing else.
[[nodiscard]] absl::Status CheckTargetUrl(absl::string_view url);
// Origins, methods and header names; never credentials for every origin.
[[nodiscard]] absl::Status CheckCors(const v1::Cors& cors);
[[nodiscard]] absl::Status CheckStyle(absl::string_view style);
[[nodiscard]] absl::Status CheckDomainCertificates(absl::string_view what,
                                                   const v1::DomainCertificates& map);
[[nodiscard]] absl::Status CheckDomainPins(absl::string_view what, const v1::DomainPins& map);
[[nodiscard]] absl::Status CheckAllowlistIds(absl::string_view what,
                                             const List<v1::AllowlistEntry>& list);

}  // namespace sallyport::authsvc
