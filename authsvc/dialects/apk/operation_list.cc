// The endpoints of an operation's changes: the first that matches a request must be that of the
// operation that is found for it (shared/domain/operations.h), or one that changes nothing.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/apk/operations.h"
#include "re2/re2.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr char kNoSuchHeader[] = "x-apk-unchanged";

bool IsParameter(absl::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}' &&
         segment.substr(1, segment.size() - 2).find_first_of("{}") == absl::string_view::npos;
}

bool IsWide(absl::string_view path) {
  return absl::StrContains(path, "{") || absl::EndsWith(path, "*");
}

using Segments = std::vector<absl::string_view>;
Segments SegmentsOf(absl::string_view path) {
  return absl::StrSplit(absl::StripPrefix(path, "/"), '/');
}

// Whether requests for `path` may match the expression of `wide` as well.
bool Covers(const Segments& wide, const Segments& path) {
  for (size_t i = 0; i < wide.size(); ++i) {
    if (i >= path.size()) return false;
    if (wide[i] == "*" || path[i] == "*") return true;
    if (wide[i] != path[i] && !IsParameter(wide[i]) && !IsParameter(path[i])) return false;
  }
  return wide.size() == path.size();
}

// A change that changes nothing, of each kind that `other` has and `endpoint` has not.
void Shield(const v1::Endpoint& other, v1::Endpoint* endpoint) {
  const auto header = [](const v1::HeaderChange& theirs, v1::HeaderChange* own) {
    const bool changes = theirs.set_size() + theirs.remove_size() > 0;
    if (changes && own->set_size() + own->remove_size() == 0) own->add_remove(kNoSuchHeader);
  };
  header(other.request_headers(), endpoint->mutable_request_headers());
  header(other.response_headers(), endpoint->mutable_response_headers());
  if (!other.has_rewrite() || endpoint->has_rewrite()) return;
  endpoint->mutable_rewrite()->set_pattern("^$");  // no path is empty: never
  endpoint->mutable_rewrite()->set_target("/");
}

std::string MethodOf(const v1::Operation& operation) {
  return operation.methods_size() == 0 ? "" : operation.methods(0);
}

}  // namespace

OperationList::Key OperationList::KeyOf(const std::string& path, const std::string& method) {
  const auto parsed = domain::PathTemplate::Parse(path);
  return {parsed.ok() ? parsed->Shape() : path, method};
}

v1::Operation* OperationList::Add(const std::string& path, const std::string& method) {
  if (!seen_.insert(KeyOf(path, method)).second) return nullptr;
  v1::Operation* operation = version_.add_operations();
  operation->set_path(path);
  if (!method.empty()) operation->add_methods(method);
  return operation;
}

v1::Endpoint* OperationList::Change(const std::string& path, const std::string& method) {
  Changed& changed = changed_.emplace_back();
  changed.path = path;
  changed.key = KeyOf(path, method);
  if (auto parsed = domain::PathTemplate::Parse(path); parsed.ok())
    changed.place = *std::move(parsed);
  changed.endpoint = std::make_unique<v1::Endpoint>();
  changed.endpoint->mutable_rule()->set_path(PathRegex(path));
  if (!method.empty()) changed.endpoint->mutable_rule()->add_methods(method);
  return changed.endpoint.get();
}

// "/menu" of "/menu/*", with what is changed there. One that is listed itself, for this method or
// for all, is not taken the place of.
void OperationList::AddImplied() {
  std::map<Key, const v1::Endpoint*> own;
  for (const Changed& changed : changed_) own[changed.key] = changed.endpoint.get();
  const std::set<Key> listed = seen_;
  const int size = version_.operations_size();
  for (int i = 0; i < size; ++i) {
    const v1::Operation below = version_.operations(i);
    absl::string_view prefix = below.path();
    if (!absl::ConsumeSuffix(&prefix, "/*") || prefix.empty()) continue;
    const std::string path(prefix);
    const std::string method = MethodOf(below);
    if (listed.count(KeyOf(path, "")) > 0) continue;
    v1::Operation* itself = Add(path, method);
    if (itself == nullptr) continue;
    *itself = below;
    itself->set_path(path);
    const auto found = own.find(KeyOf(below.path(), method));
    if (found == own.end()) continue;
    v1::Endpoint* endpoint = Change(path, method);
    v1::Endpoint copy = *found->second;
    copy.mutable_rule()->Swap(endpoint->mutable_rule());
    endpoint->Swap(&copy);
  }
}

// An endpoint's expression matches what more special operations serve, too: what they do not change
// themselves is said of them, so that another one's change is not theirs.
void OperationList::ShieldOthers() {
  struct Wide {
    Key key;
    Segments segments;
    const v1::Endpoint* endpoint;
  };
  changed_.reserve(changed_.size() + static_cast<size_t>(version_.operations_size()));
  std::vector<Wide> wide;
  std::map<Key, v1::Endpoint*> own;
  for (const Changed& changed : changed_) {
    own[changed.key] = changed.endpoint.get();
    if (IsWide(changed.path))
      wide.push_back({changed.key, SegmentsOf(changed.path), changed.endpoint.get()});
  }
  for (const v1::Operation& operation : version_.operations()) {
    const std::string method = MethodOf(operation);
    const Key key = KeyOf(operation.path(), method);
    const auto found = own.find(key);
    v1::Endpoint* endpoint = found == own.end() ? nullptr : found->second;
    const auto shield = [&](const v1::Endpoint& other) {
      if (endpoint == nullptr) endpoint = Change(operation.path(), method);
      Shield(other, endpoint);
    };
    const Segments segments = SegmentsOf(operation.path());
    for (const Wide& other : wide) {
      const std::string& theirs = other.key.second;
      const bool same_method = theirs.empty() || method.empty() || theirs == method;
      if (same_method && other.key != key && Covers(other.segments, segments))
        shield(*other.endpoint);
    }
    // The same path for all methods.
    const auto all = own.find({key.first, ""});
    if (!method.empty() && all != own.end()) shield(*all->second);
  }
}

void OperationList::Finish() {
  AddImplied();
  ShieldOthers();
  // The first that matches counts: in the order in which operations are found.
  std::sort(changed_.begin(), changed_.end(), [](const Changed& a, const Changed& b) {
    if (a.place.ComesBefore(b.place) != b.place.ComesBefore(a.place))
      return a.place.ComesBefore(b.place);
    if (a.key.first != b.key.first) return a.key.first < b.key.first;
    return a.key.second > b.key.second;  // methods before none
  });
  for (Changed& changed : changed_) *version_.add_endpoints() = std::move(*changed.endpoint);
}

std::string PathRegex(absl::string_view path) {
  const bool below = absl::ConsumeSuffix(&path, "/*");
  if (below && path.empty()) return "^/";
  std::string regex = "^";
  for (const absl::string_view segment : SegmentsOf(path)) {
    absl::StrAppend(&regex, "/",
                    IsParameter(segment) ? std::string("[^/]+")
                                         : RE2::QuoteMeta({segment.data(), segment.size()}));
  }
  return regex + (below ? "/" : "$");
}

}  // namespace sallyport::authsvc::dialects::apk
