#include "authsvc/change/offered_tls_checks.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/invalid.h"
#include "authsvc/change/server_name_checks.h"

namespace sallyport::authsvc {
namespace {

constexpr absl::string_view kField = "server_name_tls";
// What the data plane has (dataplane/tls/server_tls.cc): forward secrecy and authenticated
// encryption, which HTTP/2 asks for too (RFC 9113 9.2.2).
constexpr absl::string_view kCiphers[] = {
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_AES_128_GCM_SHA256",        "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256"};

absl::Status CheckCiphers(const v1::ServerNameTls& entry, absl::string_view least,
                          absl::string_view most) {
  absl::flat_hash_set<std::string> seen;
  for (const std::string& name : entry.ciphers()) {
    if (std::find(std::begin(kCiphers), std::end(kCiphers), name) == std::end(kCiphers)) {
      return Invalid(kField, ": cipher `", name, "` is not offered here; there are ",
                     absl::StrJoin(kCiphers, ", "));
    }
    if (!seen.insert(name).second) return Invalid(kField, ": cipher `", name, "` is named twice");
    const absl::string_view version = absl::StartsWith(name, "TLS_") ? "1.3" : "1.2";
    if (version < least || version > most) {
      return Invalid(kField, ": cipher `", name, "` is of TLS ", version,
                     ", which is not offered there");
    }
  }
  return absl::OkStatus();
}

absl::string_view FirstSaid(const std::string& own, absl::string_view otherwise) {
  return own.empty() ? otherwise : absl::string_view(own);
}

absl::Status CheckOffer(const OfferedVersions& offered, const v1::ServerNameTls& entry) {
  if (entry.min_version().empty() && entry.max_version().empty() && entry.ciphers().empty())
    return Invalid(kField, ": an entry says nothing: min_version, max_version or ciphers");
  const absl::string_view least = FirstSaid(entry.min_version(), offered.least);
  const absl::string_view most = FirstSaid(entry.max_version(), offered.most);
  if (absl::Status status = CheckTlsVersions(least, most); !status.ok())
    return Invalid(kField, ": ", status.message());
  return CheckCiphers(entry, least, most);
}

}  // namespace

OfferedVersions VersionsOf(const v1::Listener& listener, const v1::GatewaySettings& gateway) {
  const absl::string_view least = FirstSaid(gateway.server_min_version(), "1.2");
  const absl::string_view most = FirstSaid(gateway.server_max_version(), "1.3");
  const OfferedVersions both{FirstSaid(listener.min_version(), least),
                             FirstSaid(listener.max_version(), most), false};
  if (both.least <= both.most) return both;
  return {FirstSaid(listener.min_version(), "1.2"), FirstSaid(listener.max_version(), "1.3"), true};
}

absl::Status CheckServerNameTls(const v1::Listener& listener, const v1::GatewaySettings& gateway) {
  if (listener.plain() && !listener.server_name_tls().empty())
    return Invalid(kField, ": a plain listener offers no TLS");
  ServerNameChecks names(kField);
  absl::Status status = names.CheckCount(listener.server_name_tls_size());
  for (const v1::ServerNameTls& entry : listener.server_name_tls()) {
    if (status.ok()) status = names.CheckNames(entry.server_names());
    if (status.ok()) status = CheckOffer(VersionsOf(listener, gateway), entry);
  }
  return status;
}

}  // namespace sallyport::authsvc
