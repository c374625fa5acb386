#include "authsvc/apisix/closed.h"

#include <google/protobuf/util/message_differencer.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/apisix/schema.h"

namespace sallyport::authsvc::apisix {
namespace {

using google::protobuf::util::MessageDifferencer;

// Nothing is sent anywhere without the certificate that is named, and nobody has this one.
v1::Upstream Nowhere() {
  v1::Upstream upstream;
  upstream.add_targets()->set_url("https://taken-away.invalid");
  (*upstream.mutable_client_certificates()->mutable_certificate_ids())["*"] =
      absl::StrCat(dialects::apisix::kOrg, std::string(64, '0'));
  return upstream;
}

}  // namespace

std::vector<v1::Api> ClosedApis(const Snapshot& snapshot, const v1::DialectObject& route,
                                bool* were_closed) {
  std::vector<v1::Api> apis;
  const v1::Upstream nowhere = Nowhere();
  for (absl::string_view made : route.resources()) {
    const ApiEntry* const entry =
        absl::ConsumePrefix(&made, "Api ") ? snapshot.FindApi(std::string(made)) : nullptr;
    if (entry == nullptr) continue;
    *were_closed = *were_closed && MessageDifferencer::Equals(entry->api.upstream(), nowhere);
    apis.push_back(entry->api);
    *apis.back().mutable_upstream() = nowhere;
  }
  return apis;
}

}  // namespace sallyport::authsvc::apisix
