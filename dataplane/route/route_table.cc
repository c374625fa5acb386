#include "dataplane/route/route_table.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "dataplane/route/host_index.h"
#include "dataplane/route/persistent_map.h"
#include "shared/cache/keyed_hash.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::dataplane {
namespace {

// More names than this are announced by no one: the message would outgrow what clients take.
constexpr size_t kMaxAnnouncedBytes = 32 << 10;

// Routes of one (port, host, listen path), in the order in which they are asked: by their matching,
// then by API id, so that every replica picks the same.
using PathRoutes = std::vector<RoutePtr>;

bool AskedBefore(const Route& a, const Route& b) {
  const int order = a.matching.Compare(b.matching);
  return order != 0 ? order < 0 : a.api_id < b.api_id;
}

struct RegexHost {
  RoutePlace port;
  std::string text;
  domain::HostPattern pattern;
  int routes;
};
using RegexHosts = std::vector<RegexHost>;

// Routes that name the port of a default listener are those of all.
RoutePlace Normal(const std::vector<uint16_t>& defaults, RoutePlace port) {
  return std::find(defaults.begin(), defaults.end(), port) != defaults.end() ? 0 : port;
}

// Keys of both maps: "<port>|<host entry>", and that + a kind byte + listen path.
std::string HostKey(RoutePlace port, absl::string_view entry) {
  return absl::StrCat(port, "|", entry);
}
constexpr char kStrict = '\0', kLoose = '\1', kExact = '\2';
// Before the host entry of a route that stands in for one of more hosts; in no host.
constexpr absl::string_view kTiers[] = {"", "\1", "\2"};

bool IsAddress(absl::string_view host) {
  if (absl::StrContains(host, ':')) return true;
  const absl::string_view last = host.substr(host.rfind('.') + 1);
  return !last.empty() && std::all_of(last.begin(), last.end(),
                                      [](unsigned char c) { return absl::ascii_isdigit(c); });
}

uint64_t VersionOf(bool request, const std::vector<std::string>& announce) {
  cache::KeyBuilder builder;
  builder.Add("client-tls-1").Add(request ? 1u : 0u);
  for (const std::string& name : announce) builder.Add(name);
  // A fixed key: the same on every replica.
  return cache::KeyedHash(cache::HashKey{}, builder.View()).low;
}

struct Parts {
  std::vector<uint16_t> default_ports;
  PersistentMap<RoutePtr> apis;
  PersistentMap<HostIndex> hosts;
  PersistentMap<PathRoutes> paths;
  int tiered = 0;  // routes with a host tier
  std::map<ErrorStyle, int> styles;
  std::shared_ptr<const RegexHosts> regex_hosts = std::make_shared<const RegexHosts>();
  std::shared_ptr<const std::map<uint16_t, int>> ports =
      std::make_shared<const std::map<uint16_t, int>>();
  std::shared_ptr<const std::map<uint16_t, StreamPort>> streams =
      std::make_shared<const std::map<uint16_t, StreamPort>>();
};

// Never the same twice in a process, so that a memo of a table that is gone is not taken for one of
// another that was made at the same place.
uint64_t NextSerial() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

class SharedRouteTable final : public RouteTable {
 public:
  explicit SharedRouteTable(Parts parts) : serial_(NextSerial()), parts_(std::move(parts)) {}

  using RouteTable::ClientTlsVersion;
  using RouteTable::Find;
  const RoutePtr* Find(RoutePlace listen_port, absl::string_view host, absl::string_view path,
                       HostMemo* memo, Fits fits) const override;
  ClientTlsSettings ClientTls(absl::string_view sni, RoutePlace listen_port) const override;
  uint64_t ClientTlsVersion(absl::string_view host, RoutePlace listen_port,
                            HostMemo* memo) const override;
  RoutePtr FindApi(absl::string_view api_id) const override {
    const RoutePtr* found = parts_.apis.Find(api_id);
    return found == nullptr ? nullptr : *found;
  }
  size_t size() const override { return parts_.apis.size(); }
  std::optional<ErrorStyle> CommonStyle() const override {
    return parts_.styles.size() == 1 ? std::optional(parts_.styles.begin()->first) : std::nullopt;
  }
  void ForEach(absl::FunctionRef<void(const Route&)> visit) const override {
    parts_.apis.ForEach([visit](const RoutePtr& route) { visit(*route); });
  }
  std::vector<uint16_t> ExtraPorts() const override;
  std::vector<StreamPort> StreamPorts() const override;
  std::shared_ptr<const RouteTable> With(const std::vector<RoutePtr>& put,
                                         const std::vector<std::string>& removed) const override;

 private:
  using Candidates = absl::Span<const HostMemo::Entry>;

  // Host entries that hold for `host`, most specific first.
  Candidates EntriesFor(RoutePlace listen_port, absl::string_view host, HostMemo* memo) const;
  void LookUp(RoutePlace port, absl::string_view host, HostMemo* memo) const;
  // `length`: how much of the path it takes; the most there is for an exact one.
  const RoutePtr* FindInHost(const HostMemo::Entry& entry, absl::string_view path, Fits fits,
                             size_t* length) const;
  // The first of those at a path of `key` that takes the request.
  const RoutePtr* FindAt(absl::string_view key, Fits fits) const;
  static ClientTlsSettings SettingsOf(Candidates candidates);

  const uint64_t serial_;
  const Parts parts_;
};

SharedRouteTable::Candidates SharedRouteTable::EntriesFor(RoutePlace listen_port,
                                                          absl::string_view host,
                                                          HostMemo* memo) const {
  if (memo->table != serial_ || memo->port != listen_port || memo->host != host) {
    memo->table = serial_;
    memo->port = listen_port;
    memo->host.assign(host.data(), host.size());
    memo->count = 0;
    memo->client_tls_version.reset();
    LookUp(Normal(parts_.default_ports, listen_port), host, memo);
  }
  return {memo->entries.data(), memo->count};
}

void SharedRouteTable::LookUp(RoutePlace port, absl::string_view host, HostMemo* memo) const {
  // `entry`: its two parts.
  uint8_t level = 0;
  const auto add = [&](absl::string_view tier, absl::string_view entry,
                       absl::string_view rest = "") {
    if (memo->count == memo->entries.size()) memo->entries.emplace_back();
    HostMemo::Entry& next = memo->entries[memo->count];
    next.key.clear();
    absl::StrAppend(&next.key, port, "|", tier, entry, rest);
    next.index = parts_.hosts.Find(next.key);
    next.level = level;
    if (next.index != nullptr) ++memo->count;
    return next.index != nullptr;
  };
  if (!host.empty()) {
    const bool tiered = parts_.tiered > 0;
    const bool address = IsAddress(host);
    const size_t dot = host.find('.');
    const bool has_wildcard = !address && dot != absl::string_view::npos && dot > 0;
    add("", host);
    ++level;
    if (tiered) add(kTiers[1], host);
    if (has_wildcard) add("", "*", host.substr(dot));
    for (const RegexHost& regex : *parts_.regex_hosts) {
      if (regex.port != port || !regex.pattern.Matches(host, address)) continue;
      if (level < UINT8_MAX - 1) ++level;
      add("", regex.text);
    }
    ++level;
    // What stands in for all hosts does so at the most specific name alone.
    if (tiered && !add(kTiers[2], host) && has_wildcard) add(kTiers[2], "*", host.substr(dot));
  }
  add("", "");
}

const RoutePtr* SharedRouteTable::FindAt(absl::string_view key, Fits fits) const {
  const PathRoutes* const routes = parts_.paths.Find(key);
  if (routes == nullptr) return nullptr;
  for (const RoutePtr& route : *routes) {
    if (!route->matching.conditional() || fits(*route)) return &route;
  }
  return nullptr;
}

const RoutePtr* SharedRouteTable::FindInHost(const HostMemo::Entry& entry, absl::string_view path,
                                             Fits fits, size_t* found_length) const {
  thread_local std::string key;
  key.assign(entry.key);
  const size_t head = key.size() + 1;
  key.push_back(kStrict);
  key.append(path.data(), path.size());
  const HostIndex& index = *entry.index;
  if (index.exact_routes > 0) {
    key[head - 1] = kExact;
    *found_length = SIZE_MAX;
    if (const RoutePtr* const found = FindAt(key, fits)) return found;
    key[head - 1] = kStrict;
  }

  // Ends of the first segments, as far down as some listen path of this host goes.
  const RoutePtr* best = nullptr;
  size_t best_length = 0;
  const uint32_t deepest = index.depths.empty() ? 0 : index.depths.rbegin()->first;
  absl::InlinedVector<size_t, 16> ends = {0};
  for (size_t at = 1; ends.size() <= deepest && at < path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    ends.push_back(slash);
    at = slash + 1;
  }
  for (size_t depth = ends.size(); depth-- > 0;) {
    if (index.depths.find(static_cast<uint32_t>(depth)) == index.depths.end()) continue;
    best = FindAt(absl::string_view(key).substr(0, head + ends[depth]), fits);
    if (best == nullptr) continue;
    best_length = ends[depth];
    break;
  }
  key[head - 1] = kLoose;
  for (auto at = index.loose_lengths.rbegin(); at != index.loose_lengths.rend(); ++at) {
    const size_t length = at->first;
    if (best != nullptr && length <= best_length) break;
    if (length > path.size()) continue;
    const RoutePtr* const found = FindAt(absl::string_view(key).substr(0, head + length), fits);
    *found_length = length;
    if (found != nullptr) return found;
  }
  *found_length = best_length;
  return best;
}

const RoutePtr* SharedRouteTable::Find(RoutePlace listen_port, absl::string_view host,
                                       absl::string_view path, HostMemo* memo, Fits fits) const {
  const RoutePtr* best = nullptr;
  size_t best_length = 0;
  const Candidates entries = EntriesFor(listen_port, host, memo);
  for (size_t i = 0; i < entries.size(); ++i) {
    size_t length = 0;
    const RoutePtr* const found = FindInHost(entries[i], path, fits, &length);
    if (found != nullptr && (best == nullptr || length > best_length)) {
      best = found;
      best_length = length;
    }
    const bool last = i + 1 == entries.size() || entries[i + 1].level != entries[i].level;
    if (best != nullptr && last) return best;
  }
  return nullptr;
}

ClientTlsSettings SharedRouteTable::SettingsOf(Candidates candidates) {
  ClientTlsSettings settings;
  std::set<std::string> names;
  size_t bytes = 0;
  bool announce = true;
  for (const HostMemo::Entry& candidate : candidates) {
    const HostIndex& index = *candidate.index;
    if (index.certificate_routes > 0) settings.request_certificate = true;
    // One API that announces nothing takes any CA: a list would keep its clients from answering.
    if (index.silent_routes > 0) announce = false;
    if (!announce) continue;
    for (const auto& [name, count] : index.ca_names) {
      if (names.insert(name).second) bytes += name.size();
    }
  }
  if (announce && bytes <= kMaxAnnouncedBytes) settings.announce.assign(names.begin(), names.end());
  settings.version = VersionOf(settings.request_certificate, settings.announce);
  if (!candidates.empty()) {
    const std::string& key = candidates.front().key;
    size_t at = key.find('|') + 1;
    if (at < key.size() && (key[at] == '\1' || key[at] == '\2')) ++at;
    settings.entry = key.substr(at);
  }
  return settings;
}

ClientTlsSettings SharedRouteTable::ClientTls(absl::string_view sni, RoutePlace listen_port) const {
  HostMemo memo;
  return SettingsOf(EntriesFor(listen_port, sni, &memo));
}

uint64_t SharedRouteTable::ClientTlsVersion(absl::string_view host, RoutePlace listen_port,
                                            HostMemo* memo) const {
  static const uint64_t kNothing = VersionOf(false, {}), kRequest = VersionOf(true, {});
  const Candidates candidates = EntriesFor(listen_port, host, memo);
  if (memo->client_tls_version.has_value()) return *memo->client_tls_version;
  bool request = false, names = false;
  for (const HostMemo::Entry& candidate : candidates) {
    request |= candidate.index->certificate_routes > 0;
    names |= !candidate.index->ca_names.empty();
  }
  const uint64_t version = names ? SettingsOf(candidates).version : request ? kRequest : kNothing;
  memo->client_tls_version = version;
  return version;
}

std::vector<uint16_t> SharedRouteTable::ExtraPorts() const {
  std::vector<uint16_t> ports;
  for (const auto& [port, count] : *parts_.ports) ports.push_back(port);
  return ports;
}

std::vector<StreamPort> SharedRouteTable::StreamPorts() const {
  std::vector<StreamPort> ports;
  for (const auto& [port, facts] : *parts_.streams) ports.push_back(facts);
  return ports;
}

// Takes routes in and out of a copy of the parts.
class TableEdit {
 public:
  explicit TableEdit(const Parts& from)
      : from_(from),
        apis_(from.apis),
        hosts_(from.hosts),
        paths_(from.paths),
        tiered_(from.tiered),
        styles_(from.styles) {}

  void Put(const RoutePtr& route) {
    Remove(route->api_id);
    apis_.Put(route->api_id, route);
    Place(route, 1);
  }
  void Remove(absl::string_view api_id) {
    const RoutePtr* old = apis_.Find(api_id);
    if (old == nullptr) return;
    const RoutePtr route = *old;
    Place(route, -1);
    apis_.Erase(api_id);
  }
  Parts Finish() && {
    Parts parts;
    parts.default_ports = from_.default_ports;
    parts.apis = std::move(apis_).Finish();
    parts.hosts = std::move(hosts_).Finish();
    parts.paths = std::move(paths_).Finish();
    parts.tiered = tiered_;
    parts.styles = std::move(styles_);
    parts.regex_hosts = regex_ == nullptr ? from_.regex_hosts : regex_;
    parts.ports = ports_ == nullptr ? from_.ports : ports_;
    parts.streams = streams_ == nullptr ? from_.streams : streams_;
    return parts;
  }

 private:
  void Place(const RoutePtr& route, int sign) {
    const RoutePlace port = route->IsHttp() ? Normal(from_.default_ports, route->listen_port)
                                            : StreamPlace(route->listen_port);
    if (!route->IsHttp()) {
      CountStream(*route, sign);
    } else if (port != 0) {
      CountPort(route->listen_port, sign);
    }
    if (route->IsHttp()) CountStyle(route->style, sign);
    if (route->matching.host_tier != 0) tiered_ += sign;
    std::set<std::string> entries(route->hosts.begin(), route->hosts.end());
    if (entries.empty()) entries.insert("");
    for (const std::string& entry : entries) PlaceInHost(route, port, entry, sign);
  }

  void PlaceInHost(const RoutePtr& route, RoutePlace port, const std::string& entry, int sign) {
    const auto pattern = domain::HostPattern::Parse(entry);
    if (!pattern.ok()) return;  // no host can ever mean it
    if (pattern->kind() == domain::HostPattern::Kind::kRegex)
      CountRegex(port, entry, *pattern, sign);
    const std::string text = absl::StrCat(
        kTiers[route->matching.host_tier],
        pattern->kind() == domain::HostPattern::Kind::kExact ? pattern->name() : entry);
    const std::string host_key = HostKey(port, text);
    const HostIndex* old = hosts_.Find(host_key);
    HostIndex index = old == nullptr ? HostIndex() : *old;
    CountRoute(*route, sign, &index);
    if (index.routes <= 0)
      hosts_.Erase(host_key);
    else
      hosts_.Put(host_key, std::move(index));
    const std::string strict(1, kStrict), loose(1, kLoose), exact(1, kExact);
    const MatchRules::Path path = route->matching.path;
    if (path == MatchRules::Path::kExact)
      return PlaceAt(route, absl::StrCat(host_key, exact, route->listen_path), sign);
    if (path == MatchRules::Path::kSegments)
      PlaceAt(route, absl::StrCat(host_key, strict, TrimmedListenPath(route->listen_path)), sign);
    if (route->loose_prefix || path == MatchRules::Path::kPrefix) {
      PlaceAt(route, absl::StrCat(host_key, loose, LooseListenPath(route->listen_path)), sign);
    }
  }

  void PlaceAt(const RoutePtr& route, const std::string& key, int sign) {
    const PathRoutes* old = paths_.Find(key);
    PathRoutes routes = old == nullptr ? PathRoutes() : *old;
    std::erase_if(routes, [&](const RoutePtr& other) { return other->api_id == route->api_id; });
    if (sign > 0) {
      const auto at = std::find_if(routes.begin(), routes.end(), [&](const RoutePtr& other) {
        return AskedBefore(*route, *other);
      });
      routes.insert(at, route);
    }
    if (routes.empty())
      paths_.Erase(key);
    else
      paths_.Put(key, std::move(routes));
  }

  void CountStyle(ErrorStyle style, int sign) {
    int& count = styles_[style];
    count += sign;
    if (count <= 0) styles_.erase(style);
  }

  void CountPort(uint16_t port, int sign) {
    if (ports_ == nullptr) ports_ = std::make_shared<std::map<uint16_t, int>>(*from_.ports);
    int& count = (*ports_)[port];
    count += sign;
    if (count <= 0) ports_->erase(port);
  }

  void CountStream(const Route& route, int sign) {
    if (streams_ == nullptr)
      streams_ = std::make_shared<std::map<uint16_t, StreamPort>>(*from_.streams);
    StreamPort& facts = (*streams_)[route.listen_port];
    facts.port = route.listen_port;
    (route.protocol == ApiProtocol::kTls ? facts.tls : facts.tcp) += sign;
    if (route.proxy_protocol) facts.proxied += sign;
    if (facts.tls + facts.tcp <= 0) streams_->erase(route.listen_port);
  }

  void CountRegex(RoutePlace port, const std::string& text, const domain::HostPattern& pattern,
                  int sign) {
    if (regex_ == nullptr) regex_ = std::make_shared<RegexHosts>(*from_.regex_hosts);
    const auto at = std::find_if(regex_->begin(), regex_->end(), [&](const RegexHost& other) {
      return other.port == port && other.text == text;
    });
    if (at == regex_->end()) {
      // Longest text first, then by text: the same order on every replica.
      const auto before = std::find_if(regex_->begin(), regex_->end(), [&](const RegexHost& other) {
        return other.text.size() < text.size() ||
               (other.text.size() == text.size() && other.text > text);
      });
      regex_->insert(before, RegexHost{port, text, pattern, sign});
      return;
    }
    at->routes += sign;
    if (at->routes <= 0) regex_->erase(at);
  }

  const Parts& from_;
  PersistentMap<RoutePtr>::Edit apis_;
  PersistentMap<HostIndex>::Edit hosts_;
  PersistentMap<PathRoutes>::Edit paths_;
  int tiered_;
  std::map<ErrorStyle, int> styles_;
  std::shared_ptr<RegexHosts> regex_;
  std::shared_ptr<std::map<uint16_t, int>> ports_;
  std::shared_ptr<std::map<uint16_t, StreamPort>> streams_;
};

std::shared_ptr<const RouteTable> SharedRouteTable::With(
    const std::vector<RoutePtr>& put, const std::vector<std::string>& removed) const {
  TableEdit edit(parts_);
  for (const std::string& api_id : removed) edit.Remove(api_id);
  for (const RoutePtr& route : put) edit.Put(route);
  return std::make_shared<const SharedRouteTable>(std::move(edit).Finish());
}

}  // namespace

RouteTablePtr RouteTable::Empty(std::vector<uint16_t> default_ports) {
  Parts parts;
  parts.default_ports = std::move(default_ports);
  return std::make_shared<const SharedRouteTable>(std::move(parts));
}

}  // namespace sallyport::dataplane
