// What an API serves and to whom: `operations`, policies, limits and CORS of apk-conf. Pure,
// thread-safe. Private to this folder.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "authsvc/dialects/fields.h"
#include "shared/domain/path_template.h"

namespace sallyport::authsvc::dialects::apk {

enum class ApiType : uint8_t { kRest, kGraphQl, kGrpc, kWebSocket };

struct ServedPaths {
  ApiType type = ApiType::kRest;
  // GRPC: a service is called by its whole name, "/org.apk.v1.pkg.Service/Method"; what stands
  // before the target, by the version and, for the default version, without it.
  std::vector<std::string> grpc_prefixes;
  // "https://host:port/base" of an operation's own endpoint; empty: the API's.
  std::function<std::string(const Fields& operation)> endpoint_of;
};

// Operations, the changes of headers, and limits, of the API and of its one version.
void ReadOperations(const Fields& conf, const ServedPaths& served, v1::Api* api,
                    v1::ApiVersion* version);
void ReadCors(const Fields& conf, v1::Cors* cors);
// {requestsPerUnit, unit}; false after a refusal.
bool ReadRateLimit(const Fields& limit, v1::RateLimit* rate);

// An expression for exactly the paths of an operation: "/orders/{id}" -> "^/orders/[^/]+$".
[[nodiscard]] std::string PathRegex(absl::string_view path);
// Letters, digits, '.' and '_': of services and methods of gRPC.
[[nodiscard]] bool IsGrpcName(absl::string_view text);
// "" or what is wrong with the path of an operation.
[[nodiscard]] std::string WrongPath(absl::string_view path);

// Operations of one version, and the changes that go with them: of the endpoints that Finish makes,
// the first of each kind that matches a request is that of the operation that the request is.
// "/menu/*" stands for "/menu" as well, as in APK, where that is not one of its own.
class OperationList {
 public:
  explicit OperationList(v1::ApiVersion* version) : version_(*version) {}
  // Null where this path with this method is there already, whatever its parameters are called. An
  // empty method: all.
  v1::Operation* Add(const std::string& path, const std::string& method);
  // Changes for an operation.
  v1::Endpoint* Change(const std::string& path, const std::string& method);
  // When all were added.
  void Finish();

 private:
  using Key = std::pair<std::string, std::string>;  // shape of the path, method
  struct Changed {
    std::string path;
    Key key;
    domain::PathTemplate place;
    std::unique_ptr<v1::Endpoint> endpoint;
  };
  [[nodiscard]] static Key KeyOf(const std::string& path, const std::string& method);
  void AddImplied();
  void ShieldOthers();

  v1::ApiVersion& version_;
  std::set<Key> seen_;
  std::vector<Changed> changed_;
};

[[nodiscard]] bool AnyScopes(const v1::Api& api);

}  // namespace sallyport::authsvc::dialects::apk
