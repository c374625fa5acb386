#include "authsvc/dialects/apk/objects.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/dialects/apk/http_route.h"

namespace sallyport::authsvc::dialects::apk {

std::string ObjectId(absl::string_view kind, const KubeName& name) {
  return absl::StrCat("apk/", name.name_space, "/", kind, "/", name.name);
}

bool SplitObjectId(absl::string_view id, std::string* kind, KubeName* name) {
  const std::vector<std::string> parts = absl::StrSplit(id, '/');
  if (parts.size() != 4 || parts[0] != "apk") return false;
  *kind = parts[2];
  *name = {parts[1], parts[3]};
  return true;
}

bool IsAimed(absl::string_view kind) {
  return kind == kAuthentication || kind == kRateLimitPolicy || kind == kApiPolicy;
}

std::string TargetOf(const Node& document) {
  const Node* spec = document.Find("spec");
  const Node* target = spec == nullptr ? nullptr : spec->Find("targetRef");
  if (target == nullptr || target->Text("kind") != kApi) return "";
  return std::string(target->Text("name"));
}

std::vector<std::string> RoutesOf(const Node& api) {
  std::vector<std::string> routes;
  const Node* spec = api.Find("spec");
  for (const absl::string_view kind : {"production", "sandbox"}) {
    const Node* environments = spec == nullptr ? nullptr : spec->Find(kind);
    if (environments == nullptr) continue;
    for (const Node& environment : environments->items) {
      for (const absl::string_view list : {"routeRefs", "httpRouteRefs"}) {
        const Node* names = environment.Find(list);
        if (names == nullptr) continue;
        for (const Node& name : names->items) routes.push_back(name.text);
      }
    }
  }
  return routes;
}

std::vector<std::pair<std::string, std::string>> ExtensionsOf(const Node& route) {
  std::vector<std::pair<std::string, std::string>> named;
  const Node* spec = route.Find("spec");
  const Node* rules = spec == nullptr ? nullptr : spec->Find("rules");
  if (rules == nullptr) return named;
  for (const Node& rule : rules->items) {
    const Node* filters = rule.Find("filters");
    if (filters == nullptr) continue;
    for (const Node& filter : filters->items) {
      const Node* reference = filter.Find("extensionRef");
      if (reference != nullptr)
        named.emplace_back(reference->Text("kind"), reference->Text("name"));
    }
  }
  return named;
}

void Objects::Put(absl::string_view kind, const KubeName& name, Node document) {
  Remove(kind, name);
  Index(kind, name, document, true);
  by_kind_[std::string(kind)].emplace(Id(name.name_space, name.name), std::move(document));
}

void Objects::Remove(absl::string_view kind, const KubeName& name) {
  const Node* old = Find(kind, name);
  if (old == nullptr) return;
  Index(kind, name, *old, false);
  by_kind_.find(kind)->second.erase({name.name_space, name.name});
}

void Objects::Index(absl::string_view kind, const KubeName& name, const Node& document,
                    bool there) {
  if (IsAimed(kind)) {
    std::set<std::string>& names =
        targets_[{std::string(kind), TargetOf(document)}][name.name_space];
    if (there)
      names.insert(name.name);
    else
      names.erase(name.name);
  }
  if (kind == kHttpRoute || kind == kGrpcRoute) {
    for (const auto& [extension, named] : ExtensionsOf(document))
      in_rules_[ObjectId(extension, {name.name_space, named})] += there ? 1 : -1;
  }
  if (kind != kApi) return;
  for (const std::string& route : RoutesOf(document))
    routes_[{name.name_space, route}] += there ? 1 : -1;
}

bool Objects::IsServed(const KubeName& route) const {
  const auto count = routes_.find({route.name_space, route.name});
  return count != routes_.end() && count->second > 0;
}

bool Objects::IsInARule(absl::string_view kind, const KubeName& name) const {
  const auto count = in_rules_.find(ObjectId(kind, name));
  return count != in_rules_.end() && count->second > 0;
}

const Node* Objects::Find(absl::string_view kind, const KubeName& name) const {
  const auto objects = by_kind_.find(kind);
  if (objects == by_kind_.end()) return nullptr;
  const auto object = objects->second.find({name.name_space, name.name});
  return object == objects->second.end() ? nullptr : &object->second;
}

const Objects::Aimed* Objects::FindAimed(absl::string_view kind, const KubeName& api) const {
  const auto target = targets_.find({std::string(kind), api.name});
  return target == targets_.end() ? nullptr : &target->second;
}

std::vector<std::string> Objects::AimedAt(absl::string_view kind, const KubeName& api) const {
  const Aimed* const aimed = FindAimed(kind, api);
  if (aimed == nullptr) return {};
  const auto names = aimed->find(api.name_space);
  if (names == aimed->end()) return {};
  return {names->second.begin(), names->second.end()};
}

std::vector<std::string> Objects::ElsewhereAimed(absl::string_view kind,
                                                 const KubeName& api) const {
  std::vector<std::string> namespaces;
  const Aimed* const aimed = FindAimed(kind, api);
  if (aimed == nullptr) return namespaces;
  for (const auto& [name_space, names] : *aimed) {
    if (name_space != api.name_space && !names.empty()) namespaces.push_back(name_space);
  }
  return namespaces;
}

std::vector<KubeName> Objects::NamesOf(absl::string_view kind) const {
  std::vector<KubeName> names;
  const auto objects = by_kind_.find(kind);
  if (objects == by_kind_.end()) return names;
  for (const auto& [id, document] : objects->second) names.push_back({id.first, id.second});
  return names;
}

}  // namespace sallyport::authsvc::dialects::apk
