#include "authsvc/dialects/apk/operations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/conf_fields.h"
#include "authsvc/dialects/apk/policies.h"
#include "authsvc/dialects/apk/route_rewrite.h"
#include "shared/domain/path_template.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kVerbs[] = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"};
constexpr absl::string_view kBothLimits =
    "909026: rate limits both of the API and of single operations: write the one or the other";
constexpr absl::string_view kBothPolicies =
    "909025: policies both of the API and of single operations: write the one or the other";
constexpr size_t kMostOperations = 2000;

double SecondsOf(absl::string_view unit) {
  if (unit == "Minute") return 60;
  if (unit == "Hour") return 3600;
  return unit == "Day" ? 86400 : 0;
}

bool ReadRate(const Fields& holder, v1::RateLimit* rate) {
  const Fields limit = holder.Object("rateLimit");
  if (limit.node() == nullptr) return false;
  ReadRateLimit(limit, rate);
  return true;
}

class Operations {
 public:
  Operations(const Fields& conf, const ServedPaths& served, v1::Api* api, v1::ApiVersion* version)
      : conf_(conf), served_(served), api_(*api), version_(*version), list_(version) {}

  void Run() {
    const Fields policies = conf_.Object("apiPolicies");
    ReadPolicies(policies, version_.mutable_request_headers(), version_.mutable_response_headers());
    api_rate_ = ReadRate(conf_, &rate_);
    if (api_rate_) *api_.mutable_limits()->mutable_rate() = rate_;
    const std::vector<Node>& items = conf_.List("operations");
    if (items.empty()) conf_.Refuse("operations", "909021: at least one operation is needed");
    if (items.size() > kMostOperations) return conf_.Refuse("operations", "more than 2000");
    for (size_t i = 0; i < items.size(); ++i) {
      const Fields operation(&items[i], ItemPath(conf_.PathOf("operations"), i), conf_.out());
      if (operation.node() == nullptr) {
        if (items[i].type == Node::Type::kNull)
          conf_.Refuse("operations", "has an empty operation");
        continue;
      }
      One(operation);
    }
    if (served_.type == ApiType::kGraphQl) GraphQl();
    list_.Finish();
  }

 private:
  void One(const Fields& operation) {
    operation.Check(OperationRules());
    if (api_rate_ && operation.Has("rateLimit")) operation.Refuse("rateLimit", kBothLimits);
    if (conf_.Has("apiPolicies") && IsSet(*conf_.Get("apiPolicies")) &&
        operation.Has("operationPolicies") && IsSet(*operation.Get("operationPolicies")))
      operation.Refuse("operationPolicies", kBothPolicies);
    for (const absl::string_view field : {"target", "verb"}) {
      if (operation.Text(field).empty()) operation.Refuse(field, "is missing");
    }
    if (served_.type == ApiType::kGraphQl) return GraphQlField(operation);
    if (served_.type == ApiType::kGrpc) return GrpcMethod(operation);
    Path(operation, RestPath(operation), RestMethod(operation));
  }

  std::string RestPath(const Fields& operation) const {
    std::string path = operation.Text("target");
    if (path == "*") path = "/*";
    if (const std::string wrong = WrongPath(path); !path.empty() && !wrong.empty())
      operation.Refuse("target", wrong);
    return path;
  }

  std::string RestMethod(const Fields& operation) const {
    if (served_.type == ApiType::kWebSocket) return "GET";  // an upgrade is one
    std::string verb = absl::AsciiStrToUpper(operation.Text("verb"));
    const bool known = std::find(std::begin(kVerbs), std::end(kVerbs), verb) != std::end(kVerbs);
    if (!known && !verb.empty())
      operation.Refuse("verb", "must be GET, POST, PUT, DELETE, HEAD, OPTIONS or PATCH");
    return verb;
  }

  void GrpcMethod(const Fields& operation) {
    const std::string target = operation.Text("target");
    const std::string method = operation.Text("verb");
    for (const auto& [field, text] : {std::pair{"target", target}, {"verb", method}}) {
      if (!IsGrpcName(text))
        operation.Refuse(field, "must be the name of a service, or of a method");
    }
    for (const std::string& prefix : served_.grpc_prefixes)
      Path(operation, absl::StrCat(prefix, target, "/", method), "POST");
  }

  // What is in the body is not looked at.
  void GraphQlField(const Fields& operation) const {
    const auto refuse = [&operation](absl::string_view field) {
      operation.Refuse(field,
                       "fields of a GraphQL schema are not told apart here: say it of the "
                       "whole API, or leave it out");
    };
    if (!operation.Flag("secured", true)) refuse("secured");
    if (!operation.Texts("scopes").empty()) refuse("scopes");
    for (const char* field : {"rateLimit", "operationPolicies", "endpointConfigurations"}) {
      if (operation.Has(field)) refuse(field);
    }
  }

  void GraphQl() {
    conf_.Warn("operations",
               "fields of a GraphQL schema are not told apart: who may call the API may ask for "
               "any of them");
    v1::Operation* all = version_.add_operations();
    all->set_path("/");
    all->add_methods("POST");
  }

  void Path(const Fields& fields, const std::string& path, const std::string& method) {
    v1::Operation* operation = list_.Add(path, method);
    if (operation == nullptr) {
      fields.Refuse("target", absl::StrCat(path, " with this verb stands there twice"));
      return;
    }
    operation->set_open(!fields.Flag("secured", true));
    for (const std::string& scope : fields.Texts("scopes")) {
      if (scope.empty()) fields.Refuse("scopes", "has an empty scope");
      operation->add_scopes(scope);
    }
    if (operation->open() && operation->scopes_size() > 0)
      fields.Refuse("scopes", "cannot be asked for where secured is false");
    v1::RateLimit rate;
    if (ReadRate(fields, &rate)) *operation->mutable_rate() = rate;
    Changes(fields, path, method);
  }

  void Changes(const Fields& fields, const std::string& path, const std::string& method) {
    const Fields policies = fields.Object("operationPolicies");
    std::string server;
    if (fields.Has("endpointConfigurations")) {
      if (served_.type == ApiType::kGrpc)
        fields.Refuse("endpointConfigurations", "a GRPC API has one endpoint here");
      else
        server = served_.endpoint_of(fields);
    }
    if (policies.node() == nullptr && server.empty()) return;
    v1::Endpoint* endpoint = list_.Change(path, method);
    PutRewrite(ExactPath(path), PathChange(), server, fields, endpoint);
    if (policies.node() == nullptr) return;
    ReadPolicies(policies, endpoint->mutable_request_headers(),
                 endpoint->mutable_response_headers());
  }

  const Fields& conf_;
  const ServedPaths& served_;
  v1::Api& api_;
  v1::ApiVersion& version_;
  v1::RateLimit rate_;
  bool api_rate_ = false;
  OperationList list_;
};

}  // namespace

bool IsGrpcName(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_';
  });
}

std::string WrongPath(absl::string_view path) {
  const auto parsed = domain::PathTemplate::Parse(path);
  return parsed.ok() ? std::string() : std::string(parsed.status().message());
}

bool ReadRateLimit(const Fields& limit, v1::RateLimit* rate) {
  limit.Check(RateLimitRules());
  const int64_t requests = limit.Integer("requestsPerUnit");
  if (requests < 1) limit.Refuse("requestsPerUnit", "must be 1 or more");
  const double seconds = SecondsOf(limit.Text("unit"));
  if (seconds == 0) limit.Refuse("unit", "must be Minute, Hour or Day");
  rate->set_rate(static_cast<double>(requests));
  rate->set_per_seconds(seconds);
  return requests >= 1 && seconds != 0;
}

void ReadOperations(const Fields& conf, const ServedPaths& served, v1::Api* api,
                    v1::ApiVersion* version) {
  Operations(conf, served, api, version).Run();
}

bool AnyScopes(const v1::Api& api) {
  for (const v1::ApiVersion& version : api.versions()) {
    for (const v1::Operation& operation : version.operations()) {
      if (operation.scopes_size() > 0) return true;
    }
  }
  return false;
}

void ReadCors(const Fields& conf, v1::Cors* cors) {
  const Fields fields = conf.Object("corsConfiguration");
  if (fields.node() == nullptr) return;
  fields.Check(CorsRules());
  const auto put = [&](absl::string_view name,
                       google::protobuf::RepeatedPtrField<std::string>* to) {
    for (const std::string& text : fields.Texts(name)) to->Add(std::string(text));
  };
  cors->set_enabled(fields.Flag("corsConfigurationEnabled"));
  put("accessControlAllowOrigins", cors->mutable_allowed_origins());
  put("accessControlAllowMethods", cors->mutable_allowed_methods());
  put("accessControlAllowHeaders", cors->mutable_allowed_headers());
  put("accessControlExposeHeaders", cors->mutable_exposed_headers());
  cors->set_allow_credentials(fields.Flag("accessControlAllowCredentials"));
  const int64_t age = fields.Integer("accessControlAllowMaxAge");
  if (age < 0 || age > 86400)
    fields.Refuse("accessControlAllowMaxAge", "must be 0 to 86400 seconds");
  cors->set_max_age_seconds(static_cast<int32_t>(std::clamp<int64_t>(age, 0, 86400)));
}

}  // namespace sallyport::authsvc::dialects::apk
