#include "authsvc/dialects/apk/policy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/operations.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr FieldRule kPolicySpec[] = {
    {"default", Use::kUsed},
    {"override", Use::kUsed},
    {"targetRef", Use::kUsed},
};
constexpr FieldRule kRateLimitData[] = {
    {"api", Use::kUsed},
    {"custom", Use::kRefused, "limits by keys of one's own do not exist here"},
    {"subscription", Use::kRefused, "subscriptions do not exist here"},
    {"burstControl", Use::kRefused, "subscriptions do not exist here"},
};
constexpr absl::string_view kNoInterceptors = "interceptors do not exist here";
constexpr absl::string_view kNoBuiltIn = "write it as a filter of the HTTPRoute's rules";
constexpr absl::string_view kNoAiHere = "AI APIs do not exist here";
constexpr FieldRule kApiPolicyData[] = {
    {"cORSPolicy", Use::kUsed},
    {"requestInterceptors", Use::kRefused, kNoInterceptors},
    {"responseInterceptors", Use::kRefused, kNoInterceptors},
    {"backendJwtPolicy", Use::kRefused,
     "no token is made for backends here: tell them who calls with identity_forwarding"},
    {"subscriptionValidation", Use::kRefused, "subscriptions do not exist here"},
    {"aiProvider", Use::kRefused, kNoAiHere},
    {"modelBasedRoundRobin", Use::kRefused, kNoAiHere},
    {"requestInBuiltPolicies", Use::kRefused, kNoBuiltIn},
    {"responseInBuiltPolicies", Use::kRefused, kNoBuiltIn},
};
constexpr FieldRule kCorsPolicy[] = {
    {"enabled", Use::kUsed},
    {"accessControlAllowCredentials", Use::kUsed},
    {"accessControlAllowHeaders", Use::kUsed},
    {"accessControlAllowMethods", Use::kUsed},
    {"accessControlAllowOrigins", Use::kUsed},
    {"accessControlExposeHeaders", Use::kUsed},
    {"accessControlMaxAge", Use::kUsed},
};

// Lists and values of `cors` in place of what `out` has, where it says them.
void LayCors(const Fields& cors, std::optional<v1::Cors>* out) {
  if (cors.node() == nullptr) return;
  cors.Check(CorsPolicyRules());
  if (!out->has_value()) {
    out->emplace();
    (*out)->set_enabled(true);
  }
  v1::Cors& to = **out;
  const auto put = [&](absl::string_view name,
                       google::protobuf::RepeatedPtrField<std::string>* in) {
    if (!cors.Has(name)) return;
    in->Clear();
    for (const std::string& text : cors.Texts(name)) in->Add(std::string(text));
  };
  to.set_enabled(cors.Flag("enabled", to.enabled()));
  put("accessControlAllowOrigins", to.mutable_allowed_origins());
  put("accessControlAllowMethods", to.mutable_allowed_methods());
  put("accessControlAllowHeaders", to.mutable_allowed_headers());
  put("accessControlExposeHeaders", to.mutable_exposed_headers());
  to.set_allow_credentials(cors.Flag("accessControlAllowCredentials", to.allow_credentials()));
  const int64_t age = cors.Integer("accessControlMaxAge", to.max_age_seconds());
  if (age < 0 || age > 86400) cors.Refuse("accessControlMaxAge", "must be 0 to 86400 seconds");
  to.set_max_age_seconds(static_cast<int32_t>(std::clamp<int64_t>(age, 0, 86400)));
}

// The one object of that kind that names the API; null: none does, or more than one.
const Node* OnlyPolicyOf(absl::string_view kind, const KubeName& name,
                         const ConvertOptions& options, Conversion* out, std::string* path) {
  for (const std::string& elsewhere : options.apk->ElsewhereAimed(kind, name)) {
    out->Warn(kind, nullptr,
              absl::StrCat("one of namespace ", elsewhere, " names this API, which is in ",
                           name.name_space, ": it is not used"));
  }
  const std::vector<std::string> names = options.apk->AimedAt(kind, name);
  if (names.empty()) return nullptr;
  if (names.size() > 1) {
    out->Refuse(kind, nullptr,
                absl::StrCat(names[0], " and ", names[1], " are both for API ", name.name,
                             ": one says it all"));
    return nullptr;
  }
  const KubeName object{name.name_space, names.front()};
  *path = absl::StrCat(kind, " ", object.Id(), " spec");
  return options.apk->Find(kind, object)->Find("spec");
}

}  // namespace

std::optional<v1::RateLimit> ReadRateLimitPolicy(const Fields& spec) {
  std::optional<v1::RateLimit> rate;
  for (const absl::string_view block : {"default", "override"}) {
    const Fields data = spec.Object(block);
    data.Check(RateLimitDataRules());
    const Fields limit = data.Object("api");
    v1::RateLimit read;
    if (limit.node() != nullptr && ReadRateLimit(limit, &read)) rate = read;
  }
  if (!rate.has_value() && spec.out()->ok())
    spec.Refuse("default", "has no api with requestsPerUnit and unit: nothing is limited");
  return rate;
}

std::optional<v1::Cors> ReadApiPolicy(const Fields& spec) {
  std::optional<v1::Cors> cors;
  for (const absl::string_view block : {"default", "override"}) {
    const Fields data = spec.Object(block);
    data.Check(ApiPolicyDataRules());
    LayCors(data.Object("cORSPolicy"), &cors);
  }
  return cors;
}

void PutPolicies(const KubeName& name, const ConvertOptions& options, Conversion* out,
                 v1::Api* api) {
  if (options.apk == nullptr) return;
  std::string path;
  if (const Node* spec = OnlyPolicyOf(kRateLimitPolicy, name, options, out, &path)) {
    const auto rate = ReadRateLimitPolicy(Fields(spec, path, out));
    if (rate.has_value()) *api->mutable_limits()->mutable_rate() = *rate;
  }
  if (const Node* spec = OnlyPolicyOf(kApiPolicy, name, options, out, &path)) {
    const auto cors = ReadApiPolicy(Fields(spec, path, out));
    if (cors.has_value()) *api->mutable_cors() = *cors;
  }
}

ObjectRules PolicySpecRules() { return {kPolicySpec, true}; }
ObjectRules RateLimitDataRules() { return {kRateLimitData, true}; }
ObjectRules ApiPolicyDataRules() { return {kApiPolicyData, true}; }
ObjectRules CorsPolicyRules() { return {kCorsPolicy, true}; }

}  // namespace sallyport::authsvc::dialects::apk
