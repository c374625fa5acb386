// A route with all that it refers to as APIs of the core (reference apisix.md A1.5, A3). A route
// becomes one API for each of its URIs, and another one for each SSL object whose server names
// demand other client certificates, so that what is demanded is decided with each request. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "authsvc/dialects/apisix/objects.h"

namespace sallyport::authsvc::dialects::apisix {

// What the SSL objects in force ask of clients, by server name. Holds views of `objects`.
class SslIndex {
 public:
  struct Ssl {
    std::string id;
    std::vector<std::string> names;
    std::vector<std::string> authorities;  // certificate ids; empty: no client certificate
    uint32_t max_depth = 0;
    std::vector<std::string> exempt;  // expressions
  };
  explicit SslIndex(const Objects& objects);
  // The one that a handshake for this name, or names of this wildcard, meets; null: none.
  [[nodiscard]] const Ssl* Find(const std::string& name) const;
  [[nodiscard]] const std::vector<Ssl>& all() const { return all_; }

 private:
  std::vector<Ssl> all_;
  std::map<std::string, size_t> by_name_;
};

// INVALID_ARGUMENT and FAILED_PRECONDITION as Wrong and Plain say.
[[nodiscard]] absl::Status ConvertRoute(absl::string_view id, const Object& route,
                                        const Objects& objects, const SslIndex& ssls,
                                        std::vector<v1::Api>* apis,
                                        std::vector<std::string>* warnings);

// The route's APIs where SSL objects place them now, of what they were: `stood`. For routes that
// ConvertRoute refuses since what they refer to is gone. Upstream, plugins, conditions and the
// client certificates that route or service ask for themselves are those of `stood`.
[[nodiscard]] absl::Status PlaceAgain(absl::string_view id, const Object& route,
                                      const Objects& objects, const SslIndex& ssls,
                                      const std::vector<v1::Api>& stood,
                                      std::vector<v1::Api>* apis);

}  // namespace sallyport::authsvc::dialects::apisix
