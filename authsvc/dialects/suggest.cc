#include "authsvc/dialects/suggest.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr size_t kLongestName = 64;

std::string Plain(absl::string_view name) {
  std::string plain;
  for (char c : name) {
    if (c == ' ' || c == '\t') continue;
    plain.push_back(c == '-' ? '_' : absl::ascii_tolower(static_cast<unsigned char>(c)));
  }
  return plain;
}

// Optimal string alignment: insert, delete, change, swap of neighbours cost one each.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({change, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

bool OneTypoAway(absl::string_view name, absl::string_view known) {
  if (name.size() > known.size() + 8 || known.size() > name.size() + 1) return false;
  const std::string plain = Plain(name);
  if (plain.size() > known.size() + 1) return false;
  const std::string lower = Plain(known);
  return plain == lower || (known.size() > 3 && Distance(plain, lower) <= 1);
}

absl::string_view Nearest(absl::string_view name, absl::Span<const absl::string_view> known) {
  if (name.size() > kLongestName) return "";
  const std::string plain = Plain(name);
  absl::string_view best;
  size_t least = plain.size() / 3 + 1;
  for (absl::string_view candidate : known) {
    const size_t distance = Distance(plain, Plain(candidate));
    if (distance < least ||
        (distance == least && best.empty() && distance <= 2 && plain.size() > 4)) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

std::string DidYouMean(absl::string_view name, absl::Span<const absl::string_view> known) {
  const absl::string_view nearest = Nearest(name, known);
  return nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?");
}

}  // namespace sallyport::authsvc::dialects
