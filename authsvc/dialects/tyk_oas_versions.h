// Versions of a Tyk OAS API: API definitions of their own that one, the base, names in
// `info.versioning` (reference tyk.md §8.1). A version is served where its base is, to requests
// that ask for it, by its own definition alone: its client certificates, authentication, limits and
// upstream. Pure, thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "authsvc/dialects/conversion.h"
#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

inline constexpr size_t kMostOasVersions = 100;

// What a definition says of its versions, unchecked; one more than may be, at most.
struct OasVersions {
  bool enabled = false;
  std::string name;          // of the base itself
  bool fallback = false;     // the default takes who asks for a version that does not exist
  std::string default_name;  // of requests that ask for none; never "self"
  std::vector<std::pair<std::string, std::string>> versions;  // name, API id

  // Nullptr: it is none of its versions.
  [[nodiscard]] const std::string* NameOf(absl::string_view api_id) const;
};
[[nodiscard]] OasVersions OasVersionsOf(const Node& document);
// `info.id` of a Tyk OAS document; empty where there is none.
[[nodiscard]] std::string OasIdOf(const Node& document);
// `info.state.internal`.
[[nodiscard]] bool OasIsInternal(const Node& document);

// Definitions that have versions, by their ids and by those of the versions. Not thread-safe to
// change.
class OasBases {
 public:
  // In place of the one of that id; one without versions is not kept.
  void Put(Node document);
  void Remove(const std::string& id);
  [[nodiscard]] const Node* Find(const std::string& id) const;  // null: none
  // Those that name the API as a version, in order of their ids; valid until the next change.
  [[nodiscard]] std::vector<const Node*> Of(const std::string& api_id) const;

 private:
  std::map<std::string, Node> documents_;
  std::map<std::string, std::set<std::string>> bases_of_;  // of a version
};

// `info.versioning` and `info.state.internal`, once the rest of the API is read. `place`: the API
// that is made of a base, as far as organisation, hosts, listen path, port and activity go.
void OasVersioning(const Fields& info, const ConvertOptions& options,
                   v1::Api (*place)(const Node& base, const ConvertOptions& options), v1::Api* api);

// The query of a call that makes an API a version of another one.
struct OasVersionParameters {
  std::string base_api_id;
  std::string base_name;  // base_api_version_name; empty: it has one
  std::string new_name;   // new_version_name
  bool set_default = false;
};
// Writes `api_id` into the versions of `base`; what is not said yet is as in Tyk: by the header
// x-api-version, and the base for who asks for none.
void AddOasVersion(const OasVersionParameters& parameters, const std::string& api_id, Node* base);
// Takes it out; the base is the default where it was that.
void RemoveOasVersion(const std::string& api_id, Node* base);

}  // namespace sallyport::authsvc::dialects
