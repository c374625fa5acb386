#include "authsvc/dialects/apk/gateway_toml.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

struct Setting {
  absl::string_view path;  // its end; TOML's names as Go's reader takes them, in any case
  absl::string_view here;
};

constexpr Setting kSettings[] = {
    {"enforcer.security.mutualssl.certificateheader",
     "write `clientCertificateHeaders` and `trustedProxies` into GatewaySettings"},
    {"enforcer.security.mutualssl.enableclientvalidation",
     "true is what holds while GatewaySettings has no `clientCertificateHeaders`; false needs "
     "them, "
     "and `trustedProxies`"},
    {"enforcer.security.mutualssl.clientcertificateencode",
     "a header's value is read as PEM and percent-encoded, whichever it is"},
    {"enforcer.security.mutualssl.enableoutboundcertificateheader",
     "`identityForwarding` of GatewaySettings tells backends of the certificate that was verified"},
    {"downstream.tls.mtlsapisenabled",
     "a certificate is asked for where an API at that server name can use one"},
    {"downstream.tls.trustedcertpath", "each API lists the certificates that it takes"},
};

constexpr size_t kMostLines = 100'000;

const Setting* Find(absl::string_view path) {
  for (const Setting& setting : kSettings) {
    if (path == setting.path || absl::EndsWith(path, absl::StrCat(".", setting.path)))
      return &setting;
  }
  return nullptr;
}

// `[a.b]` and `name =` as they are written plainly; quoted names are not looked into.
std::string Bare(absl::string_view text) {
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
}

}  // namespace

std::vector<std::string> UnreadSettings(absl::string_view text) {
  std::vector<std::string> found;
  std::string table;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (++number > kMostLines) break;
    line = absl::StripAsciiWhitespace(line);
    if (absl::ConsumePrefix(&line, "[")) {
      table = Bare(line.substr(0, line.find(']')));
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos || absl::StartsWith(line, "#")) continue;
    const std::string name = Bare(line.substr(0, equals));
    const Setting* const setting = Find(table.empty() ? name : absl::StrCat(table, ".", name));
    if (setting == nullptr) continue;
    found.push_back(absl::StrCat("line ", number, ": ", setting->path,
                                 " of WSO2 APK has no effect here: ", setting->here));
  }
  return found;
}

}  // namespace sallyport::authsvc::dialects::apk
