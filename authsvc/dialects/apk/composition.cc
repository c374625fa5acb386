#include "authsvc/dialects/apk/composition.h"

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/api.h"
#include "authsvc/dialects/apk/conf.h"
#include "authsvc/dialects/apk/resource.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::dialects::apk {

void Composition::Note(const Node& document, const ConvertOptions& options) {
  if (IsConf(document)) {
    noted_.push_back({std::string(kConfKind), ConfName(document, options), document});
  } else if (IsResource(document)) {
    Conversion ignored;
    const KubeName name = ReadKubeName(Fields(&document, "", &ignored), options);
    noted_.push_back(
        {std::string(document.Text("kind")), name, KeptResource(document, name, options)});
  }
}

void Composition::Complete(const ConvertOptions& options, const std::string& prune_set) {
  if (noted_.empty() && prune_set.empty() && options.gone_object.empty()) return;
  used_ = options.apk_stored != nullptr;
  prune_set_ = prune_set;
  std::set<std::string> noted;
  for (const Noted& one : noted_) noted.insert(ObjectId(one.kind, one.name));
  std::vector<v1::Resource> stored;
  if (used_) stored = options.apk_stored();
  for (const v1::Resource& resource : stored) {
    std::string kind;
    KubeName name;
    auto document = ReadJson(resource.dialect_object().json());
    if (!document.ok() || !SplitObjectId(resource.id(), &kind, &name)) continue;
    objects_.Put(kind, name, *std::move(document));
    sets_[resource.id()] = resource.set();
    const bool goes =
        (!prune_set.empty() && resource.set() == prune_set) || resource.id() == options.gone_object;
    if (!goes || noted.count(resource.id()) != 0) continue;
    TouchTarget(kind, name);
    changed_.insert(resource.id());
    objects_.Remove(kind, name);
  }
  for (Noted& one : noted_) {
    changed_.insert(ObjectId(one.kind, one.name));
    TouchTarget(one.kind, one.name);  // what it said before
    objects_.Put(one.kind, one.name, std::move(one.document));
    TouchTarget(one.kind, one.name);
  }
}

void Composition::TouchTarget(absl::string_view kind, const KubeName& name) {
  const Node* document = IsAimed(kind) ? objects_.Find(kind, name) : nullptr;
  if (document != nullptr) touched_.emplace(name.name_space, TargetOf(*document));
}

std::vector<Composition::Again> Composition::ToMakeAgain(const ConvertOptions& options) const {
  std::vector<Again> again;
  if (options.stored_api != nullptr) AddConfs(options, &again);
  if (!changed_.empty()) AddApis(options, &again);
  return again;
}

void Composition::AddConfs(const ConvertOptions& options, std::vector<Again>* again) const {
  for (const auto& [name_space, name] : touched_) {
    if (objects_.Find(kConfKind, {name_space, name}) != nullptr) continue;
    const auto stored = options.stored_api(name);
    Again one;
    if (!stored.has_value() || !KeptConf(*stored, &one.document, &one.name_space)) continue;
    const bool goes = !prune_set_.empty() && stored->set() == prune_set_;
    if (goes || one.name_space != name_space) continue;
    one.what = absl::StrCat("Api ", name);
    one.set = stored->set();
    one.dialect = kApkConf;
    again->push_back(std::move(one));
  }
}

void Composition::AddApis(const ConvertOptions& options, std::vector<Again>* again) const {
  for (const KubeName& name : objects_.NamesOf(kApi)) {
    const std::string id = ObjectId(kApi, name);
    if (changed_.count(id) != 0) continue;  // it comes itself
    const Node& document = *objects_.Find(kApi, name);
    bool touched = touched_.count({name.name_space, name.name}) != 0;
    if (!touched) {
      for (const std::string& read : ReadsOf(document, name, options))
        touched = touched || changed_.count(read) != 0;
    }
    if (!touched) continue;
    const auto set = sets_.find(id);
    again->push_back({absl::StrCat(kApi, " ", name.Id()), set == sets_.end() ? "" : set->second,
                      name.name_space, kApk, document});
  }
}

}  // namespace sallyport::authsvc::dialects::apk
