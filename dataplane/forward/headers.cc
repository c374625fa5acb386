#include "dataplane/forward/headers.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "dataplane/http/printable.h"
#include "shared/base/appender.h"
#include "shared/header/names.h"

namespace sallyport::dataplane {
namespace {

bool AnyIs(absl::string_view name, std::initializer_list<absl::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](absl::string_view one) { return header::SameName(name, one); });
}

// Sizes first: nearly all names differ there already.
bool Same(absl::string_view one, absl::string_view other) {
  return one.size() == other.size() && header::SameName(one, other);
}

bool Listed(absl::Span<const absl::string_view> names, absl::string_view name) {
  for (const absl::string_view one : names) {
    if (Same(one, name)) return true;
  }
  return false;
}

bool IsSet(absl::Span<const HeaderField> set, absl::string_view name) {
  for (const HeaderField& one : set) {
    if (Same(one.name, name)) return true;
  }
  return false;
}

// What a name says by itself.
enum class Named : uint8_t { kAnything, kHopByHop, kFraming, kRequestOnly, kIdentity, kAddress };

Named NamedOfAnyName(absl::string_view name) {
  if (IsHopByHop(name)) return Named::kHopByHop;
  if (AnyIs(name, {"content-length", "transfer-encoding"})) return Named::kFraming;
  if (AnyIs(name, {"host", "expect"})) return Named::kRequestOnly;
  if (header::IsIdentityHeader(name)) return Named::kIdentity;
  return header::IsAddressHeader(name) ? Named::kAddress : Named::kAnything;
}

// Where a name is kept: only a matter of speed.
size_t PlaceOf(absl::string_view name, size_t places) {
  uint64_t first = 0, last = 0;
  const size_t bytes = std::min(name.size(), sizeof first);
  std::memcpy(&first, name.data(), bytes);
  std::memcpy(&last, name.data() + (name.size() - bytes), bytes);
  const uint64_t mixed = (first ^ (last << 7) ^ (last >> 11) ^ name.size()) * 0x9E3779B97F4A7C15u;
  return static_cast<size_t>(mixed >> 32) % places;
}

// Long lists are looked through for that, and the same few names come with every message: what was
// found is kept by exact spelling. Per thread; a caller who makes up names only puts others in
// their place.
Named NamedOf(absl::string_view name) {
  constexpr size_t kMaxLength = 64;
  constexpr size_t kPlaces = 512;
  struct Known {
    std::string name;
    Named named = Named::kAnything;
  };
  if (name.empty() || name.size() > kMaxLength) return NamedOfAnyName(name);
  thread_local std::vector<Known> all(kPlaces);
  Known& known = all[PlaceOf(name, kPlaces)];
  if (known.name != name) {
    const Named named = NamedOfAnyName(name);
    known.name.assign(name.data(), name.size());
    known.named = named;
  }
  return known.named;
}

bool MayPass(Named named, Sender sender) {
  return named == Named::kAnything || (named == Named::kAddress && sender == Sender::kTrustedProxy);
}

bool Passes(const HeaderField& field, const std::vector<absl::string_view>& listed,
            absl::Span<const HeaderField> set, absl::Span<const absl::string_view> remove,
            Sender sender) {
  return MayPass(NamedOf(field.name), sender) && !Listed(listed, field.name) &&
         !IsSet(set, field.name) && !Listed(remove, field.name);
}

// Of a "Name: value" line, with its end.
size_t LineBytes(const HeaderField& field) { return field.name.size() + field.value.size() + 4; }

size_t LinesBytes(absl::Span<const HeaderField> fields) {
  size_t bytes = 0;
  for (const HeaderField& field : fields) bytes += LineBytes(field);
  return bytes;
}

void MaskControls(char* begin, const char* end) {
  for (char* at = begin; at != end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) *at = '?';
  }
}

void PutOurField(const HeaderField& field, base::Appender* out) {
  out->Put(field.name);
  out->Put(": ");
  out->Put(field.value);
  if (!IsPrintable(field.value)) MaskControls(out->end() - field.value.size(), out->end());
  out->Put("\r\n");
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
    if (!Same(field.name, "connection")) continue;
    for (const absl::string_view part : absl::StrSplit(field.value, ',')) {
      const absl::string_view name = absl::StripAsciiWhitespace(part);
      if (!name.empty()) names.push_back(name);
    }
  }
  return names;
}

void PutField(const HeaderField& field, base::Appender* out) {
  out->Put(field.name);
  out->Put(": ");
  out->Put(field.value);
  out->Put("\r\n");
}

void AppendRequestFields(const HeaderFields& fields, absl::Span<const HeaderField> set,
                         absl::Span<const absl::string_view> remove, Sender sender,
                         std::string* out) {
  const std::vector<absl::string_view> listed = ConnectionListed(fields);
  base::Appender to(out, LinesBytes(fields) + LinesBytes(set));
  for (const HeaderField& field : fields) {
    if (Passes(field, listed, set, remove, sender)) PutField(field, &to);
  }
  for (const HeaderField& field : set) PutOurField(field, &to);
}

void CleanRequest(const HeaderFields& fields, absl::Span<const HeaderField> set,
                  absl::Span<const absl::string_view> remove, Sender sender, HeaderFields* out) {
  const std::vector<absl::string_view> listed = ConnectionListed(fields);
  out->clear();
  out->reserve(fields.size() + set.size());
  for (const HeaderField& field : fields) {
    if (Passes(field, listed, set, remove, sender)) out->push_back(field);
  }
  out->insert(out->end(), set.begin(), set.end());
}

void CleanResponse(const HeaderFields& fields, const AnswerChanges& changes, HeaderFields* out) {
  const std::vector<absl::string_view> listed = ConnectionListed(fields);
  out->clear();
  out->reserve(fields.size() + changes.set.size() + changes.add.size());
  for (const HeaderField& field : fields) {
    const Named named = NamedOf(field.name);
    if (named == Named::kHopByHop || named == Named::kFraming || Listed(listed, field.name) ||
        IsSet(changes.set, field.name) || Listed(changes.remove, field.name)) {
      continue;
    }
    const bool varies = changes.client_cert && Same(field.name, "vary") &&
                        (ListHasToken(field.value, "client-cert") ||
                         ListHasToken(field.value, "client-cert-chain"));
    out->push_back(varies ? HeaderField{field.name, "*"} : field);
  }
  out->insert(out->end(), changes.set.begin(), changes.set.end());
  out->insert(out->end(), changes.add.begin(), changes.add.end());
}

HeaderFields CleanTrailers(const HeaderFields& trailers, absl::Span<const HeaderField> set,
                           absl::Span<const absl::string_view> remove) {
  HeaderFields kept;
  for (const HeaderField& field : trailers) {
    if (!MayPass(NamedOf(field.name), Sender::kAnybody) || IsSet(set, field.name) ||
        Listed(remove, field.name))
      continue;
    kept.push_back(field);
  }
  return kept;
}

}  // namespace sallyport::dataplane
