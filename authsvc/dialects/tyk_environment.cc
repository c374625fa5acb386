#include "authsvc/dialects/tyk_environment.h"

#include <algorithm>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/suggest.h"

namespace sallyport::authsvc::dialects {
namespace {

enum class Shape : uint8_t { kFlag, kNumber, kList, kMap, kKeyPairs };

struct Variable {
  absl::string_view name;  // after the prefix
  absl::string_view path;  // of the member in tyk.conf
  Shape shape;
};

constexpr Variable kVariables[] = {
    {"SECURITY_CERTIFICATES_API", "security.certificates.apis", Shape::kList},
    {"SECURITY_CERTIFICATES_UPSTREAM", "security.certificates.upstream", Shape::kMap},
    {"SECURITY_CERTIFICATES_CONTROLAPI", "security.certificates.control_api", Shape::kList},
    {"SECURITY_PINNEDPUBLICKEYS", "security.pinned_public_keys", Shape::kMap},
    {"SECURITY_CONTROLAPIUSEMUTUALTLS", "security.control_api_use_mutual_tls", Shape::kFlag},
    {"SECURITY_ALLOWUNSAFEDYNAMICMTLSTOKEN", "security.allow_unsafe_dynamic_mtls_token",
     Shape::kFlag},
    {"ALLOWUNSAFEDYNAMICMTLSTOKEN", "allow_unsafe_dynamic_mtls_token", Shape::kFlag},
    {"HTTPSERVEROPTIONS_SSLCERTIFICATES", "http_server_options.ssl_certificates", Shape::kList},
    {"HTTPSERVEROPTIONS_CERTIFICATES", "http_server_options.certificates", Shape::kKeyPairs},
    {"HTTPSERVEROPTIONS_ENABLEWEBSOCKETS", "http_server_options.enable_websockets", Shape::kFlag},
    {"HTTPSERVEROPTIONS_MINVERSION", "http_server_options.min_version", Shape::kNumber},
    {"HTTPSERVEROPTIONS_MAXVERSION", "http_server_options.max_version", Shape::kNumber},
    {"SECURITY_CERTIFICATEEXPIRYMONITOR_WARNINGTHRESHOLDDAYS",
     "security.certificate_expiry_monitor.warning_threshold_days", Shape::kNumber},
    {"SECURITY_CERTIFICATEEXPIRYMONITOR_EVENTCOOLDOWNSECONDS",
     "security.certificate_expiry_monitor.event_cooldown_seconds", Shape::kNumber},
    {"PROXYSSLINSECURESKIPVERIFY", "proxy_ssl_insecure_skip_verify", Shape::kFlag},
    {"PROXYSSLMINVERSION", "proxy_ssl_min_version", Shape::kNumber},
    {"PROXYSSLMAXVERSION", "proxy_ssl_max_version", Shape::kNumber},
    {"PROXYSSLCIPHERSUITES", "proxy_ssl_ciphers", Shape::kList},
    {"PROXYENABLEHTTP2", "proxy_enable_http2", Shape::kFlag},
    {"SSLFORCECOMMONNAMECHECK", "ssl_force_common_name_check", Shape::kFlag},
};

constexpr absl::string_view kSecurityPrefix = "SECURITY_";
// envconfig has no names for the items of a list.
constexpr absl::string_view kKeyPairPrefix = "HTTPSERVEROPTIONS_CERTIFICATES_";
constexpr absl::string_view kKeyPairForm =
    "a JSON array as Tyk takes it, "
    "[{\"domain_name\": \"*\", \"cert_file\": \"PATH\", \"key_file\": \"PATH\"}]";

// About security in Tyk, and nothing that this gateway does.
bool IsHarmless(absl::string_view name) {
  return name == "SECURITY_PRIVATECERTIFICATEENCODINGSECRET" ||
         name == "SECURITY_CERTIFICATES_DASHBOARD" || name == "SECURITY_CERTIFICATES_MDCB" ||
         absl::StartsWith(name, "SECURITY_CERTIFICATEEXPIRYMONITOR_");
}

const Variable* Find(absl::string_view name) {
  for (const Variable& variable : kVariables) {
    if (variable.name == name) return &variable;
  }
  return nullptr;
}

std::string Squeezed(absl::string_view name) {
  return absl::StrReplaceAll(name, {{"_", ""}, {"-", ""}});
}

// A variable that is none of ours and must not be passed over: why not. Empty: it may.
std::string WhyRefused(absl::string_view name) {
  if (IsHarmless(name)) return "";
  for (const Variable& variable : kVariables) {
    if (OneTypoAway(Squeezed(name), Squeezed(variable.name))) {
      return absl::StrCat("unknown variable; did you mean ", kTykVariablePrefix, variable.name,
                          "?");
    }
  }
  if (absl::StartsWithIgnoreCase(name, kSecurityPrefix)) return "unknown variable about security";
  if (absl::StartsWithIgnoreCase(name, kKeyPairPrefix)) {
    return absl::StrCat("Tyk has no such variable: write all pairs into ", kTykVariablePrefix,
                        "HTTPSERVEROPTIONS_CERTIFICATES, as ", kKeyPairForm);
  }
  return "";
}

struct Parsed {
  Node node;
  std::string error;  // without the value
};

Node TextNode(absl::string_view text) {
  Node node;
  node.type = Node::Type::kString;
  node.text = std::string(text);
  return node;
}

Parsed ParseFlag(absl::string_view text) {
  static constexpr absl::string_view kTrue[] = {"1", "t", "T", "true", "TRUE", "True"};
  static constexpr absl::string_view kFalse[] = {"0", "f", "F", "false", "FALSE", "False"};
  Parsed parsed;
  parsed.node.type = Node::Type::kBool;
  parsed.node.boolean = std::find(std::begin(kTrue), std::end(kTrue), text) != std::end(kTrue);
  if (!parsed.node.boolean &&
      std::find(std::begin(kFalse), std::end(kFalse), text) == std::end(kFalse)) {
    parsed.error = "must be true or false";
  }
  return parsed;
}

Parsed ParseNumber(absl::string_view text) {
  Parsed parsed;
  parsed.node.type = Node::Type::kInteger;
  if (!absl::SimpleAtoi(text, &parsed.node.integer)) parsed.error = "must be a whole number";
  parsed.node.number = static_cast<double>(parsed.node.integer);
  return parsed;
}

Parsed ParseList(absl::string_view text) {
  Parsed parsed;
  parsed.node.type = Node::Type::kArray;
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    parsed.node.items.push_back(TextNode(absl::StripAsciiWhitespace(item)));
  }
  return parsed;
}

bool IsPort(absl::string_view text) {
  int port = 0;
  return !text.empty() && text.size() <= 5 && absl::c_all_of(text, absl::ascii_isdigit) &&
         absl::SimpleAtoi(text, &port) && port > 0 && port <= 65535;
}

// Where the colon between domain and id is: "host:id", "host:443:id", "[::1]:443:id"; npos:
// nowhere.
size_t EndOfDomain(absl::string_view pair) {
  const size_t from = absl::StartsWith(pair, "[") ? pair.find(']') : 0;
  if (from == absl::string_view::npos) return from;
  const size_t first = pair.find(':', from);
  if (first == absl::string_view::npos) return first;
  const size_t second = pair.find(':', first + 1);
  const bool has_port =
      second != absl::string_view::npos && IsPort(pair.substr(first + 1, second - first - 1));
  return has_port ? second : first;
}

Parsed ParseMap(absl::string_view text) {
  Parsed parsed;
  parsed.node.type = Node::Type::kObject;
  size_t number = 0;
  for (absl::string_view pair : absl::StrSplit(text, ',')) {
    ++number;
    pair = absl::StripAsciiWhitespace(pair);
    const size_t colon = EndOfDomain(pair);
    if (colon == absl::string_view::npos || colon == 0) {
      parsed.error = absl::StrCat("entry ", number,
                                  " is not domain:id (entries are separated by commas; several ids "
                                  "for one domain can only be written in the file)");
      return parsed;
    }
    std::string domain(pair.substr(0, colon));
    if (parsed.node.Find(domain) != nullptr) {
      parsed.error = absl::StrCat("entry ", number, " names a domain a second time");
      return parsed;
    }
    parsed.node.members.emplace_back(std::move(domain), TextNode(pair.substr(colon + 1)));
  }
  return parsed;
}

// Nothing of the text may stand in an error: a key can be written inline.
std::string WhyNoKeyPair(const Node& pair) {
  static constexpr absl::string_view kNames[] = {"domain_name", "cert_file", "key_file"};
  if (!pair.IsObject()) return "is no object";
  for (const auto& [name, value] : pair.members) {
    if (!absl::c_linear_search(kNames, name))
      return "has a member that is none of domain_name, cert_file, key_file";
    if (value.type != Node::Type::kString) return "has a member that is no text";
  }
  for (const absl::string_view name : {"cert_file", "key_file"}) {
    const Node* file = pair.Find(name);
    if (file == nullptr || file->text.empty()) return absl::StrCat("lacks ", name);
  }
  return "";
}

Parsed ParseKeyPairs(absl::string_view text) {
  Parsed parsed;
  auto node = ReadJson(text);
  if (!node.ok() || node->type != Node::Type::kArray || node->items.empty()) {
    parsed.error = absl::StrCat("must be ", kKeyPairForm);
    return parsed;
  }
  for (size_t i = 0; i < node->items.size(); ++i) {
    const std::string why = WhyNoKeyPair(node->items[i]);
    if (why.empty()) continue;
    parsed.error = absl::StrCat("entry ", i + 1, " ", why, "; must be ", kKeyPairForm);
    return parsed;
  }
  parsed.node = *std::move(node);
  return parsed;
}

Parsed Parse(Shape shape, absl::string_view text) {
  switch (shape) {
    case Shape::kFlag: return ParseFlag(text);
    case Shape::kNumber: return ParseNumber(text);
    case Shape::kList: return ParseList(text);
    case Shape::kKeyPairs: return ParseKeyPairs(text);
    case Shape::kMap: break;
  }
  return ParseMap(text);
}

// The place of a member; objects on the way are made. Null: something else stands there, which the
// conversion refuses.
Node* Place(absl::string_view path, Node* at) {
  for (const absl::string_view name : absl::StrSplit(path, '.')) {
    if (at->type == Node::Type::kNull) at->type = Node::Type::kObject;
    if (!at->IsObject()) return nullptr;
    if (at->Find(name) == nullptr) at->members.emplace_back(std::string(name), Node());
    at = at->Find(name);
  }
  return at;
}

// What the file said and the variable takes away: "" when nothing.
std::string Lost(const Node& file, const Node& laid) {
  if (file.type == Node::Type::kBool && file.boolean && laid.type == Node::Type::kBool &&
      !laid.boolean) {
    return ", which was on, by off";
  }
  if (!file.IsObject()) return "";
  std::vector<std::string> gone;
  for (const auto& [name, value] : file.members) {
    if (laid.Find(name) == nullptr) gone.push_back(name);
  }
  return gone.empty() ? "" : absl::StrCat("; no longer set: ", absl::StrJoin(gone, ", "));
}

void Lay(const std::string& name, const Variable& variable, absl::string_view value,
         Node* configuration, Conversion* out) {
  value = absl::StripAsciiWhitespace(value);
  if (value.empty())
    return out->Refuse(name, nullptr, "is set and empty; unset it to keep what the file says");
  Parsed parsed = Parse(variable.shape, value);
  if (!parsed.error.empty()) return out->Refuse(name, nullptr, parsed.error);
  Node* place = Place(variable.path, configuration);
  if (place == nullptr) return;
  if (place->type != Node::Type::kNull && ToJson(*place) != ToJson(parsed.node)) {
    out->Warn(name, nullptr,
              absl::StrCat("replaces ", variable.path, " of the file", Lost(*place, parsed.node)));
  }
  *place = std::move(parsed.node);
}

std::pair<absl::string_view, absl::string_view> Split(absl::string_view entry) {
  const size_t equals = entry.find('=');
  if (equals == absl::string_view::npos) return {entry, ""};
  return {entry.substr(0, equals), entry.substr(equals + 1)};
}

}  // namespace

std::vector<std::string> TykVariables(absl::Span<const std::string> environment) {
  std::vector<std::string> ours;
  for (const std::string& entry : environment) {
    if (absl::StartsWith(entry, kTykVariablePrefix)) ours.push_back(entry);
  }
  return ours;
}

void LayTykEnvironment(absl::Span<const std::string> environment, Node* configuration,
                       Conversion* out) {
  std::vector<std::string> others;
  for (const std::string& entry : environment) {
    const auto [name, value] = Split(entry);
    absl::string_view bare = name;
    if (!absl::ConsumePrefix(&bare, kTykVariablePrefix)) continue;
    const std::string full(name);
    if (const Variable* variable = Find(bare); variable != nullptr) {
      Lay(full, *variable, value, configuration, out);
    } else if (const std::string why = WhyRefused(bare); !why.empty()) {
      out->Refuse(full, nullptr, why);
    } else {
      others.push_back(full);
    }
  }
  std::sort(others.begin(), others.end());
  if (!others.empty())
    out->Warn("", nullptr, absl::StrCat("without effect here: ", absl::StrJoin(others, ", ")));
}

std::vector<std::string> TykVariablesInUse(absl::Span<const std::string> environment) {
  std::vector<std::string> names;
  for (const std::string& entry : environment) {
    const absl::string_view name = Split(entry).first;
    absl::string_view bare = name;
    if (!absl::ConsumePrefix(&bare, kTykVariablePrefix)) continue;
    if (Find(bare) != nullptr || !WhyRefused(bare).empty()) names.emplace_back(name);
  }
  return names;
}

}  // namespace sallyport::authsvc::dialects
