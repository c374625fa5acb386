// The Backend resource of WSO2 APK: one endpoint, with the trust and, beyond APK, the client
// certificate of its own. Pure, thread-safe. Private to this folder.
#pragma once

#include <string>
#include <vector>

#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/kube_object.h"
#include "authsvc/dialects/references.h"

namespace sallyport::authsvc::dialects::apk {

inline constexpr absl::string_view kBackend = "Backend";

struct Backend {
  std::string url;                       // with its base path
  std::string place;                     // "host:port"
  std::vector<std::string> authorities;  // references to certificates
  std::string client_certificate;        // reference; empty: none
  std::string server_name;               // empty: the host's
  v1::UpstreamCredential credential;     // without a header: none
  v1::Timeouts timeouts;
  v1::UpstreamLimits limits;
};

[[nodiscard]] Backend ReadBackend(const Fields& spec, const KubeName& name, References* references);

// One more target. What only all targets can have together must be the same in each.
void AddBackend(const Backend& backend, uint32_t weight, const Fields& where,
                v1::Upstream* upstream, std::vector<std::string>* authorities);

// One that some rules alone go to: reached by a rewrite, under the upstream's own rules.
void AddOtherBackend(const Backend& backend, const Fields& where, v1::Upstream* upstream,
                     std::vector<std::string>* authorities);

}  // namespace sallyport::authsvc::dialects::apk
