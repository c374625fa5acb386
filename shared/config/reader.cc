#include "shared/config/reader.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace sallyport::config {
namespace {

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
      diagonal = above;
    }
  }
  return row[b.size()];
}

bool ParseByteCount(absl::string_view text, uint64_t* out) {
  uint64_t unit = 1;
  if (absl::ConsumeSuffix(&text, "KiB"))
    unit = 1ULL << 10;
  else if (absl::ConsumeSuffix(&text, "MiB"))
    unit = 1ULL << 20;
  else if (absl::ConsumeSuffix(&text, "GiB"))
    unit = 1ULL << 30;
  uint64_t count = 0;
  if (!absl::SimpleAtoi(text, &count) || count > UINT64_MAX / unit) return false;
  *out = count * unit;
  return true;
}

}  // namespace

std::string DidYouMean(absl::string_view typed, const std::vector<std::string>& known) {
  const std::string lower = absl::AsciiStrToLower(typed);
  std::string best;
  size_t best_distance = std::max<size_t>(2, typed.size() / 3) + 1;
  for (const std::string& name : known) {
    const size_t distance = EditDistance(lower, name);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

Reader::Reader(const Node* node, std::string path, std::vector<std::string>* errors,
               std::vector<Setting>* settings)
    : node_(node), path_(std::move(path)), errors_(errors), settings_(settings) {
  if (node_ != nullptr && node_->kind == Node::Kind::kNull) node_ = nullptr;
  if (node_ != nullptr && node_->kind != Node::Kind::kMap) {
    errors_->push_back(absl::StrCat(node_->origin, ": ", path_.empty() ? "the file" : path_,
                                    " must have named settings under it"));
    node_ = nullptr;
  }
}

Reader::~Reader() { CheckUnknown(); }

std::string Reader::PathOf(absl::string_view name) const {
  return path_.empty() ? std::string(name) : absl::StrCat(path_, ".", name);
}

const Node* Reader::Take(absl::string_view name) {
  known_.emplace_back(name);
  if (node_ == nullptr) return nullptr;
  const Node* found = node_->Find(name);
  return found == nullptr || found->kind == Node::Kind::kNull ? nullptr : found;
}

const Node* Reader::TakeScalar(absl::string_view name) {
  const Node* node = Take(name);
  if (node == nullptr || node->kind == Node::Kind::kScalar) return node;
  Fail(name, "must be one plain value");
  return nullptr;
}

void Reader::Record(absl::string_view name, std::string value, absl::string_view help) {
  if (settings_ == nullptr) return;
  settings_->push_back({PathOf(name), std::move(value), std::string(help)});
}

void Reader::Fail(absl::string_view name, absl::string_view message) {
  const Node* node = node_ == nullptr ? nullptr : node_->Find(name);
  errors_->push_back(absl::StrCat(node == nullptr ? "configuration" : node->origin, ": ",
                                  PathOf(name), " ", message));
}

void Reader::CheckUnknown() {
  if (node_ == nullptr) return;
  for (const auto& [name, value] : node_->fields) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    if (std::find(refused_.begin(), refused_.end(), name) != refused_.end())
      continue;  // said already
    const std::string close = DidYouMean(name, known_);
    errors_->push_back(
        absl::StrCat(value.origin, ": unknown setting '", PathOf(name), "'",
                     close.empty() ? absl::StrCat("; known here: ", absl::StrJoin(known_, ", "))
                                   : absl::StrCat(", did you mean '", PathOf(close), "'?")));
  }
}

void Reader::Text(absl::string_view name, std::string* out, absl::string_view help) {
  if (const Node* node = TakeScalar(name)) *out = node->scalar;
  Record(name, *out, help);
}

void Reader::OneOf(absl::string_view name, std::string* out, std::vector<absl::string_view> allowed,
                   absl::string_view help) {
  if (const Node* node = TakeScalar(name)) {
    *out = node->scalar;
    if (std::find(allowed.begin(), allowed.end(), *out) == allowed.end()) {
      Fail(name, absl::StrCat("must be one of ", absl::StrJoin(allowed, ", ")));
    }
  }
  Record(name, *out, help);
}

void Reader::Flag(absl::string_view name, bool* out, absl::string_view help) {
  if (const Node* node = TakeScalar(name)) {
    if (node->scalar == "true")
      *out = true;
    else if (node->scalar == "false")
      *out = false;
    else
      Fail(name, "must be true or false");
  }
  Record(name, *out ? "true" : "false", help);
}

void Reader::Number(absl::string_view name, uint32_t* out, uint32_t least, uint32_t most,
                    absl::string_view help) {
  if (const Node* node = TakeScalar(name)) {
    uint32_t value = 0;
    if (!absl::SimpleAtoi(node->scalar, &value) || value < least || value > most) {
      Fail(name, absl::StrCat("must be a number from ", least, " to ", most));
    } else {
      *out = value;
    }
  }
  Record(name, absl::StrCat(*out), help);
}

void Reader::Port(absl::string_view name, uint16_t* out, absl::string_view help) {
  uint32_t value = *out;
  Number(name, &value, 0, 65535, help);
  *out = static_cast<uint16_t>(value);
}

void Reader::Time(absl::string_view name, absl::Duration* out, absl::Duration least,
                  absl::Duration most, absl::string_view help) {
  if (const Node* node = TakeScalar(name)) {
    absl::Duration value;
    if (!absl::ParseDuration(node->scalar, &value) || value < least || value > most) {
      Fail(name, absl::StrCat("must be a time with its unit, such as 500ms or 30s, from ",
                              absl::FormatDuration(least), " to ", absl::FormatDuration(most)));
    } else {
      *out = value;
    }
  }
  Record(name, absl::FormatDuration(*out), help);
}

void Reader::Bytes(absl::string_view name, uint64_t* out, uint64_t least, uint64_t most,
                   absl::string_view help) {
  if (const Node* node = TakeScalar(name)) {
    uint64_t value = 0;
    if (!ParseByteCount(node->scalar, &value) || value < least || value > most) {
      Fail(name, absl::StrCat("must be a size such as 65536, 64KiB or 1MiB, from ", least, " to ",
                              most, " bytes"));
    } else {
      *out = value;
    }
  }
  Record(name, absl::StrCat(*out), help);
}

void Reader::Texts(absl::string_view name, std::vector<std::string>* out, absl::string_view help) {
  if (const Node* node = Take(name)) {
    out->clear();
    if (node->kind == Node::Kind::kScalar) {
      if (!node->scalar.empty()) out->push_back(node->scalar);  // one item without brackets
    } else if (node->kind == Node::Kind::kList) {
      for (const Node& item : node->items) {
        if (item.kind == Node::Kind::kScalar)
          out->push_back(item.scalar);
        else
          Fail(name, "must be a list of plain values");
      }
    } else {
      Fail(name, "must be a list");
    }
  }
  Record(name, absl::StrCat("[", absl::StrJoin(*out, ", "), "]"), help);
}

void Reader::Object(absl::string_view name, const std::function<void(Reader&)>& read) {
  Reader inner(Take(name), PathOf(name), errors_, settings_);
  read(inner);
}

void Reader::Refused(absl::string_view name, absl::string_view why) {
  if (node_ != nullptr && node_->Find(name) != nullptr) Fail(name, why);
  refused_.emplace_back(name);
}

void Reader::EachItem(absl::string_view name, const std::function<void(Reader&)>& read) {
  const Node* node = Take(name);
  if (node == nullptr) return;
  if (node->kind != Node::Kind::kList) return Fail(name, "must be a list");
  for (size_t i = 0; i < node->items.size(); ++i) {
    Reader inner(&node->items[i], absl::StrCat(PathOf(name), ".", i), errors_, settings_);
    read(inner);
  }
}

}  // namespace sallyport::config
