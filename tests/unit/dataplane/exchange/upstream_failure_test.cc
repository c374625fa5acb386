#include "dataplane/exchange/upstream_failure.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

using base::Reason;

TEST(ConnectFailure, IsTheUpstreamsOrNothing) {
  EXPECT_EQ(ConnectFailure(Reason::kUpstreamDns), "connect");
  EXPECT_EQ(ConnectFailure(Reason::kUpstreamConnectTimeout), "connect");
  EXPECT_EQ(ConnectFailure(Reason::kUpstreamPin), "tls");
  EXPECT_EQ(ConnectFailure(Reason::kUpstreamProxyRefused), "connect");
  EXPECT_EQ(ConnectFailure(Reason::kUpstreamProxy), "") << "of no use, which says nothing of it";
  EXPECT_EQ(ConnectFailure(Reason::kUpstreamCredential), "") << "ours";
  EXPECT_EQ(ConnectFailure(Reason::kClientGone), "");
  EXPECT_EQ(ConnectFailure(Reason::kAllowed), "");
}

TEST(IsUpstreamTlsFailure, FromHandshakeToCredential) {
  EXPECT_TRUE(IsUpstreamTlsFailure(Reason::kUpstreamTlsHandshake));
  EXPECT_TRUE(IsUpstreamTlsFailure(Reason::kUpstreamCredential));
  EXPECT_FALSE(IsUpstreamTlsFailure(Reason::kUpstreamConnectTimeout));
  EXPECT_FALSE(IsUpstreamTlsFailure(Reason::kUpstreamPoolFull));
}

}  // namespace
}  // namespace sallyport::dataplane
