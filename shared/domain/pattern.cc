#include "shared/domain/pattern.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "shared/domain/host.h"

namespace sallyport::domain {
namespace {

absl::Status RefuseKey(absl::string_view key, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("domain key \"", absl::CHexEscape(key), "\" ", why));
}

bool HasBlank(absl::string_view key) {
  return std::any_of(key.begin(), key.end(),
                     [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); });
}

// What is left of a URL when scheme, user and everything after the authority are cut away.
std::string AuthorityOf(absl::string_view key) {
  const size_t scheme = key.find("://");
  if (scheme != absl::string_view::npos) key.remove_prefix(scheme + 3);
  key = key.substr(0, key.find_first_of("/?#"));
  const size_t user = key.rfind('@');
  if (user != absl::string_view::npos) key.remove_prefix(user + 1);
  return key.empty() ? "example.com" : std::string(key);
}

std::string WithoutBlanks(absl::string_view key) {
  std::string out;
  std::copy_if(key.begin(), key.end(), std::back_inserter(out),
               [](char c) { return !absl::ascii_isspace(static_cast<unsigned char>(c)); });
  return out;
}

// Things that people write and that are no domain.
absl::Status CheckShape(absl::string_view key) {
  if (key.empty()) return RefuseKey(key, "is empty: write \"*\" for the default");
  if (HasBlank(key)) {
    return RefuseKey(
        key, absl::StrCat("has a blank: write \"", absl::CHexEscape(WithoutBlanks(key)), "\""));
  }
  if (absl::StrContains(key, "://")) {
    return RefuseKey(
        key, absl::StrCat("has a scheme: write \"", absl::CHexEscape(AuthorityOf(key)), "\""));
  }
  if (key.find_first_of("/?#@\\") != absl::string_view::npos) {
    return RefuseKey(key, absl::StrCat("is more than a domain (path, query or user): write \"",
                                       absl::CHexEscape(AuthorityOf(key)), "\""));
  }
  if (absl::StrContains(key, ','))
    return RefuseKey(key, "names several domains: write one entry for each");
  return absl::OkStatus();
}

std::string WithStarLabels(const std::vector<absl::string_view>& labels) {
  std::vector<absl::string_view> out;
  for (absl::string_view label : labels) out.push_back(absl::StrContains(label, '*') ? "*" : label);
  return absl::StrJoin(out, ".");
}

absl::Status CheckStars(absl::string_view key, const std::vector<absl::string_view>& labels,
                        absl::string_view port_suffix) {
  for (absl::string_view label : labels) {
    if (!absl::StrContains(label, '*') || label == "*") continue;
    const std::string instead = absl::CHexEscape(absl::StrCat(WithStarLabels(labels), port_suffix));
    if (absl::StrContains(label, "**")) {
      return RefuseKey(
          key, absl::StrCat("has \"**\", but \"*\" stands for exactly one label: write \"", instead,
                            "\", and one more entry for each further depth"));
    }
    return RefuseKey(
        key, absl::StrCat("has \"*\" inside a label, but it stands for a whole one: write \"",
                          instead, "\", or one entry for each host"));
  }
  return absl::OkStatus();
}

bool IsNumber(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// "10.0.0.*" and the like: a set of addresses is meant, and a wildcard never matches one.
bool MeansAddresses(const std::vector<absl::string_view>& labels) {
  bool literal = false;
  for (absl::string_view label : labels) {
    if (label == "*") continue;
    if (!IsNumber(label)) return false;
    literal = true;
  }
  return literal;
}

absl::StatusOr<std::string> NormaliseLabels(absl::string_view key,
                                            const std::vector<absl::string_view>& labels) {
  std::vector<std::string> out;
  size_t length = 0;
  for (absl::string_view label : labels) {
    if (label == "*") {
      out.emplace_back("*");
      length += 2;
      continue;
    }
    // Alone it would be read as an address; inside a name it is a label like others.
    auto host =
        IsNumber(label) ? absl::StatusOr<Host>(Host{std::string(label), false}) : ParseHost(label);
    if (!host.ok())
      return RefuseKey(key, absl::StrCat("is not a domain: ", host.status().message()));
    if (host->is_ip || absl::StrContains(host->name, '.') || host->name.size() > 63) {
      return RefuseKey(key, "is not a domain: a label is not a name");
    }
    length += host->name.size() + 1;
    out.push_back(std::move(host->name));
  }
  if (length > 254)
    return RefuseKey(key, "is not a domain: a host name has at most 253 characters");
  return absl::StrJoin(out, ".");
}

absl::StatusOr<Pattern> ParseWildcard(absl::string_view key) {
  Pattern pattern;
  pattern.kind = Pattern::Kind::kWildcard;
  absl::string_view name = key;
  absl::string_view port_suffix;
  if (const size_t colon = key.rfind(':'); colon != absl::string_view::npos) {
    name = key.substr(0, colon);
    port_suffix = key.substr(colon);
    if (name.find_first_of(":[]") != absl::string_view::npos)
      return RefuseKey(key, "mixes \"*\" and an address: write the address");
    const auto port = ParsePort(port_suffix.substr(1));
    if (!port.ok())
      return RefuseKey(key, absl::StrCat("has no valid port: ", port.status().message()));
    pattern.port = *port;
  }
  if (absl::EndsWith(name, ".")) name.remove_suffix(1);
  if (name == "*") {
    return RefuseKey(
        key,
        absl::StrCat("limits the default to a port: write \"*\" for every host, or \"*.example.com",
                     port_suffix, "\""));
  }
  const std::vector<absl::string_view> labels = absl::StrSplit(name, '.');
  if (const absl::Status status = CheckStars(key, labels, port_suffix); !status.ok()) return status;
  if (MeansAddresses(labels)) {
    return RefuseKey(
        key,
        "would match addresses, which a wildcard never does: write one entry for each address");
  }
  if (IsNumber(labels.back())) return RefuseKey(key, "ends in a number, which no host name does");
  auto normal = NormaliseLabels(key, labels);
  if (!normal.ok()) return normal.status();
  pattern.name = *std::move(normal);
  return pattern;
}

}  // namespace

std::string Pattern::ToString() const {
  if (port == 0) return name;
  if (is_ip && absl::StrContains(name, ':')) return absl::StrCat("[", name, "]:", port);
  return absl::StrCat(name, ":", port);
}

absl::StatusOr<Pattern> ParsePattern(absl::string_view key) {
  if (const absl::Status status = CheckShape(key); !status.ok()) return status;
  if (key == "*") return Pattern{Pattern::Kind::kDefault, false, 0, "*"};
  if (absl::StrContains(key, '*')) return ParseWildcard(key);
  auto host = ParseHostPort(key);
  if (!host.ok()) return RefuseKey(key, absl::StrCat("is not a domain: ", host.status().message()));
  return Pattern{Pattern::Kind::kHost, host->host.is_ip, host->port, std::move(host->host.name)};
}

size_t LabelCount(absl::string_view name) {
  if (name.empty()) return 0;
  return static_cast<size_t>(std::count(name.begin(), name.end(), '.')) + 1;
}

}  // namespace sallyport::domain
