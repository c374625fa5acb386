#include "dataplane/http/framing.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace sallyport::dataplane {
namespace {

const char* SetOnce(const HeaderField** slot, const HeaderField& field, const char* twice) {
  if (*slot != nullptr) return twice;
  *slot = &field;
  return nullptr;
}

void NoteConnection(absl::string_view list, FramingFields* framing) {
  if (NameIs(list, "keep-alive")) {  // as nearly all say
    framing->keep_alive = true;
    return;
  }
  framing->close |= ListHasToken(list, "close");
  framing->keep_alive |= ListHasToken(list, "keep-alive");
  framing->upgrade |= ListHasToken(list, "upgrade");
}

const char* Note(const HeaderField& field, FramingFields* framing) {
  // By length first: nearly every field is none of these.
  switch (field.name.size()) {
    case 4:
      if (NameIs(field.name, "host")) return SetOnce(&framing->host, field, "several Host fields");
      break;
    case 6:
      if (NameIs(field.name, "expect")) {
        return SetOnce(&framing->expect, field, "several Expect fields");
      }
      break;
    case 10:
      if (NameIs(field.name, "connection")) NoteConnection(field.value, framing);
      break;
    case 14:
      if (NameIs(field.name, "content-length")) {
        return SetOnce(&framing->content_length, field, "several Content-Length fields");
      }
      break;
    case 17:
      if (NameIs(field.name, "transfer-encoding")) {
        return SetOnce(&framing->transfer_encoding, field, "several Transfer-Encoding fields");
      }
      break;
    default: break;
  }
  return nullptr;
}

bool ParseLength(absl::string_view text, uint64_t* length) {
  if (text.empty() || text.size() > 18) return false;
  uint64_t value = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  *length = value;
  return true;
}

bool IsRegNameChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~';
}

bool IsHost(absl::string_view host) {
  if (host.empty() || host.size() > 255) return false;
  for (const char c : host) {
    if (!IsRegNameChar(c)) return false;
  }
  return true;
}

bool IsIpv6(absl::string_view host) {
  if (host.size() < 2 || host.size() > 45) return false;
  for (const char c : host) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c)) && c != ':' && c != '.') return false;
  }
  return absl::StrContains(host, ':');
}

bool IsPort(absl::string_view port) {
  if (port.size() > 5) return false;
  for (const char c : port) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

}  // namespace

const char* CollectFraming(const HeaderFields& fields, int minor_version, FramingFields* framing) {
  for (const HeaderField& field : fields) {
    if (const char* bad = Note(field, framing)) return bad;
  }
  if (framing->transfer_encoding != nullptr) {
    if (minor_version < 1) return "Transfer-Encoding on HTTP/1.0";
    if (!NameIs(framing->transfer_encoding->value, "chunked")) {
      return "Transfer-Encoding is not exactly chunked";
    }
    if (framing->content_length != nullptr) return "Transfer-Encoding and Content-Length";
  }
  if (framing->content_length != nullptr &&
      !ParseLength(framing->content_length->value, &framing->length)) {
    return "Content-Length is not a number";
  }
  return nullptr;
}

bool ParseAuthority(absl::string_view text, Authority* authority) {
  absl::string_view rest;
  if (!text.empty() && text[0] == '[') {
    const size_t close = text.find(']');
    if (close == absl::string_view::npos) return false;
    authority->host = text.substr(1, close - 1);
    if (!IsIpv6(authority->host)) return false;
    rest = text.substr(close + 1);
  } else {
    const size_t colon = text.find(':');
    authority->host = text.substr(0, colon);
    if (!IsHost(authority->host)) return false;
    rest = colon == absl::string_view::npos ? absl::string_view() : text.substr(colon);
  }
  authority->port = {};
  if (rest.empty()) return true;
  if (rest[0] != ':') return false;
  authority->port = rest.substr(1);
  return IsPort(authority->port);
}

}  // namespace sallyport::dataplane
