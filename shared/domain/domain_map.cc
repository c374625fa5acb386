#include "shared/domain/domain_map.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sallyport::domain {
namespace {

// No host name ends in a number (ParseHost refuses it), so this is exact for normalised hosts.
bool IsAddress(absl::string_view host) {
  if (absl::StrContains(host, ':')) return true;
  const absl::string_view last = host.substr(host.rfind('.') + 1);
  return !last.empty() && std::all_of(last.begin(), last.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

std::vector<bool> StarsOf(absl::string_view name) {
  std::vector<bool> stars;
  for (absl::string_view label : absl::StrSplit(name, '.')) stars.push_back(label == "*");
  return stars;
}

// The host with `*` in the places of the shape. `out` is reused between shapes.
void Mask(absl::string_view host, const std::vector<bool>& stars, std::string* out) {
  out->clear();
  for (size_t label = 0; label < stars.size(); ++label) {
    const size_t dot = host.find('.');
    const absl::string_view text = host.substr(0, dot);
    if (label > 0) out->push_back('.');
    if (stars[label]) {
      out->push_back('*');
    } else {
      out->append(text.data(), text.size());
    }
    host.remove_prefix(dot == absl::string_view::npos ? host.size() : dot + 1);
  }
}

template <typename Slot>
int OfPort(const Slot& slot, uint16_t port) {
  for (const auto& [number, position] : slot.ports) {
    if (number == port) return position;
  }
  return PatternIndex::kNone;
}

}  // namespace

absl::StatusOr<PatternIndex> PatternIndex::Build(const std::vector<absl::string_view>& keys) {
  PatternIndex index;
  for (size_t i = 0; i < keys.size(); ++i) {
    const absl::Status status = index.Add(keys[i], static_cast<int>(i));
    if (status.code() == absl::StatusCode::kAlreadyExists) {
      return absl::InvalidArgumentError(
          absl::StrCat("domain key \"", keys[i], "\" ", status.message()));
    }
    if (!status.ok()) return status;
  }
  // Labels from the left, a literal before `*`; with a port before without.
  const auto before = [](const Shape& a, const Shape& b) {
    return a.with_port != b.with_port ? a.with_port : a.star < b.star;
  };
  for (auto& shapes : index.shapes_) std::sort(shapes.begin(), shapes.end(), before);
  return index;
}

absl::Status PatternIndex::Add(absl::string_view key, int position) {
  const auto pattern = ParsePattern(key);
  if (!pattern.ok()) return pattern.status();
  const auto twice = [&] {
    return absl::AlreadyExistsError(
        absl::StrCat("is there twice (both mean \"", pattern->ToString(), "\"): keep one"));
  };
  if (pattern->kind == Pattern::Kind::kDefault) {
    if (default_ != kNone) return twice();
    default_ = position;
    return absl::OkStatus();
  }
  const bool wildcard = pattern->kind == Pattern::Kind::kWildcard;
  Slot& slot = (wildcard ? wildcards_ : hosts_)[pattern->name];
  if (pattern->port == 0) {
    if (slot.any_port != kNone) return twice();
    slot.any_port = position;
  } else {
    if (OfPort(slot, pattern->port) != kNone) return twice();
    slot.ports.emplace_back(pattern->port, position);
  }
  if (wildcard) AddShape(*pattern);
  return absl::OkStatus();
}

void PatternIndex::AddShape(const Pattern& pattern) {
  const Shape shape{pattern.port != 0, StarsOf(pattern.name)};
  if (shapes_.size() <= shape.star.size()) shapes_.resize(shape.star.size() + 1);
  auto& shapes = shapes_[shape.star.size()];
  const auto same = [&](const Shape& other) {
    return other.with_port == shape.with_port && other.star == shape.star;
  };
  if (std::none_of(shapes.begin(), shapes.end(), same)) shapes.push_back(shape);
}

int PatternIndex::FindSpecific(absl::string_view host, uint16_t port) const {
  if (const auto it = hosts_.find(host); it != hosts_.end()) {
    const int exact = OfPort(it->second, port);
    if (exact != kNone) return exact;
    if (it->second.any_port != kNone) return it->second.any_port;
  }
  return FindWildcard(host, port);
}

int PatternIndex::FindWildcard(absl::string_view host, uint16_t port) const {
  const size_t labels = LabelCount(host);
  if (labels >= shapes_.size() || shapes_[labels].empty() || IsAddress(host)) return kNone;
  std::string masked;
  masked.reserve(host.size());
  for (const Shape& shape : shapes_[labels]) {
    Mask(host, shape.star, &masked);
    const auto it = wildcards_.find(masked);
    if (it == wildcards_.end()) continue;
    const int found = shape.with_port ? OfPort(it->second, port) : it->second.any_port;
    if (found != kNone) return found;
  }
  return kNone;
}

}  // namespace sallyport::domain
