#include "authsvc/dialects/apisix/placement.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

bool IsWildcard(absl::string_view name) { return absl::StartsWith(name, "*."); }

// The wildcard that stands for this name; empty: none.
std::string WildcardOf(absl::string_view name) {
  const size_t dot = name.find('.');
  if (IsWildcard(name) || dot == absl::string_view::npos || dot == 0) return "";
  return absl::StrCat("*", name.substr(dot));
}

// Hosts of wildcards have names with SSL objects of their own.
void AddInsideWildcard(const std::string& wildcard, const std::set<std::string>& hosts,
                       const SslIndex& ssls, std::vector<Placement>* out) {
  const SslIndex::Ssl* const outer = ssls.Find(wildcard);
  for (const SslIndex::Ssl& ssl : ssls.all()) {
    Placement inside{{}, 1, &ssl};
    for (const std::string& name : ssl.names) {
      if (WildcardOf(name) == wildcard && hosts.count(name) == 0 && ssls.Find(name) == &ssl)
        inside.hosts.push_back(name);
    }
    if (inside.hosts.empty() || outer == &ssl || !(Demands(outer) || Demands(&ssl))) continue;
    out->push_back(std::move(inside));
  }
}

}  // namespace

std::vector<Placement> PlacementsOf(const std::vector<std::string>& hosts, const SslIndex& ssls) {
  std::vector<Placement> out;
  if (hosts.empty()) {
    out.emplace_back();
    for (const SslIndex::Ssl& ssl : ssls.all()) {
      Placement one{{}, 2, &ssl};
      for (const std::string& name : ssl.names) {
        const std::string wildcard = WildcardOf(name);
        const bool covered = !wildcard.empty() && Demands(ssls.Find(wildcard));
        if (ssls.Find(name) == &ssl && (Demands(&ssl) || covered)) one.hosts.push_back(name);
      }
      if (!one.hosts.empty()) out.push_back(std::move(one));
    }
    return out;
  }
  const std::set<std::string> all(hosts.begin(), hosts.end());
  for (const std::string& host : all) {
    const SslIndex::Ssl* const ssl = ssls.Find(host);
    const auto same = std::find_if(out.begin(), out.end(), [&](const Placement& one) {
      return one.tier == 0 && one.ssl == ssl;
    });
    if (same != out.end())
      same->hosts.push_back(host);
    else
      out.push_back({{host}, 0, ssl});
  }
  for (const std::string& host : all) {
    if (IsWildcard(host)) AddInsideWildcard(host, all, ssls, &out);
  }
  return out;
}

const SslIndex::Ssl* SslIndex::Find(const std::string& name) const {
  auto at = by_name_.find(name);
  if (at == by_name_.end()) at = by_name_.find(WildcardOf(name));
  return at == by_name_.end() ? nullptr : &all_[at->second];
}

}  // namespace sallyport::authsvc::dialects::apisix
