#include "dataplane/route/offered_tls.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "shared/cache/keyed_hash.h"

namespace sallyport::dataplane {

// There are two versions; the texts compare as they do.
bool OfferedTls::Takes(absl::string_view protocol) const {
  const absl::string_view number = absl::StripPrefix(protocol, "TLSv");
  return (min_version.empty() || number >= min_version) &&
         (max_version.empty() || number <= max_version);
}

bool OfferedTls::TakesCipher(absl::string_view protocol, absl::string_view cipher) const {
  const std::string& list = protocol == "TLSv1.3" ? tls13_ciphers : tls12_ciphers;
  if (list.empty()) return true;
  const std::vector<absl::string_view> names = absl::StrSplit(list, ':');
  return std::find(names.begin(), names.end(), cipher) != names.end();
}

OfferedTls OfferedTls::Over(const OfferedTls& listener) const {
  OfferedTls both = *this;
  if (both.min_version.empty()) both.min_version = listener.min_version;
  if (both.max_version.empty()) both.max_version = listener.max_version;
  if (both.tls12_ciphers.empty()) both.tls12_ciphers = listener.tls12_ciphers;
  if (both.tls13_ciphers.empty()) both.tls13_ciphers = listener.tls13_ciphers;
  return both;
}

OfferedTlsPtr MakeOfferedTls(std::string min_version, std::string max_version,
                             const std::vector<std::string>& ciphers) {
  OfferedTls offered;
  offered.min_version = std::move(min_version);
  offered.max_version = std::move(max_version);
  for (const std::string& name : ciphers) {
    std::string& list =
        absl::StartsWith(name, "TLS_") ? offered.tls13_ciphers : offered.tls12_ciphers;
    absl::StrAppend(&list, list.empty() ? "" : ":", name);
  }
  cache::KeyBuilder builder;
  builder.Add("offered-tls-1").Add(offered.min_version).Add(offered.max_version);
  builder.Add(offered.tls12_ciphers).Add(offered.tls13_ciphers);
  // A fixed key: the same on every replica.
  offered.version = std::max<uint64_t>(cache::KeyedHash(cache::HashKey{}, builder.View()).low, 1);
  return std::make_shared<const OfferedTls>(std::move(offered));
}

}  // namespace sallyport::dataplane
