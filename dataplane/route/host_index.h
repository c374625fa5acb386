// What a route table knows of one host entry on one port: how deep its listen paths go, and what
// the handshake must ask for. Values; private to dataplane/route.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/route/route.h"

namespace sallyport::dataplane {

struct HostIndex {
  int routes = 0;
  int exact_routes = 0;                   // of these: their path and nothing else
  std::map<uint32_t, int> depths;         // segments of a listen path → how many have as many
  std::map<uint32_t, int> loose_lengths;  // bytes of a loose listen path → how many
  int certificate_routes = 0;             // can use a client certificate
  int silent_routes = 0;                  // of these: announce no CA names
  std::map<std::string, int> ca_names;
};

// Counts a route in (sign 1) or out (sign -1).
void CountRoute(const Route& route, int sign, HostIndex* index);

// A listen path without its trailing slash, "" for "/"; one slash at the start, none doubled.
[[nodiscard]] std::string TrimmedListenPath(absl::string_view listen_path);
// The same with the trailing slash kept: what a loose prefix compares.
[[nodiscard]] std::string LooseListenPath(absl::string_view listen_path);
// Its length, without making it.
[[nodiscard]] size_t TrimmedListenLength(absl::string_view listen_path);
[[nodiscard]] uint32_t SegmentsOf(absl::string_view trimmed_path);

}  // namespace sallyport::dataplane
