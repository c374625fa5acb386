// How callers of an API of WSO2 APK prove who they are: read from apk-conf's `authentication` or
// from an Authentication resource (reference apk.md B8, B9), laid over each other, and put into an
// API. Pure, thread-safe. Private to this folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/kube_object.h"
#include "authsvc/dialects/references.h"

namespace sallyport::authsvc::dialects::apk {

// What is not set was not said.
struct Mechanism {
  std::optional<bool> on;
  std::optional<bool> mandatory;
  std::optional<bool> send;  // to the upstream
};
struct TokenMechanism : Mechanism {
  std::optional<std::string> header;
  std::optional<std::vector<std::string>> audiences;  // jwt
};
struct KeyMechanism : Mechanism {
  std::optional<std::string> header;  // empty: not looked for there
  std::optional<std::string> query;   // likewise
};
struct CertificateMechanism : Mechanism {
  std::optional<std::vector<std::string>> certificates;  // references, as an allowlist has them
};

struct Authentication {
  std::optional<bool> disabled;  // all of it
  TokenMechanism oauth2;         // nothing said: on and mandatory
  TokenMechanism jwt;            // nothing said: off, as the others
  KeyMechanism api_key;
  CertificateMechanism mtls;

  // What `over` says counts; what it does not say stays.
  void LayOver(const Authentication& over);
};

// The list `authentication` of apk-conf.
[[nodiscard]] Authentication ReadConfAuthentication(const Fields& conf, const KubeName& api);

// `spec` of an Authentication: `default` with `override` over it. Inline certificates are taken by
// `references`.
[[nodiscard]] Authentication ReadAuthenticationSpec(const Fields& spec, const KubeName& name,
                                                    References* references);

// Of an Authentication that a route names for single operations: true where it says that they ask
// for no token; anything else is refused.
[[nodiscard]] bool OpensOperations(const Fields& spec);

// Sets client_tls, token, jwts and keyless. Refusals and warnings are about `name` of `where`.
void PutAuthentication(const Authentication& authentication, const Fields& where,
                       absl::string_view name, v1::Api* api);

// "mandatory" (true), "optional", or nothing said.
[[nodiscard]] std::optional<bool> ReadRequired(const Fields& object);
// A name in the data of a Secret or ConfigMap.
[[nodiscard]] bool IsDataKey(absl::string_view key);
// "name:configmap/NAMESPACE/NAME/KEY" of an object {name, key}; empty after a refusal.
[[nodiscard]] std::string PlaceOf(const Node& reference, const std::string& path,
                                  absl::string_view kind, absl::string_view name_space,
                                  Conversion* out);
[[nodiscard]] std::vector<std::string> PlacesOf(const Fields& object, absl::string_view name,
                                                absl::string_view kind,
                                                absl::string_view name_space);

}  // namespace sallyport::authsvc::dialects::apk
