#include "dataplane/http/upgrade.h"

#include <openssl/evp.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::string_view kWebSocket = "websocket";
constexpr absl::string_view kWebSocketKey = "sec-websocket-key";
constexpr size_t kKeyBytes = 24;  // base64 of 16
constexpr size_t kMostProtocolBytes = 64;

bool IsTokenByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         (c != '\0' && absl::string_view("!#$%&'*+-.^_`|~").find(c) != absl::string_view::npos);
}

bool IsToken(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenByte);
}

// name ["/" version]
bool IsProtocol(absl::string_view text) {
  if (text.size() > kMostProtocolBytes) return false;
  const size_t slash = text.find('/');
  return IsToken(text.substr(0, slash)) &&
         (slash == absl::string_view::npos || IsToken(text.substr(slash + 1)));
}

bool IsOurs(absl::string_view protocol) {
  const absl::string_view name = protocol.substr(0, protocol.find('/'));
  for (const absl::string_view ours : {"http", "h2c", "h2", "h3", "tls"}) {
    if (NameIs(name, ours)) return true;
  }
  return false;
}

// The value of the only field of that name, else empty.
absl::string_view OnlyValue(const HeaderFields& fields, absl::string_view name) {
  const HeaderField* only = nullptr;
  for (const HeaderField& field : fields) {
    if (!NameIs(field.name, name)) continue;
    if (only != nullptr) return {};
    only = &field;
  }
  return only == nullptr ? absl::string_view() : only->value;
}

bool IsWebSocketRequest(const RequestHead& head) {
  return head.method == "GET" && OnlyValue(head.fields, kWebSocketKey).size() == kKeyBytes;
}

// RFC 6455 4.2.2.
std::string AcceptFor(absl::string_view key) {
  const std::string text = absl::StrCat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr) != 1) return {};
  return absl::Base64Escape(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

}  // namespace

absl::string_view UpgradeOf(const RequestHead& head) {
  if (head.minor_version < 1 || head.framing != Framing::kNone) return {};
  const absl::string_view protocol = OnlyValue(head.fields, "upgrade");
  if (!IsProtocol(protocol) || IsOurs(protocol)) return {};
  if (NameIs(protocol, kWebSocket) && !IsWebSocketRequest(head)) return {};
  const bool listed =
      std::any_of(head.fields.begin(), head.fields.end(), [](const HeaderField& field) {
        return NameIs(field.name, "connection") && ListHasToken(field.value, "upgrade");
      });
  return listed ? protocol : absl::string_view();
}

const char* NotSwitched(const ResponseHead& answer, const HeaderFields& request,
                        absl::string_view upgrade) {
  if (answer.minor_version < 1) return "101 of HTTP/1.0";
  if (!NameIs(OnlyValue(answer.fields, "upgrade"), upgrade)) return "101 to another protocol";
  if (!ListHasToken(OnlyValue(answer.fields, "connection"), "upgrade")) {
    return "101 without Connection: upgrade";
  }
  if (answer.has_content_length) return "101 with Content-Length";
  if (!NameIs(upgrade, kWebSocket)) return nullptr;
  const std::string accept = AcceptFor(OnlyValue(request, kWebSocketKey));
  const bool accepted =
      !accept.empty() && OnlyValue(answer.fields, "sec-websocket-accept") == accept;
  return accepted ? nullptr : "101 without the right Sec-WebSocket-Accept";
}

std::string UpgradeProblem(absl::string_view protocol) {
  if (!IsProtocol(protocol)) {
    return absl::StrCat(base::JsonQuote(protocol), " is not a protocol's name, such as websocket");
  }
  if (!IsOurs(protocol)) return {};
  return absl::StrCat(base::JsonQuote(protocol),
                      " would carry requests past this gateway: leave it out");
}

}  // namespace sallyport::dataplane
