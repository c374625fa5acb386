#include <re2/re2.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "authsvc/dialects/tyk_classic.h"
#include "authsvc/dialects/tyk_classic_fields.h"

namespace sallyport::authsvc::dialects {

// Tyk's "{id}" is one segment of the path (its generateRegex: "{([^}]+)}" becomes "([^/]+)").
std::string SegmentsToRegex(const std::string& path) {
  std::string out;
  for (size_t i = 0; i < path.size();) {
    const size_t end = path[i] == '{' ? path.find('}', i) : std::string::npos;
    if (end == std::string::npos || end == i + 1) {
      out.push_back(path[i++]);
      continue;
    }
    out.append("([^/]+)");
    i = end + 1;
  }
  return out;
}

namespace {

bool IsMethod(const std::string& method) {
  for (char c : method) {
    if (!absl::ascii_isalpha(static_cast<unsigned char>(c))) return false;
  }
  return !method.empty();
}

void AddMethod(const Fields& endpoint, absl::string_view name, const std::string& method,
               v1::PathRule* rule) {
  if (!IsMethod(method)) return endpoint.Refuse(name, "is not an HTTP method");
  rule->add_methods(absl::AsciiStrToUpper(method));
}

void Methods(const Fields& endpoint, v1::PathRule* rule) {
  const std::string method = endpoint.Text("method");
  if (!method.empty()) AddMethod(endpoint, "method", method, rule);
  for (const std::string& other : endpoint.Texts("methods"))
    AddMethod(endpoint, "methods", other, rule);
  const Fields actions = endpoint.Object("method_actions");
  if (actions.node() == nullptr) return;
  for (const auto& [name, value] : actions.node()->members) {
    const absl::string_view action = value.Text("action");
    if (!action.empty() && action != "no_action") {
      actions.Refuse(name, absl::StrCat("action \"", action, "\" does not exist here: no_action"));
    }
    if (method.empty()) AddMethod(actions, name, name, rule);
  }
}

// `exempts`: an entry that matches more than was meant opens the API.
void Endpoints(const Fields& lists, absl::string_view name, bool any_case, bool exempts,
               google::protobuf::RepeatedPtrField<v1::PathRule>* rules) {
  const std::vector<Node>& items = lists.List(name);
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields endpoint(&items[i], ItemPath(lists.PathOf(name), i), lists.out());
    endpoint.Check(ClassicEndpointRules());
    if (endpoint.node() == nullptr || endpoint.Flag("disabled")) continue;
    v1::PathRule* rule = rules->Add();
    ReadEndpointRule(endpoint, any_case, rule);
    if (exempts && !absl::StartsWith(rule->path(), "^")) {
      endpoint.Warn(
          "path", "exempts every path that contains it: write ^ in front to match from the start");
    }
  }
}

// The older form: plain paths, all methods.
void SimplePaths(const Fields& lists, absl::string_view name, bool any_case,
                 google::protobuf::RepeatedPtrField<v1::PathRule>* rules) {
  const std::vector<std::string> paths = lists.Texts(name);
  for (size_t i = 0; i < paths.size(); ++i) {
    const std::string regex = SegmentsToRegex(paths[i]);
    const RE2 compiled(regex, RE2::Quiet);
    if (!compiled.ok() || regex.empty()) {
      lists.out()->Refuse(ItemPath(lists.PathOf(name), i), lists.Get(name),
                          "is not a regular expression");
    }
    v1::PathRule* rule = rules->Add();
    rule->set_path(regex);
    rule->set_ignore_case(any_case);
  }
}

void Headers(const Fields& version, v1::ApiVersion* out) {
  const v1::HeaderChange request =
      ReadHeaderChange(version, "global_headers", "global_headers_remove");
  const v1::HeaderChange response =
      ReadHeaderChange(version, "global_response_headers", "global_response_headers_remove");
  const auto any = [](const v1::HeaderChange& change) {
    return !change.set().empty() || !change.remove().empty();
  };
  if (any(request) && !version.Flag("global_headers_disabled"))
    *out->mutable_request_headers() = request;
  if (any(response) && !version.Flag("global_response_headers_disabled"))
    *out->mutable_response_headers() = response;
}

void Version(const Fields& version, const std::string& name, v1::ApiVersion* out) {
  version.Check(ClassicVersionRules());
  out->set_name(name);
  ReadExpiry(version, "expires", out);
  out->set_override_target(version.Text("override_target"));
  Headers(version, out);
  const int64_t limit = version.Integer("global_size_limit");
  if (!version.Flag("global_size_limit_disabled") && limit > 0) out->set_max_body_bytes(limit);
  const bool any_case = version.Flag("ignore_endpoint_case");
  const bool extended = version.Flag("use_extended_paths");
  const Fields lists = version.Object("extended_paths");
  const Fields simple = version.Object("paths");
  lists.Check(ClassicExtendedPathsRules());
  simple.Check(ClassicPathsRules());
  if (extended) {
    Endpoints(lists, "ignored", any_case, true, out->mutable_ignored());
    Endpoints(lists, "white_list", any_case, false, out->mutable_allowed());
    Endpoints(lists, "black_list", any_case, false, out->mutable_blocked());
    ClassicEndpoints(lists, any_case, out);
    return;
  }
  if (lists.node() != nullptr && IsSet(*lists.node())) {
    if (version.Has("use_extended_paths")) {
      version.Warn("extended_paths", "has no effect: use_extended_paths is false");
    } else {
      version.Refuse("extended_paths",
                     "is set, but use_extended_paths is not there: say true or false");
    }
  }
  SimplePaths(simple, "ignored", any_case, out->mutable_ignored());
  SimplePaths(simple, "white_list", any_case, out->mutable_allowed());
  SimplePaths(simple, "black_list", any_case, out->mutable_blocked());
}

// The one version of an API that has no versions: "Default", else the only one.
void OnlyVersion(const Fields& versions, v1::Api* api) {
  if (versions.node() == nullptr || versions.node()->members.empty()) {
    api->add_versions();
    return;
  }
  const auto& members = versions.node()->members;
  if (members.size() > 1 && versions.Get("Default") == nullptr) {
    versions.Refuse(
        "", "several versions and none called Default: set not_versioned to false, or keep one");
  }
  const std::string name = versions.Get("Default") != nullptr ? "Default" : members.front().first;
  Version(versions.Object(name), "", api->add_versions());
}

void Naming(const Fields& top, const Fields& data, v1::Versioning* out) {
  const Fields names = top.Object("definition");
  names.Check(ClassicDefinitionRules());
  out->set_enabled(true);
  const std::string location = names.Text("location");
  out->set_location(location.empty() ? "header" : location);
  if (out->location() != "header" && out->location() != "url" && out->location() != "url-param") {
    names.Refuse("location", "must be header, url or url-param");
  }
  out->set_key(names.Text("key"));
  if (out->key().empty() && out->location() != "url") names.Refuse("key", "is missing");
  out->set_strip(names.Flag("strip_versioning_data") || names.Flag("strip_path"));
  out->set_fallback_to_default(names.Flag("fallback_to_default"));
  out->set_default_version(data.Has("default_version") ? data.Text("default_version")
                                                       : names.Text("default"));
}

}  // namespace

std::string ReadPathRegex(const Fields& object, absl::string_view name, bool with_segments) {
  std::string text = object.Text(name);
  if (with_segments) text = SegmentsToRegex(text);
  const RE2 compiled(text, RE2::Quiet);
  if (!compiled.ok()) {
    object.Refuse(name, absl::StrCat("is not a regular expression: ", compiled.error()));
  }
  return text;
}

void ReadExpiry(const Fields& at, absl::string_view name, v1::ApiVersion* version) {
  const std::string text = at.Text(name);
  if (text.empty() || text == "-1" || text == "0") return;
  absl::Time time;
  std::string error;
  for (const char* format :
       {"%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", absl::RFC3339_full, "%Y-%m-%d"}) {
    if (!absl::ParseTime(format, text, &time, &error)) continue;
    version->set_expires_unix(absl::ToUnixSeconds(time));
    return;
  }
  at.Refuse(name, "is not a time: write 2026-01-31 15:04 (UTC) or RFC 3339");
}

void ClassicExpiration(const Fields& top, v1::Api* api) {
  v1::ApiVersion all;
  ReadExpiry(top, "expiration", &all);
  if (all.expires_unix() == 0) return;
  for (v1::ApiVersion& version : *api->mutable_versions()) {
    if (version.expires_unix() == 0 || version.expires_unix() > all.expires_unix())
      version.set_expires_unix(all.expires_unix());
  }
}

void ReadEndpointRule(const Fields& endpoint, bool any_case, v1::PathRule* rule) {
  rule->set_path(ReadPathRegex(endpoint, "path", true));
  if (rule->path().empty()) endpoint.Refuse("path", "is missing");
  rule->set_ignore_case(any_case || endpoint.Flag("ignore_case"));
  Methods(endpoint, rule);
}

void ClassicVersions(const Fields& top, v1::Api* api) {
  const Fields data = top.Object("version_data");
  data.Check(ClassicVersionDataRules());
  const Fields versions = data.Object("versions");
  if (data.node() == nullptr) {
    api->add_versions();
    return;
  }
  if (data.Flag("not_versioned")) {
    top.Object("definition").Check(ClassicDefinitionRules());
    return OnlyVersion(versions, api);
  }
  if (versions.node() == nullptr || versions.node()->members.empty()) {
    return data.Refuse("versions",
                       "no version is defined; set not_versioned: true for an API without");
  }
  Naming(top, data, api->mutable_versioning());
  for (const auto& [name, value] : versions.node()->members) {
    Version(versions.Object(name), name, api->add_versions());
  }
  const std::string& standard = api->versioning().default_version();
  if (!standard.empty() && versions.Get(standard) == nullptr) {
    data.Refuse("default_version", absl::StrCat("there is no version \"", standard, "\""));
  }
}

}  // namespace sallyport::authsvc::dialects
