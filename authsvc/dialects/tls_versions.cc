#include "authsvc/dialects/tls_versions.h"

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects {
namespace {

struct TlsNames {
  absl::string_view min_name, max_name;
};

bool IsOldTlsText(absl::string_view version) { return version == "1.0" || version == "1.1"; }

// The least that is spoken; "" is 1.2.
std::string LeastTls(const Fields& object, const TlsNames& names, TlsPeer peer,
                     const std::string& least) {
  if (!IsOldTlsText(least)) return least;
  if (peer == TlsPeer::kUpstreamsOfOneApi) {
    object.Warn(names.min_name, absl::StrCat("INSECURE: TLS ", least, " is good enough"));
    return least;
  }
  object.Warn(names.min_name, peer == TlsPeer::kClients
                                  ? "TLS 1.0 and 1.1 are not spoken with clients: 1.2 is used"
                                  : "TLS 1.0 and 1.1 are a matter of single APIs: 1.2 is used");
  return "";
}

void TakeTlsVersions(const Fields& object, const TlsNames& names, TlsPeer peer,
                     const std::string& least, const std::string& most, v1::TransportTls* tls) {
  tls->set_min_version(LeastTls(object, names, peer, least));
  tls->set_max_version(most);
  const absl::string_view spoken =
      tls->min_version().empty() ? absl::string_view("1.2") : tls->min_version();
  if (most.empty() || spoken <= most) return;
  if (IsOldTlsText(most) && peer != TlsPeer::kUpstreamsOfOneApi) {
    object.Refuse(names.max_name, peer == TlsPeer::kClients
                                      ? "TLS 1.0 and 1.1 are not spoken with clients"
                                      : "TLS 1.0 and 1.1 are a matter of single APIs");
  } else {
    object.Refuse(names.max_name,
                  absl::StrCat("is lower than the minimum", least.empty() ? ", which is 1.2" : ""));
  }
}

}  // namespace

void TlsVersions(const Fields& object, absl::string_view min_name, absl::string_view max_name,
                 TlsPeer peer, v1::TransportTls* tls) {
  const auto read = [&](absl::string_view name) {
    const int64_t number = object.Integer(name);
    if (number == 0) return std::string();
    if (number >= 769 && number <= 772) return absl::StrCat("1.", number - 769);
    object.Refuse(name, "is not a TLS version: 771 is TLS 1.2, 772 is TLS 1.3");
    return std::string();
  };
  const std::string least = read(min_name);
  TakeTlsVersions(object, {min_name, max_name}, peer, least, read(max_name), tls);
}

void TlsVersionTexts(const Fields& object, absl::string_view min_name, absl::string_view max_name,
                     TlsPeer peer, v1::TransportTls* tls) {
  const auto read = [&](absl::string_view name) {
    const std::string text = object.Text(name);
    for (const absl::string_view known : {"", "1.0", "1.1", "1.2", "1.3"}) {
      if (text == known) return text;
    }
    object.Refuse(name, "is not a TLS version: 1.2 or 1.3");
    return std::string();
  };
  const std::string least = read(min_name);
  TakeTlsVersions(object, {min_name, max_name}, peer, least, read(max_name), tls);
}

}  // namespace sallyport::authsvc::dialects
