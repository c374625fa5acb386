#include "dataplane/upstream/target.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dataplane/upstream_tls/server_name.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

absl::Status Bad(absl::string_view url, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("upstream URL ", base::JsonQuote(url), ": ", why));
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool IsHostName(absl::string_view host) {
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') return false;
  if (absl::StrContains(host, "..")) return false;
  for (const char c : host) {
    if (!IsHostCharacter(c)) return false;
  }
  return true;
}

bool IsPathText(absl::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '#' || c == '"' || c == '<' || c == '>' || c == '\\') {
      return false;
    }
  }
  return true;
}

// host and written port of an authority; false when it is neither.
bool SplitAuthority(absl::string_view authority, std::string* host, std::string* port) {
  absl::string_view name = authority;
  absl::string_view rest;
  if (absl::ConsumePrefix(&name, "[")) {
    const size_t close = name.find(']');
    if (close == absl::string_view::npos) return false;
    rest = name.substr(close + 1);
    name = name.substr(0, close);
    if (!absl::StrContains(name, ":")) return false;
  } else {
    const size_t colon = name.find(':');
    rest = colon == absl::string_view::npos ? absl::string_view() : name.substr(colon);
    name = name.substr(0, colon);
  }
  if (!rest.empty() && (!absl::ConsumePrefix(&rest, ":") || rest.empty())) return false;
  *host = absl::AsciiStrToLower(absl::StripSuffix(name, "."));
  *port = std::string(rest);
  return true;
}

bool ParsePort(const std::string& text, uint16_t* port) {
  uint32_t value = 0;
  if (text.find_first_not_of("0123456789") != std::string::npos ||
      !absl::SimpleAtoi(text, &value)) {
    return false;
  }
  *port = static_cast<uint16_t>(value);
  return value > 0 && value <= 65535;
}

void Finish(UpstreamTarget* target) {
  target->host_is_ip = IsIpAddress(target->host);
  const bool brackets = absl::StrContains(base::ToAbsl(target->host), ":");
  target->authority = brackets ? absl::StrCat("[", target->host, "]") : target->host;
  if (!target->written_port.empty()) absl::StrAppend(&target->authority, ":", target->written_port);
  while (!target->path.empty() && target->path.back() == '/') target->path.pop_back();
  if (target->protocol != UpstreamProtocol::kAuto) return;
  auto http1 = std::make_shared<UpstreamTarget>(*target);
  http1->protocol = UpstreamProtocol::kHttp1;
  target->http1 = std::move(http1);
}

}  // namespace

absl::StatusOr<UpstreamTargetPtr> ParseUpstreamTarget(absl::string_view url) {
  auto target = std::make_shared<UpstreamTarget>();
  absl::string_view rest = url;
  if (absl::StartsWithIgnoreCase(rest, "https://")) {
    target->tls = true;
  } else if (absl::StartsWithIgnoreCase(rest, "h2c://")) {
    target->protocol = UpstreamProtocol::kHttp2;
  } else if (!absl::StartsWithIgnoreCase(rest, "http://")) {
    return Bad(url, "must start with http://, https:// or h2c://");
  }
  rest.remove_prefix(rest.find("//") + 2);
  const size_t end = rest.find_first_of("/?#");
  const absl::string_view authority = rest.substr(0, end);
  rest = end == absl::string_view::npos ? absl::string_view() : rest.substr(end);
  if (absl::StrContains(authority, "@")) return Bad(url, "user information is not allowed");
  if (!SplitAuthority(authority, &target->host, &target->written_port)) return Bad(url, "bad host");
  if (!IsIpAddress(target->host) && !IsHostName(base::ToAbsl(target->host)))
    return Bad(url, "bad host");
  target->port = target->tls ? 443 : 80;
  if (!target->written_port.empty() && !ParsePort(target->written_port, &target->port)) {
    return Bad(url, "bad port");
  }
  if (absl::StrContains(rest, "#")) return Bad(url, "a fragment is not allowed");
  if (!IsPathText(rest)) return Bad(url, "blanks and other raw characters are not allowed");
  const size_t question = rest.find('?');
  target->path = std::string(rest.substr(0, question));
  if (question != absl::string_view::npos) target->query = std::string(rest.substr(question + 1));
  Finish(target.get());
  return target;
}

UpstreamTargetPtr MakeUpstreamTarget(const RouteTarget& target) {
  auto made = std::make_shared<UpstreamTarget>();
  made->tls = target.scheme == "https" || target.scheme == "tls";
  made->streams = target.scheme == "tls" || target.scheme == "tcp";
  made->protocol = target.protocol;
  made->host = target.host;
  made->port = target.port;
  made->written_port = target.written_port;
  made->path = target.path;
  made->query = target.query;
  made->proxy = target.proxy;
  made->sends_credential = target.sends_credential;
  Finish(made.get());
  return made;
}

UpstreamAlpn AlpnFor(const UpstreamTarget& target) {
  switch (target.protocol) {
    case UpstreamProtocol::kHttp1: break;
    case UpstreamProtocol::kHttp2: return UpstreamAlpn::kHttp2;
    case UpstreamProtocol::kAuto: return UpstreamAlpn::kHttp2OrHttp1;
  }
  return UpstreamAlpn::kNothing;
}

std::string JoinPath(const UpstreamTarget& target, absl::string_view path,
                     absl::string_view query) {
  absl::string_view rest = path;
  if (!target.path.empty() && rest == "/") rest = {};
  std::string joined;
  joined.reserve(target.path.size() + path.size() + target.query.size() + query.size() + 3);
  joined = target.path;
  if (!rest.empty() && rest.front() != '/') joined += '/';
  joined.append(rest.data(), rest.size());
  if (joined.empty()) joined = "/";
  if (!target.query.empty() || !query.empty()) joined += '?';
  joined += target.query;
  if (!target.query.empty() && !query.empty()) joined += '&';
  joined.append(query.data(), query.size());
  return joined;
}

}  // namespace sallyport::dataplane
