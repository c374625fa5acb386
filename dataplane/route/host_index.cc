#include "dataplane/route/host_index.h"

#include <algorithm>

namespace sallyport::dataplane {
namespace {

template <typename Key>
void Count(const Key& key, int sign, std::map<Key, int>* counts) {
  auto [at, added] = counts->try_emplace(key, 0);
  at->second += sign;
  if (at->second <= 0) counts->erase(at);
}

}  // namespace

void CountRoute(const Route& route, int sign, HostIndex* index) {
  index->routes += sign;
  const MatchRules::Path path = route.matching.path;
  if (path == MatchRules::Path::kExact) index->exact_routes += sign;
  if (path == MatchRules::Path::kSegments)
    Count(SegmentsOf(TrimmedListenPath(route.listen_path)), sign, &index->depths);
  const bool loose = path == MatchRules::Path::kSegments && route.loose_prefix;
  if (loose || path == MatchRules::Path::kPrefix) {
    Count(static_cast<uint32_t>(LooseListenPath(route.listen_path).size()), sign,
          &index->loose_lengths);
  }
  if (!route.CanUseCertificate()) return;
  index->certificate_routes += sign;
  if (!route.announce_client_cas) {
    index->silent_routes += sign;
    return;
  }
  for (const std::string& name : route.client_ca_names) Count(name, sign, &index->ca_names);
}

std::string LooseListenPath(absl::string_view listen_path) {
  std::string path = "/";
  for (char c : listen_path) {
    if (c != '/' || path.back() != '/') path.push_back(c);
  }
  return path;
}

std::string TrimmedListenPath(absl::string_view listen_path) {
  std::string path = LooseListenPath(listen_path);
  if (path.back() == '/') path.pop_back();
  return path;
}

size_t TrimmedListenLength(absl::string_view listen_path) {
  size_t length = 1;
  char last = '/';
  for (char c : listen_path) {
    if (c == '/' && last == '/') continue;
    ++length;
    last = c;
  }
  return last == '/' ? length - 1 : length;
}

uint32_t SegmentsOf(absl::string_view trimmed_path) {
  return static_cast<uint32_t>(std::count(trimmed_path.begin(), trimmed_path.end(), '/'));
}

}  // namespace sallyport::dataplane
