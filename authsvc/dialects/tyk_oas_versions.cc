#include "authsvc/dialects/tyk_oas_versions.h"

#include <re2/re2.h>

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/tree_edit.h"
#include "authsvc/dialects/tyk_oas.h"
#include "authsvc/dialects/tyk_oas_fields.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kSelf = "self";
constexpr absl::string_view kDefaultKey = "x-api-version";
constexpr size_t kLongestVersionName = 64;
constexpr int kVersionPriority = 1;  // before the base, which takes what is left

const Node* VersioningOf(const Node& document) {
  const Node* at = document.Find(kTykExtension);
  for (const absl::string_view name : {"info", "versioning"})
    at = at == nullptr ? nullptr : at->Find(name);
  return at;
}

// Names stand in headers, paths and expressions.
bool IsVersionName(absl::string_view name) {
  if (name.empty() || name.size() > kLongestVersionName || name == "." || name == "..")
    return false;
  for (const char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-')
      return false;
  }
  return true;
}

void CheckVersionName(const Fields& at, absl::string_view name, const std::string& value) {
  if (value.empty()) return at.Refuse(name, "is missing");
  if (value == kSelf) return at.Refuse(name, "\"self\" means the API itself");
  if (!IsVersionName(value))
    at.Refuse(name, "must be at most 64 letters, digits, '.', '_' and '-'");
}

// Matches whatever is neither empty nor `name`; `any`: the class of its characters, `but`: what it
// leaves out. RE2 has no negation.
std::string AnythingBut(absl::string_view name, absl::string_view any, absl::string_view but) {
  std::string inner = absl::StrCat(any, "+");
  for (size_t i = name.size(); i-- > 0;) {
    const std::string c = absl::StrCat("\\x{", absl::Hex(static_cast<int>(name[i])), "}");
    inner = absl::StrCat("(?:", i == 0 ? "" : "|", "[^", c, but, "]", any, "*|", c, inner, ")");
  }
  return inner;
}

// Requests that ask for a version by one of these names.
struct AskedFor {
  const v1::Api& place;
  const v1::Versioning& versioning;

  [[nodiscard]] bool in_path() const { return versioning.location() == "url"; }
  v1::MatchCondition* Start(v1::RouteMatching* matching) const {
    v1::MatchCondition* condition = matching->add_conditions();
    condition->set_variable(in_path()                              ? "path"
                            : versioning.location() == "url-param" ? "query"
                                                                   : "header");
    if (!in_path()) condition->set_name(versioning.key());
    return condition;
  }
  // The first segment behind the listen path.
  [[nodiscard]] std::string Segment(absl::string_view regex) const {
    absl::string_view listen = place.listen_path();
    while (absl::ConsumeSuffix(&listen, "/")) {
    }
    return absl::StrCat("^", RE2::QuoteMeta(re2::StringPiece(listen.data(), listen.size())), "/+",
                        regex, "(?:/|$)");
  }
  void Names(const std::set<std::string>& names, bool negate, v1::RouteMatching* matching) const {
    v1::MatchCondition* condition = Start(matching);
    condition->set_negate(negate);
    condition->set_operator_(in_path() ? "matches" : "in");
    std::string regex;
    for (const std::string& name : names) {
      if (!in_path())
        condition->add_values(name);
      else
        absl::StrAppend(&regex, regex.empty() ? "" : "|", RE2::QuoteMeta(name));
    }
    if (in_path()) condition->add_values(Segment(absl::StrCat("(?:", regex, ")")));
  }
  // Or for none.
  void NameOrNone(const std::string& name, v1::RouteMatching* matching) const {
    v1::MatchCondition* condition = Start(matching);
    condition->set_negate(true);
    condition->set_operator_("matches");
    condition->add_values(in_path() ? Segment(AnythingBut(name, "[^/]", "/"))
                                    : absl::StrCat("^", AnythingBut(name, "(?s:.)", ""), "$"));
  }
};

void ReadVersioning(const Fields& versioning, v1::Versioning* out) {
  out->set_enabled(true);
  out->set_location(versioning.Text("location"));
  const std::string& location = out->location();
  if (location != "header" && location != "url" && location != "url-param")
    versioning.Refuse("location", "must be header, url or url-param");
  out->set_key(versioning.Text("key"));
  if (out->key().empty() && location != "url") versioning.Refuse("key", "is missing");
  out->set_strip(versioning.Flag("stripVersioningData"));
  out->set_fallback_to_default(versioning.Flag("fallbackToDefault"));
  out->set_rights_of_api(true);  // each version is an API that rights name
}

// What Tyk takes off the path of a version that it does not know stays there here.
void CheckUrlPattern(const Fields& versioning, const v1::Versioning& out) {
  const std::string pattern = ReadPathRegex(versioning, "urlVersioningPattern", false);
  if (pattern.empty() || out.location() != "url" || !out.strip()) return;
  if (out.fallback_to_default()) {
    versioning.Refuse("urlVersioningPattern",
                      "with fallbackToDefault and stripVersioningData: the name of a version that "
                      "does not exist stays in the path here");
  }
  const RE2 regex(pattern, RE2::Quiet);
  bool matches = RE2::PartialMatch(versioning.Text("name"), regex);
  for (const Node& one : versioning.List("versions"))
    matches = matches && RE2::PartialMatch(std::string(one.Text("name")), regex);
  if (!matches)
    versioning.Refuse("urlVersioningPattern", "does not match the name of every version");
}

void ReadVersionList(const Fields& versioning, const std::string& api_id, const OasBases& bases,
                     std::set<std::string>* names) {
  const std::vector<Node>& items = versioning.List("versions");
  if (items.size() > kMostOasVersions)
    return versioning.Refuse("versions", absl::StrCat("are more than ", kMostOasVersions));
  std::set<std::string> ids;
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields item(&items[i], ItemPath(versioning.PathOf("versions"), i), versioning.out());
    item.Check(OasVersionRules());
    const std::string name = item.Text("name");
    const std::string id = item.Text("id");
    CheckVersionName(item, "name", name);
    if (!names->insert(name).second) item.Refuse("name", absl::StrCat("\"", name, "\" twice"));
    if (id.empty()) item.Refuse("id", "is missing");
    if (!id.empty() && !ids.insert(id).second)
      item.Refuse("id", absl::StrCat("API ", id, " twice: one version has one name"));
    if (id == api_id) item.Refuse("id", "is this API itself: name it in versioning.name");
    for (const Node* base : bases.Of(id)) {
      if (OasIdOf(*base) == api_id) continue;
      item.Refuse("id", absl::StrCat("API ", id, " is a version of API ", OasIdOf(*base)));
    }
  }
}

void ReadBase(const Fields& info, const OasBases& bases, v1::Api* api) {
  const Fields versioning = info.Object("versioning");
  v1::Versioning* out = api->mutable_versioning();
  ReadVersioning(versioning, out);
  CheckUrlPattern(versioning, *out);
  const std::string name = versioning.Text("name");
  CheckVersionName(versioning, "name", name);
  std::set<std::string> names = {name};
  ReadVersionList(versioning, api->id(), bases, &names);
  std::string standard = versioning.Text("default");
  if (standard == kSelf || standard.empty()) standard = name;
  if (names.count(standard) == 0)
    versioning.Refuse("default", absl::StrCat("there is no version \"", standard, "\""));
  v1::ApiVersion* own = api->mutable_versions(0);
  own->set_name(name);
  if (standard == name) {
    out->set_default_version(name);
  } else {
    out->set_fallback_to_default(false);  // that version's matter
  }
  if (!out->fallback_to_default()) return;
  // A version that is not there is no reason to fall back to another one.
  names.erase(name);
  for (const std::string& other : names) {
    v1::ApiVersion* closed = api->add_versions();
    closed->set_name(other);
    closed->add_blocked()->set_path(".*");
  }
}

void TakePlace(const v1::Api& place, v1::Api* api) {
  *api->mutable_hosts() = place.hosts();
  api->clear_server_certificate_ids();  // its base brings those of the hosts
  api->set_listen_path(place.listen_path());
  api->set_strip_listen_path(place.strip_listen_path());
  api->set_listen_port(place.listen_port());
}

void PlaceVersion(const Fields& info, const Node& base, const v1::Api& place, v1::Api* api) {
  const OasVersions versions = OasVersionsOf(base);
  const std::string name = *versions.NameOf(api->id());
  Conversion base_out;  // its own conversion says what is wrong with it
  const Node* node = VersioningOf(base);
  v1::Versioning* out = api->mutable_versioning();
  ReadVersioning(Fields(node, "", &base_out), out);
  TakePlace(place, api);
  const bool standard = versions.default_name == name;
  const AskedFor asked{place, *out};
  v1::RouteMatching* matching = api->mutable_matching();
  matching->set_priority(kVersionPriority);
  if (!standard) {
    asked.Names({name}, false, matching);
  } else if (out->fallback_to_default()) {
    std::set<std::string> others = {versions.name};
    for (const auto& [other, id] : versions.versions) {
      if (other != name) others.insert(other);
    }
    asked.Names(others, true, matching);
  } else {
    asked.NameOrNone(name, matching);
  }
  out->set_fallback_to_default(standard && out->fallback_to_default());
  if (standard) out->set_default_version(name);
  api->mutable_versions(0)->set_name(name);
  info.Warn("id", absl::StrCat("is version ", name, " of API ", OasIdOf(base),
                               ": it is served there, not at a listenPath, port or customDomain "
                               "of its own"));
  if (!place.inactive() || api->inactive()) return;
  api->set_inactive(true);
  info.Warn("id", absl::StrCat("API ", OasIdOf(base), " is not active, so this version is not"));
}

}  // namespace

const std::string* OasVersions::NameOf(absl::string_view api_id) const {
  for (const auto& [version, id] : versions) {
    if (id == api_id) return &version;
  }
  return nullptr;
}

OasVersions OasVersionsOf(const Node& document) {
  OasVersions out;
  const Node* versioning = VersioningOf(document);
  if (versioning == nullptr || !versioning->IsObject()) return out;
  const Node* enabled = versioning->Find("enabled");
  out.enabled = enabled != nullptr && enabled->boolean;
  const Node* fallback = versioning->Find("fallbackToDefault");
  out.fallback = fallback != nullptr && fallback->boolean;
  out.name = std::string(versioning->Text("name"));
  out.default_name = std::string(versioning->Text("default"));
  if (out.default_name.empty() || out.default_name == kSelf) out.default_name = out.name;
  const Node* versions = versioning->Find("versions");
  if (versions == nullptr) return out;
  for (const Node& one : versions->items) {
    if (out.versions.size() > kMostOasVersions) break;
    out.versions.emplace_back(std::string(one.Text("name")), std::string(one.Text("id")));
  }
  return out;
}

std::string OasIdOf(const Node& document) {
  const Node* extension = document.Find(kTykExtension);
  const Node* info = extension == nullptr ? nullptr : extension->Find("info");
  return info == nullptr ? "" : std::string(info->Text("id"));
}

bool OasIsInternal(const Node& document) {
  const Node* at = &document;
  for (const absl::string_view name : {kTykExtension, absl::string_view("info"),
                                       absl::string_view("state"), absl::string_view("internal")}) {
    at = at == nullptr ? nullptr : at->Find(name);
  }
  return at != nullptr && at->boolean;
}

void OasBases::Put(Node document) {
  const std::string id = OasIdOf(document);
  Remove(id);
  const OasVersions versions = OasVersionsOf(document);
  if (!versions.enabled) return;
  for (const auto& [name, api_id] : versions.versions) bases_of_[api_id].insert(id);
  documents_[id] = std::move(document);
}

void OasBases::Remove(const std::string& id) {
  const auto found = documents_.find(id);
  if (found == documents_.end()) return;
  for (const auto& [name, api_id] : OasVersionsOf(found->second).versions) {
    const auto bases = bases_of_.find(api_id);
    if (bases == bases_of_.end()) continue;
    bases->second.erase(id);
    if (bases->second.empty()) bases_of_.erase(bases);
  }
  documents_.erase(found);
}

const Node* OasBases::Find(const std::string& id) const {
  const auto found = documents_.find(id);
  return found == documents_.end() ? nullptr : &found->second;
}

std::vector<const Node*> OasBases::Of(const std::string& api_id) const {
  std::vector<const Node*> found;
  const auto bases = bases_of_.find(api_id);
  if (bases == bases_of_.end()) return found;
  for (const std::string& id : bases->second) found.push_back(Find(id));
  return found;
}

void OasVersioning(const Fields& info, const ConvertOptions& options,
                   v1::Api (*place)(const Node& base, const ConvertOptions& options),
                   v1::Api* api) {
  const Fields versioning = info.Object("versioning");
  versioning.Check(OasVersioningRules());
  const bool enabled = versioning.node() != nullptr && IsOn(versioning);
  std::vector<const Node*> own;
  if (options.oas_bases != nullptr) own = options.oas_bases->Of(api->id());
  std::erase_if(own, [&](const Node* base) { return OasIdOf(*base) == api->id(); });
  if (own.size() > 1) {
    info.Refuse("id", absl::StrCat("is a version of API ", OasIdOf(*own[0]), " and of API ",
                                   OasIdOf(*own[1])));
  }
  if (enabled && options.oas_bases == nullptr) {
    versioning.Refuse("enabled", "versions in other API definitions do not exist in this dialect");
  } else if (enabled && !own.empty()) {
    versioning.Refuse("enabled", absl::StrCat("it is a version of API ", OasIdOf(*own[0]),
                                              " and cannot have versions of its own"));
  } else if (enabled) {
    ReadBase(info, *options.oas_bases, api);
  } else if (own.size() == 1) {
    const v1::Api of_base = place(*own[0], options);
    if (of_base.org_id() != api->org_id()) {
      return info.Refuse("id", absl::StrCat("is a version of API ", OasIdOf(*own[0]),
                                            ", which is another organisation's"));
    }
    PlaceVersion(info, *own[0], of_base, api);
  }
  if (!info.Object("state").Flag("internal") || !own.empty() || api->inactive()) return;
  api->set_inactive(true);
  info.Object("state").Warn("internal",
                            "nobody can call it: another API reaches it only as its "
                            "base, by info.versioning.versions there");
}

void AddOasVersion(const OasVersionParameters& parameters, const std::string& api_id, Node* base) {
  Node* info = ObjectAt(ObjectAt(base, kTykExtension), "info");
  Node* versioning = ObjectAt(info, "versioning");
  const auto otherwise = [&](absl::string_view name, absl::string_view text) {
    if (versioning->Text(name).empty()) PutMember(versioning, name, TextNode(text));
  };
  PutMember(versioning, "enabled", FlagNode(true));
  if (!parameters.base_name.empty()) PutMember(versioning, "name", TextNode(parameters.base_name));
  if (parameters.set_default) PutMember(versioning, "default", TextNode(parameters.new_name));
  otherwise("default", kSelf);
  otherwise("location", "header");
  otherwise("key", kDefaultKey);
  Node entry;
  entry.type = Node::Type::kObject;
  PutMember(&entry, "name", TextNode(parameters.new_name));
  PutMember(&entry, "id", TextNode(api_id));
  Node* versions = versioning->Find("versions");
  if (versions == nullptr || !versions->IsArray()) {
    Node list;
    list.type = Node::Type::kArray;
    PutMember(versioning, "versions", std::move(list));
    versions = versioning->Find("versions");
  }
  std::erase_if(versions->items, [&](const Node& one) {
    return one.Text("name") == parameters.new_name || one.Text("id") == api_id;
  });
  versions->items.push_back(std::move(entry));
}

void RemoveOasVersion(const std::string& api_id, Node* base) {
  Node* versioning = ObjectAt(ObjectAt(ObjectAt(base, kTykExtension), "info"), "versioning");
  Node* versions = versioning->Find("versions");
  if (versions == nullptr) return;
  const std::string standard(versioning->Text("default"));
  std::erase_if(versions->items, [&](const Node& one) {
    if (one.Text("id") != api_id) return false;
    if (one.Text("name") == standard) PutMember(versioning, "default", TextNode(kSelf));
    return true;
  });
}

}  // namespace sallyport::authsvc::dialects
