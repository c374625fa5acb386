#include "dataplane/exchange/client_address.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace sallyport::dataplane {

bool IsTrustedProxy(const std::vector<AddressRange>& trusted, absl::string_view address) {
  if (trusted.empty()) return false;
  const std::optional<AddressRange> parsed = ParseAddressRange(address);
  if (!parsed.has_value()) return false;
  return std::any_of(trusted.begin(), trusted.end(),
                     [&](const AddressRange& range) { return Contains(range, *parsed); });
}

std::string ForwardedClient(const std::vector<AddressRange>& trusted, const HeaderFields& fields,
                            absl::string_view peer) {
  // From right to left, over several fields as if they were one list.
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    if (!NameIs(field->name, "x-forwarded-for")) continue;
    absl::string_view list = field->value;
    while (!list.empty()) {
      const size_t comma = list.rfind(',');
      const absl::string_view item = absl::StripAsciiWhitespace(
          comma == absl::string_view::npos ? list : list.substr(comma + 1));
      list = comma == absl::string_view::npos ? absl::string_view() : list.substr(0, comma);
      if (item.find('/') != absl::string_view::npos || !ParseAddressRange(item).has_value()) {
        return std::string(peer);
      }
      if (!IsTrustedProxy(trusted, item)) return std::string(item);
    }
  }
  return std::string(peer);
}

}  // namespace sallyport::dataplane
