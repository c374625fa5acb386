// Asking for upstream credentials in tests.
#pragma once

#include <algorithm>
#include <string>

#include "authsvc/resolve/resolve.h"
#include "shared/base/reason.h"
#include "tests/unit/authsvc/decide/world.h"

namespace sallyport::authsvc {

using base::Reason;

// Keys are "key of ID".
inline absl::StatusOr<base::Secret> OpenForTest(const CertificateEntry& entry) {
  return base::Secret(absl::StrCat("key of ", entry.id));
}

inline v1::ResolveUpstreamRequest UpstreamOf(absl::string_view host, uint32_t port = 443) {
  v1::ResolveUpstreamRequest request;
  request.set_api_id("api1");
  request.set_host(std::string(host));
  request.set_port(port);
  request.set_tls(true);
  return request;
}
inline v1::ResolveUpstreamResponse Resolve(const World& world,
                                           const v1::ResolveUpstreamRequest& request,
                                           absl::Time now = testing::TestNow()) {
  return ResolveUpstream(world.snapshot(), request, now, OpenForTest);
}
inline v1::ResolveUpstreamResponse Resolve(const World& world, absl::string_view host,
                                           uint32_t port = 443) {
  return Resolve(world, UpstreamOf(host, port));
}

// Nothing in a refusal can be used by mistake.
#define EXPECT_UNAVAILABLE(answer)                                                    \
  do {                                                                                \
    const v1::ResolveUpstreamResponse refused_ = (answer);                            \
    EXPECT_EQ(refused_.reason(), static_cast<uint32_t>(Reason::kUpstreamCredential)); \
    EXPECT_FALSE(refused_.detail().empty());                                          \
    EXPECT_TRUE(refused_.client_chain_der().empty());                                 \
    EXPECT_TRUE(refused_.client_key_der().empty());                                   \
    EXPECT_FALSE(refused_.insecure_skip_verify());                                    \
    EXPECT_LE(refused_.ttl_ms(), 5000);                                               \
  } while (false)

class UpstreamTest : public ::testing::Test {
 protected:
  // A certificate with private key; `name` is also its subject.
  std::string Pair(absl::string_view name, absl::string_view org = kOrg) {
    const testing::TestCert made = testing::CertBuilder(absl::StrCat("CN=", name)).SelfSign();
    return world_.AddCertificate(made, {.org = std::string(org), .with_key = true});
  }
  void PutApi() { world_.Put(api_); }
  v1::DomainCertificates& certificates() {
    return *api_.mutable_upstream()->mutable_client_certificates();
  }
  v1::DomainPins& pins() { return *api_.mutable_upstream()->mutable_pins(); }

  World world_;
  v1::Api api_ = NewApi();
};

}  // namespace sallyport::authsvc
