#include "dataplane/forward/headers.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "shared/header/names.h"

namespace sallyport::dataplane {
namespace {

bool AnyIs(absl::string_view name, std::initializer_list<absl::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](absl::string_view one) { return header::SameName(name, one); });
}

// By first letter first: nearly every field is decided there.
bool IsFraming(absl::string_view name) {
  const char first = absl::ascii_tolower(static_cast<unsigned char>(name.front()));
  return (first == 'c' || first == 't') && AnyIs(name, {"content-length", "transfer-encoding"});
}

bool IsRequestOnly(absl::string_view name) {
  const char first = absl::ascii_tolower(static_cast<unsigned char>(name.front()));
  return (first == 'h' || first == 'e') && AnyIs(name, {"host", "expect"});
}

bool Listed(const std::vector<absl::string_view>& names, absl::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](absl::string_view one) { return header::SameName(one, name); });
}

bool IsSet(absl::Span<const HeaderField> set, absl::string_view name) {
  return std::any_of(set.begin(), set.end(),
                     [&](const HeaderField& one) { return header::SameName(one.name, name); });
}

bool IsRemoved(absl::Span<const absl::string_view> remove, absl::string_view name) {
  return std::any_of(remove.begin(), remove.end(),
                     [&](absl::string_view one) { return header::SameName(one, name); });
}

enum class Claim : uint8_t { kNone, kIdentity, kAddress };

Claim ClaimOfAnyName(absl::string_view name) {
  if (header::IsIdentityHeader(name)) return Claim::kIdentity;
  return header::IsAddressHeader(name) ? Claim::kAddress : Claim::kNone;
}

// shared/header looks through long lists, and the same few names come with every request: what it said is
// kept by exact spelling. Per thread; a caller who makes up names only empties it.
Claim ClaimOf(absl::string_view name) {
  constexpr size_t kMaxNames = 512;
  constexpr size_t kMaxLength = 64;
  if (name.size() > kMaxLength) return ClaimOfAnyName(name);
  thread_local absl::flat_hash_map<std::string, Claim> known;
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  if (known.size() >= kMaxNames) known.clear();
  return known[std::string(name)] = ClaimOfAnyName(name);
}

bool MayClaim(Sender sender, absl::string_view name) {
  const Claim claim = ClaimOf(name);
  return claim == Claim::kNone || (claim == Claim::kAddress && sender == Sender::kTrustedProxy);
}

void AppendField(const HeaderField& field, std::string* out) {
  out->append(field.name.data(), field.name.size());
  out->append(": ");
  out->append(field.value.data(), field.value.size());
  out->append("\r\n");
}

void AppendOurField(const HeaderField& field, std::string* out) {
  const size_t value_at = out->size() + field.name.size() + 2;
  AppendField(field, out);
  for (size_t i = value_at; i < out->size() - 2; ++i) {
    const auto byte = static_cast<unsigned char>((*out)[i]);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) (*out)[i] = '?';
  }
}

}  // namespace

bool IsHopByHop(absl::string_view name) {
  if (name.empty()) return true;
  switch (absl::ascii_tolower(static_cast<unsigned char>(name.front()))) {
    case 'c': return header::SameName(name, "connection");
    case 'k': return header::SameName(name, "keep-alive");
    case 'p': return AnyIs(name, {"proxy-connection", "proxy-authenticate", "proxy-authorization"});
    case 't': return AnyIs(name, {"te", "trailer", "transfer-encoding"});
    case 'u': return header::SameName(name, "upgrade");
    case 'h': return header::SameName(name, "http2-settings");
    default: return false;
  }
}

std::vector<absl::string_view> ConnectionListed(const HeaderFields& fields) {
  std::vector<absl::string_view> names;
  for (const HeaderField& field : fields) {
    if (!header::SameName(field.name, "connection")) continue;
    for (const absl::string_view part : absl::StrSplit(field.value, ',')) {
      const absl::string_view name = absl::StripAsciiWhitespace(part);
      if (!name.empty()) names.push_back(name);
    }
  }
  return names;
}

void AppendRequestFields(const HeaderFields& fields, absl::Span<const HeaderField> set,
                         absl::Span<const absl::string_view> remove, Sender sender, std::string* out) {
  const std::vector<absl::string_view> listed = ConnectionListed(fields);
  for (const HeaderField& field : fields) {
    if (IsHopByHop(field.name) || IsFraming(field.name) || IsRequestOnly(field.name) ||
        Listed(listed, field.name) || IsSet(set, field.name) || IsRemoved(remove, field.name) ||
        !MayClaim(sender, field.name)) {
      continue;
    }
    AppendField(field, out);
  }
  for (const HeaderField& field : set) AppendOurField(field, out);
}

void CleanResponse(const HeaderFields& fields, const AnswerChanges& changes, HeaderFields* out) {
  const std::vector<absl::string_view> listed = ConnectionListed(fields);
  out->clear();
  out->reserve(fields.size() + changes.set.size() + changes.add.size());
  for (const HeaderField& field : fields) {
    if (IsHopByHop(field.name) || IsFraming(field.name) || Listed(listed, field.name) ||
        IsSet(changes.set, field.name) || IsRemoved(changes.remove, field.name)) {
      continue;
    }
    out->push_back(field);
  }
  out->insert(out->end(), changes.set.begin(), changes.set.end());
  out->insert(out->end(), changes.add.begin(), changes.add.end());
}

HeaderFields CleanTrailers(const HeaderFields& trailers, absl::Span<const HeaderField> set,
                           absl::Span<const absl::string_view> remove) {
  HeaderFields kept;
  for (const HeaderField& field : trailers) {
    if (IsHopByHop(field.name) || IsFraming(field.name) || IsRequestOnly(field.name) ||
        IsSet(set, field.name) || IsRemoved(remove, field.name) ||
        !MayClaim(Sender::kAnybody, field.name)) {
      continue;
    }
    kept.push_back(field);
  }
  return kept;
}

}  // namespace sallyport::dataplane
