// The resources of WSO2 APK that stand beside each other: those that are stored and those of the
// same apply, which lie over them. A document is converted with what the others say of it. Not
// thread-safe to change.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "authsvc/dialects/kube_object.h"
#include "authsvc/dialects/node.h"

namespace sallyport::authsvc::dialects::apk {

inline constexpr absl::string_view kAuthentication = "Authentication";
inline constexpr absl::string_view kRateLimitPolicy = "RateLimitPolicy";
inline constexpr absl::string_view kApiPolicy = "APIPolicy";
inline constexpr absl::string_view kApi = "API";

// "apk/NAMESPACE/KIND/NAME", of a DialectObject.
[[nodiscard]] std::string ObjectId(absl::string_view kind, const KubeName& name);
// False: not of that form.
[[nodiscard]] bool SplitObjectId(absl::string_view id, std::string* kind, KubeName* name);

class Objects {
 public:
  // The same id again replaces it.
  void Put(absl::string_view kind, const KubeName& name, Node document);
  void Remove(absl::string_view kind, const KubeName& name);

  // Null: there is none.
  [[nodiscard]] const Node* Find(absl::string_view kind, const KubeName& name) const;
  // The objects of that kind (one of IsAimed) whose targetRef is that API; their names, in order.
  [[nodiscard]] std::vector<std::string> AimedAt(absl::string_view kind, const KubeName& api) const;
  // The namespaces, other than that of `api`, where one names an API called so.
  [[nodiscard]] std::vector<std::string> ElsewhereAimed(absl::string_view kind,
                                                        const KubeName& api) const;
  // Whether an API names this HTTPRoute.
  [[nodiscard]] bool IsServed(const KubeName& route) const;
  // Whether a rule of a route of its namespace names this object in a filter.
  [[nodiscard]] bool IsInARule(absl::string_view kind, const KubeName& name) const;
  [[nodiscard]] std::vector<KubeName> NamesOf(absl::string_view kind) const;

 private:
  using Id = std::pair<std::string, std::string>;  // namespace, name
  void Index(absl::string_view kind, const KubeName& name, const Node& document, bool there);

  std::map<std::string, std::map<Id, Node>, std::less<>> by_kind_;
  using Aimed = std::map<std::string, std::set<std::string>>;  // namespace -> names
  [[nodiscard]] const Aimed* FindAimed(absl::string_view kind, const KubeName& api) const;

  std::map<Id, Aimed> targets_;          // by kind and name of the API
  std::map<Id, int> routes_;             // HTTPRoutes that APIs name, and how many do
  std::map<std::string, int> in_rules_;  // ids of objects that filters of routes name, likewise
};

// Kinds whose targetRef names an API: what they say lies over it.
[[nodiscard]] bool IsAimed(absl::string_view kind);
// The name of the API that one of them is for; empty: it says none, or is for something else.
[[nodiscard]] std::string TargetOf(const Node& document);
// Kind and name of what the filters of a route name, each as often as they do.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> ExtensionsOf(const Node& route);
// The HTTPRoutes that an API names.
[[nodiscard]] std::vector<std::string> RoutesOf(const Node& api);

}  // namespace sallyport::authsvc::dialects::apk
