#include "dataplane/http/error_answer.h"

#include <gtest/gtest.h>

#include <string>

namespace sallyport::dataplane {
namespace {

using base::Reason;

std::string Render(Reason reason, ErrorStyle style, bool static_mtls = false) {
  ErrorAnswer answer;
  answer.reason = reason;
  answer.style = style;
  answer.request_id = "id-1";
  answer.static_mtls = static_mtls;
  answer.leaf_sha256_hex = "abcd";
  std::string out;
  RenderOwnAnswer(AnswerOf(answer), /*to_head=*/false, /*close=*/false, &out);
  return out;
}

TEST(ErrorAnswer, NativeSaysReasonAndId) {
  const std::string out = Render(Reason::kCertExpired, ErrorStyle::kNative);
  EXPECT_EQ(out.substr(0, 24), "HTTP/1.1 403 Forbidden\r\n");
  EXPECT_NE(out.find("X-Request-Id: id-1\r\n"), std::string::npos);
  EXPECT_NE(out.find("{\"error\":\"client certificate has "
                     "expired\",\"reason\":\"CERT_EXPIRED\",\"request_id\":\"id-1\"}"),
            std::string::npos);
}

struct TykCase {
  Reason reason;
  bool static_mtls;
  int status;
  const char* message;
};

TEST(ErrorAnswer, TykWordsAndStatuses) {
  const TykCase cases[] = {
      {Reason::kCertRequired, true, 403, "Client TLS certificate is required"},
      {Reason::kCertRequired, false, 401, "Client certificate required"},
      {Reason::kCertExpired, true, 403, "Certificate has expired"},
      {Reason::kCertExpired, false, 403, "Certificate has expired"},
      {Reason::kCertNotAllowed, true, 403, "Certificate with SHA256 abcd not allowed"},
      {Reason::kCertUntrusted, true, 403, "Certificate with SHA256 abcd not allowed"},
      {Reason::kCertUnknown, false, 401, "Access to this API has been disallowed"},
      {Reason::kCertUnknown, true, 401, "Access to this API has been disallowed"},
      {Reason::kCertBindingMismatch, true, 401, "Access to this API has been disallowed"},
      {Reason::kTlsRequired, true, 403, "TLS not enabled"},
      {Reason::kTokenRequired, false, 401, "Authorization field missing"},
      {Reason::kTokenUnknown, false, 403, "Access to this API has been disallowed"},
      {Reason::kKeyInactive, false, 403, "Key is inactive, please renew"},
      {Reason::kKeyExpired, false, 401, "Key has expired, please renew"},
      {Reason::kApiNotGranted, false, 403, "Access to this API has been disallowed"},
      {Reason::kOperationNotGranted, false, 403, "Access to this resource has been disallowed"},
      {Reason::kRateLimited, false, 429, "Rate Limit Exceeded"},
      {Reason::kApiRateLimited, false, 429, "API Rate Limit Exceeded"},
      {Reason::kQuotaExceeded, false, 403, "Quota exceeded"},
      {Reason::kUpstreamPin, false, 500, "There was a problem proxying the request"},
      {Reason::kUpstreamConnect, false, 500, "There was a problem proxying the request"},
      {Reason::kUpstreamDns, false, 500, "Upstream host lookup failed"},
      {Reason::kUpstreamTimeout, false, 504, "Upstream service reached hard timeout."},
      {Reason::kMisdirected, true, 421, "misdirected request"},
      {Reason::kAuthsvcUnavailable, false, 503, "authorization unavailable"},
  };
  for (const TykCase& c : cases) {
    const std::string out = Render(c.reason, ErrorStyle::kTyk, c.static_mtls);
    EXPECT_EQ(out.substr(9, 3), std::to_string(c.status)) << base::ReasonName(c.reason).data();
    EXPECT_NE(out.find(std::string("{\n    \"error\": \"") + c.message + "\"\n}"),
              std::string::npos)
        << out;
    EXPECT_EQ(StatusOf(c.reason, ErrorStyle::kTyk, c.static_mtls), c.status);
  }
}

TEST(ErrorAnswer, ApkHidesWhyACertificateFailed) {
  for (const Reason reason : {Reason::kCertRequired, Reason::kCertExpired, Reason::kCertUnknown}) {
    const std::string out = Render(reason, ErrorStyle::kApk);
    EXPECT_EQ(out.substr(9, 3), "401");
    EXPECT_NE(out.find("\"code\":\"900901\""), std::string::npos);
    EXPECT_NE(out.find("WWW-Authenticate: "), std::string::npos);
  }
  EXPECT_EQ(StatusOf(Reason::kUpstreamConnect, ErrorStyle::kApk, false), 502);
}

TEST(ErrorAnswer, ApisixAnswersCertificatesWith400) {
  const std::string out = Render(Reason::kCertRequired, ErrorStyle::kApisix);
  EXPECT_EQ(out.substr(9, 3), "400");
  EXPECT_NE(out.find("text/html"), std::string::npos);
  EXPECT_NE(
      Render(Reason::kNoRoute, ErrorStyle::kApisix).find("{\"error_msg\":\"404 Route Not Found\"}"),
      std::string::npos);
  EXPECT_EQ(StatusOf(Reason::kUpstreamPin, ErrorStyle::kApisix, false), 502);
}

TEST(ErrorAnswer, ApisixWordsWhatItsPluginDoes) {
  ErrorAnswer answer;
  answer.style = ErrorStyle::kApisix;
  const auto message = [&](Reason reason, bool jwt) {
    answer.reason = reason;
    answer.jwt = jwt;
    const OwnAnswer own = AnswerOf(answer);
    EXPECT_EQ(own.status, 401);
    return own.body;
  };
  EXPECT_EQ(message(Reason::kTokenRequired, true),
            "{\"message\":\"Missing JWT token in request\"}\n");
  EXPECT_EQ(message(Reason::kTokenUnknown, true),
            "{\"message\":\"Invalid user key in JWT token\"}\n");
  EXPECT_EQ(message(Reason::kTokenRequired, false),
            "{\"message\":\"Missing API key found in request\"}\n");
  EXPECT_EQ(message(Reason::kTokenUnknown, false),
            "{\"message\":\"Invalid API key in request\"}\n");
  EXPECT_EQ(message(Reason::kTokenMalformed, true), "{\"message\":\"JWT token invalid\"}\n");
  EXPECT_EQ(message(Reason::kTokenNamesNobody, true),
            "{\"message\":\"missing user key in JWT token\"}\n");
  for (const Reason reason : {Reason::kTokenInvalid, Reason::kTokenExpired})
    EXPECT_EQ(message(reason, true), "{\"message\":\"failed to verify jwt\"}\n");
  EXPECT_EQ(message(Reason::kCertBindingMismatch, false),
            "{\"message\":\"The credentials are not of one consumer\"}\n");
}

TEST(ErrorAnswer, MisdirectedIs421InEveryStyle) {
  for (const ErrorStyle style :
       {ErrorStyle::kNative, ErrorStyle::kTyk, ErrorStyle::kApisix, ErrorStyle::kApk}) {
    EXPECT_EQ(Render(Reason::kMisdirected, style).substr(9, 3), "421");
  }
}

TEST(ErrorAnswer, HeadHasNoBodyButItsLength) {
  ErrorAnswer answer;
  answer.reason = Reason::kNoRoute;
  answer.request_id = "i";
  answer.retry_after_seconds = 2;
  std::string out;
  RenderOwnAnswer(AnswerOf(answer), /*to_head=*/true, /*close=*/true, &out);
  EXPECT_EQ(out.substr(out.size() - 4), "\r\n\r\n");
  EXPECT_NE(out.find("Content-Length: "), std::string::npos);
  EXPECT_NE(out.find("Connection: close\r\n"), std::string::npos);
  EXPECT_NE(out.find("Retry-After: 2\r\n"), std::string::npos);
}

TEST(OwnAnswer, WithoutContentThereIsNoLength) {
  for (const int status : {200, 204, 205, 304, 404}) {
    OwnAnswer answer;
    answer.status = status;
    std::string out;
    RenderOwnAnswer(answer, /*to_head=*/false, /*close=*/false, &out);
    const bool says = out.find("Content-Length: 0\r\n") != std::string::npos;
    EXPECT_EQ(says, status != 204 && status != 304) << status;
  }
}

TEST(ErrorAnswer, EveryReasonHasAnErrorStatusInEveryStyle) {
#define X(enumerator, number, name, fault, status, message) Reason::enumerator,
  const Reason all[] = {SALLYPORT_REASONS(X)};
#undef X
  for (const Reason reason : all) {
    if (reason == Reason::kAllowed) continue;
    for (const ErrorStyle style :
         {ErrorStyle::kNative, ErrorStyle::kTyk, ErrorStyle::kApisix, ErrorStyle::kApk}) {
      EXPECT_GE(StatusOf(reason, style, false), 400);
      EXPECT_EQ(Render(reason, style).substr(9, 3), std::to_string(StatusOf(reason, style, false)));
    }
  }
}

}  // namespace
}  // namespace sallyport::dataplane
