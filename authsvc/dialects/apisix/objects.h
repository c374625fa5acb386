// Where the objects of this dialect are looked up while others are converted, and small readers of
// their documents. Private to the folder and to authsvc/apisix.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "authsvc/dialects/apisix/schema.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc::dialects::apisix {

namespace v1 = sallyport::v1;

struct Object {
  const v1::DialectObject* object = nullptr;
  const Json* document = nullptr;
};

// As all objects will be once the write is done. Pointers are valid while it lives.
class Objects {
 public:
  virtual ~Objects() = default;
  // Null pointers: there is none.
  [[nodiscard]] virtual Object Find(absl::string_view collection, absl::string_view id) const = 0;
  // As they are stored: no document is read.
  virtual void ForEachStored(
      absl::string_view collection,
      absl::FunctionRef<void(absl::string_view id, const v1::DialectObject&)> visit) const = 0;
  virtual void ForEach(
      absl::string_view collection,
      absl::FunctionRef<void(absl::string_view id, const Object&)> visit) const = 0;
  // Whether there is a trust bundle kTrusted, of all upstreams that have no tls.ca_certs.
  [[nodiscard]] virtual bool HasTrusted() const { return false; }
};
// apisix.ssl.ssl_trusted_certificate of conf/config.yaml.
inline constexpr absl::string_view kTrusted = "apisix.ssl_trusted_certificate";

// "apisix/routes/1", of the store; "apisix.routes.1", of what is made of it.
[[nodiscard]] std::string StoredId(absl::string_view collection, absl::string_view id);
[[nodiscard]] std::string MadeId(absl::string_view collection, absl::string_view id);

// Among the resources of a route or service: a certificate that may issue what its own `client`
// asks for. No kind of resource, so nothing goes with it but the word.
inline constexpr absl::string_view kClientAuthority = "ClientAuthority ";

// Wrong as the dialect says it: "invalid configuration: …" is put before it.
[[nodiscard]] absl::Status Wrong(absl::string_view message);
// Said as it is.
[[nodiscard]] absl::Status Plain(absl::string_view message);

// Members of an object; null and what is not there are the same. Types were checked before.
[[nodiscard]] const Json* Get(const Json& object, absl::string_view name);
[[nodiscard]] std::string Text(const Json& object, absl::string_view name);
[[nodiscard]] int64_t Integer(const Json& object, absl::string_view name, int64_t otherwise);
[[nodiscard]] double Number(const Json& object, absl::string_view name, double otherwise);
[[nodiscard]] bool Flag(const Json& object, absl::string_view name, bool otherwise);
// An id member, which may be a number.
[[nodiscard]] std::string Id(const Json& object, absl::string_view name);
// A list of strings; something else in it is an error.
[[nodiscard]] absl::Status Texts(const Json& object, absl::string_view name,
                                 std::vector<std::string>* out);

}  // namespace sallyport::authsvc::dialects::apisix
