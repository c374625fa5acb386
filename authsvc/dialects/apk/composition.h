// What an `apply` must know of WSO2 APK's resources before it converts any: all that will be there
// once it is done, and which stored APIs mean something else then. One per apply; not thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "authsvc/dialects/apk/objects.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects::apk {

class Composition {
 public:
  // A document of this apply, whatever its dialect.
  void Note(const Node& document, const ConvertOptions& options);
  // After all were noted: lays them over what is stored. `prune_set`: what came with this set and
  // was not noted will not be there; empty: nothing goes, `options.gone_object` apart.
  void Complete(const ConvertOptions& options, const std::string& prune_set);

  // Whether what is stored had a part in it: then nothing may be written in between.
  [[nodiscard]] bool used() const { return used_; }
  [[nodiscard]] const Objects& objects() const { return objects_; }

  // A stored document that means something else now and was not noted itself.
  struct Again {
    std::string what;  // "Api orders"
    std::string set;
    std::string name_space;
    absl::string_view dialect;
    Node document;
  };
  [[nodiscard]] std::vector<Again> ToMakeAgain(const ConvertOptions& options) const;

 private:
  using ApiName = std::pair<std::string, std::string>;  // namespace, name
  struct Noted {
    std::string kind;
    KubeName name;
    Node document;
  };
  void TouchTarget(absl::string_view kind, const KubeName& name);
  void AddConfs(const ConvertOptions& options, std::vector<Again>* again) const;
  void AddApis(const ConvertOptions& options, std::vector<Again>* again) const;

  std::vector<Noted> noted_;
  Objects objects_;
  std::set<ApiName> touched_;                // by an Authentication or a policy
  std::set<std::string> changed_;            // ids of objects that come, change or go
  std::map<std::string, std::string> sets_;  // of stored objects by id
  std::string prune_set_;
  bool used_ = false;
};

}  // namespace sallyport::authsvc::dialects::apk
