#include "authsvc/dialects/tyk_proxy_url.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "shared/base/text.h"

namespace sallyport::authsvc::dialects {
namespace {

// Views into the URL; `user` and `password` still percent-encoded.
struct Parts {
  absl::string_view scheme;  // with "://"
  absl::string_view user, password;
  absl::string_view place;  // what is behind the '@'
  bool has_user = false;
  bool has_password = false;
};

Parts SplitProxyUrl(absl::string_view url) {
  Parts parts;
  const size_t scheme = url.find("://");
  if (scheme == absl::string_view::npos) {
    parts.place = url;
    return parts;
  }
  parts.scheme = url.substr(0, scheme + 3);
  parts.place = url.substr(scheme + 3);
  const size_t at = parts.place.substr(0, parts.place.find_first_of("/?#")).rfind('@');
  if (at == absl::string_view::npos) return parts;
  parts.has_user = true;
  parts.user = parts.place.substr(0, at);
  parts.place = parts.place.substr(at + 1);
  const size_t colon = parts.user.find(':');
  if (colon == absl::string_view::npos) return parts;
  parts.has_password = true;
  parts.password = parts.user.substr(colon + 1);
  parts.user = parts.user.substr(0, colon);
  return parts;
}

// False: a '%' without two hex digits.
bool Decode(absl::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      return false;
    }
    out->append(absl::HexStringToBytes(text.substr(i + 1, 2)));
    i += 2;
  }
  return true;
}

void Encode(absl::string_view text, std::string* out) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || absl::StrContains("-._~", absl::string_view(&c, 1))) {
      out->push_back(c);
    } else {
      absl::StrAppend(out, "%", absl::Hex(byte, absl::kZeroPad2));
    }
  }
}

// Go's default port for such a proxy.
std::string WithPort(absl::string_view place) {
  const size_t bracket = place.rfind(']');
  const size_t from = bracket == absl::string_view::npos ? 0 : bracket;
  const bool has_port = place.find(':', from) != absl::string_view::npos;
  return absl::StrCat(place, has_port ? "" : ":80");
}

}  // namespace

base::Secret ReadForwardProxy(const Fields& object, absl::string_view name, v1::Api* api) {
  const Node* const node = object.Get(name);
  if (node == nullptr || !IsSet(*node)) return {};
  std::string url = object.Text(name);
  const Parts parts = SplitProxyUrl(url);
  v1::ForwardProxy* const out = api->mutable_upstream()->mutable_forward_proxy();
  std::string password;
  const std::string scheme = absl::AsciiStrToLower(parts.scheme);
  if (scheme != "http://" && scheme != "https://") {
    object.Refuse(name, "must be http://[user:password@]host:port");
  } else if (!Decode(parts.user, out->mutable_username()) || !Decode(parts.password, &password)) {
    object.Refuse(name, "has a % that is not followed by two hex digits");
  } else if (parts.has_user && out->username().empty()) {
    object.Refuse(name, "has no user name before the @");
  } else {
    out->set_url(absl::StrCat(scheme, WithPort(absl::StripSuffix(parts.place, "/"))));
  }
  base::Cleanse(&url);
  return base::Secret(std::move(password));
}

void HideProxyPassword(absl::Span<const absl::string_view> path, Node* definition) {
  Node* at = definition;
  for (const absl::string_view name : path) {
    at = at->Find(name);
    if (at == nullptr) return;
  }
  const Parts parts = SplitProxyUrl(base::ToAbsl(at->text));
  if (!parts.has_password) return;
  std::string shown = absl::StrCat(parts.scheme, parts.user, "@", parts.place);
  base::Cleanse(&at->text);
  at->text = std::move(shown);
}

std::string ProxyUrlText(const v1::ForwardProxy& proxy) {
  const Parts parts = SplitProxyUrl(proxy.url());
  std::string text(parts.scheme);
  if (!proxy.username().empty()) {
    Encode(proxy.username(), &text);
    text.push_back('@');
  }
  absl::StrAppend(&text, parts.place);
  return text;
}

}  // namespace sallyport::authsvc::dialects
