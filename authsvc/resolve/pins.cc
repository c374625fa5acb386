#include "authsvc/resolve/pins.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "authsvc/resolve/visible.h"
#include "authsvc/snapshot/snapshot.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kDigestBytes = 32;

// Every item of a field of comma lists, trimmed, without the empty ones.
template <typename Field>
std::vector<std::string> Items(const Field& field) {
  std::vector<std::string> items;
  for (const std::string& list : field) {
    for (absl::string_view item : absl::StrSplit(list, ',')) {
      item = absl::StripAsciiWhitespace(item);
      if (!item.empty()) items.emplace_back(item);
    }
  }
  return items;
}

}  // namespace

ResolvedPins ResolvePins(const Snapshot& snapshot, absl::string_view org, const v1::PinList& list) {
  ResolvedPins pins;
  for (std::string& reference : Items(list.certificate_ids())) {
    const CertificateEntry* const entry = snapshot.FindCertificate(org, reference);
    if (entry == nullptr || !MayUse(org, entry->org_id())) {
      pins.unusable.push_back(reference);
      pins.certificate_ids.push_back(std::move(reference));
      continue;
    }
    const auto& digest = entry->spki_sha256;
    pins.spki_sha256.emplace_back(reinterpret_cast<const char*>(digest.data()), digest.size());
    pins.certificate_ids.push_back(entry->id);
    if (reference != entry->id) pins.certificate_ids.push_back(std::move(reference));
  }
  for (std::string& hex : Items(list.spki_sha256())) {
    auto digest = base::FromHex(hex);
    if (digest.ok() && digest->size() == kDigestBytes) {
      pins.spki_sha256.push_back(*std::move(digest));
    } else {
      pins.unusable.push_back(std::move(hex));
    }
  }
  std::sort(pins.spki_sha256.begin(), pins.spki_sha256.end());
  pins.spki_sha256.erase(std::unique(pins.spki_sha256.begin(), pins.spki_sha256.end()),
                         pins.spki_sha256.end());
  return pins;
}

}  // namespace sallyport::authsvc
