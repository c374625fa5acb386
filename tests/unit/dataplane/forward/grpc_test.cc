#include "dataplane/forward/grpc.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

using base::Reason;

TEST(Grpc, ItsContentTypes) {
  for (const char* const type :
       {"application/grpc", "application/grpc+proto", "Application/gRPC;charset=utf-8"}) {
    EXPECT_TRUE(IsGrpcContentType(type)) << type;
  }
  for (const char* const type :
       {"", "application/grpc-web", "application/grpcx", "application/json", "xapplication/grpc"}) {
    EXPECT_FALSE(IsGrpcContentType(type)) << type;
  }
}

TEST(Grpc, Timeouts) {
  EXPECT_EQ(ParseGrpcTimeout("1H"), absl::Hours(1));
  EXPECT_EQ(ParseGrpcTimeout("2M"), absl::Minutes(2));
  EXPECT_EQ(ParseGrpcTimeout("99999999S"), absl::Seconds(99'999'999));
  EXPECT_EQ(ParseGrpcTimeout("300m"), absl::Milliseconds(300));
  EXPECT_EQ(ParseGrpcTimeout("5u"), absl::Microseconds(5));
  EXPECT_EQ(ParseGrpcTimeout("0n"), absl::ZeroDuration());
  for (const char* const text :
       {"", "S", "1", "1s", "-1S", " 1S", "1.5S", "123456789S", "1SS", "1Sx"}) {
    EXPECT_FALSE(ParseGrpcTimeout(text).has_value()) << text;
  }
}

TEST(Grpc, StatusesOfOurOwnRefusals) {
  const std::pair<int, int> cases[] = {
      {400, 13}, {401, 16}, {403, 7},  {404, 12}, {408, 4},  {413, 8},  {421, 14}, {429, 8},
      {431, 8},  {500, 13}, {501, 12}, {502, 14}, {503, 14}, {504, 14}, {302, 2},  {418, 2}};
  for (const auto& [http, grpc] : cases)
    EXPECT_EQ(static_cast<int>(GrpcStatusOfHttp(http)), grpc) << http;
  EXPECT_EQ(GrpcStatusOf(Reason::kQuotaExceeded, 403), GrpcStatus::kResourceExhausted);
  EXPECT_EQ(GrpcStatusOf(Reason::kApiNotGranted, 403), GrpcStatus::kPermissionDenied);
}

TEST(Grpc, StatusesOfResets) {
  EXPECT_EQ(GrpcStatusOfReset(7), GrpcStatus::kUnavailable);
  EXPECT_EQ(GrpcStatusOfReset(8), GrpcStatus::kCancelled);
  EXPECT_EQ(GrpcStatusOfReset(11), GrpcStatus::kResourceExhausted);
  EXPECT_EQ(GrpcStatusOfReset(12), GrpcStatus::kPermissionDenied);
  for (const uint32_t code : {0u, 1u, 2u, 3u, 10u, 99u})
    EXPECT_EQ(GrpcStatusOfReset(code), GrpcStatus::kInternal);
}

TEST(Grpc, MessagesArePercentEncoded) {
  EXPECT_EQ(GrpcMessage("rate limit exceeded"), "rate limit exceeded");
  EXPECT_EQ(GrpcMessage("100%\r\n\xc3\xbc"), "100%25%0D%0A%C3%BC");
}

}  // namespace
}  // namespace sallyport::dataplane
