#include "authsvc/dialects/apk/policies.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/conf_fields.h"
#include "authsvc/dialects/suggest.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kHeaderPolicies[] = {"AddHeader", "SetHeader", "RemoveHeader"};
constexpr absl::string_view kOtherPolicies[] = {"Interceptor", "BackendJwt", "RequestMirror",
                                                "RequestRedirect", "ModelBasedRoundRobin"};

template <size_t N>
bool Among(absl::string_view name, const absl::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

void HeaderPolicy(const Fields& policy, const std::string& kind, std::set<std::string>* seen,
                  v1::HeaderChange* change) {
  const Fields parameters = policy.Object("parameters");
  parameters.Check(HeaderParametersRules());
  const std::string name = parameters.Text("headerName");
  const std::string value = parameters.Text("headerValue");
  if (name.empty()) return policy.Refuse("parameters.headerName", "is missing");
  if (!seen->insert(absl::AsciiStrToLower(name)).second)
    return parameters.Refuse("headerName", absl::StrCat("`", name, "` is changed twice"));
  if (kind == "RemoveHeader") {
    change->add_remove(name);
    if (!value.empty()) parameters.Refuse("headerValue", "RemoveHeader has none");
    return;
  }
  if (!parameters.Has("headerValue")) policy.Refuse("parameters.headerValue", "is missing");
  (*change->mutable_set())[name] = value;
}

void ReadPolicy(const Fields& policy, std::set<std::string>* seen, v1::HeaderChange* change) {
  policy.Check(PolicyRules());
  const std::string name = policy.Text("policyName");
  const std::string version = policy.Text("policyVersion");
  if (!version.empty() && version != "v1") policy.Refuse("policyVersion", "must be v1");
  if (Among(name, kHeaderPolicies)) return HeaderPolicy(policy, name, seen, change);
  policy.Refuse("policyName", Among(name, kOtherPolicies)
                                  ? absl::StrCat("policy ", name, " does not exist here")
                                  : absl::StrCat("must be AddHeader, SetHeader or RemoveHeader",
                                                 DidYouMean(name, kHeaderPolicies)));
}

}  // namespace

void ReadPolicies(const Fields& policies, v1::HeaderChange* request, v1::HeaderChange* response) {
  if (policies.node() == nullptr) return;
  policies.Check(PoliciesRules());
  for (const auto& [name, change] : {std::pair{"request", request}, {"response", response}}) {
    std::set<std::string> seen;
    const std::vector<Node>& items = policies.List(name);
    for (size_t i = 0; i < items.size(); ++i) {
      const Fields policy(&items[i], ItemPath(policies.PathOf(name), i), policies.out());
      if (policy.node() != nullptr) ReadPolicy(policy, &seen, change);
    }
  }
}

}  // namespace sallyport::authsvc::dialects::apk
