#include "shared/admin_http/router.h"

#include <gtest/gtest.h>

namespace sallyport::admin_http {
namespace {

Handler Named(std::string name) {
  return [name](const Request&, const Responder& responder) {
    Response response;
    response.body = name;
    responder.Send(response);
  };
}

Response Ask(const Handler& handler, const std::string& path, const std::string& method = "GET") {
  Request request;
  request.method = method;
  request.path = path;
  Response got;
  handler(request, Responder([&](Response response) { got = std::move(response); }));
  return got;
}

TEST(Router, ExactThenLongestPrefixAtASegment) {
  Router router;
  router.Exact("/hello", Named("hello"));
  router.Mount("/tyk", Named("tyk"));
  router.Mount("/tyk/certs", Named("certs"));
  const Handler handler = [&](Request request, Responder responder) {
    router.Handle(std::move(request), std::move(responder));
  };
  EXPECT_EQ(Ask(handler, "/hello").body, "hello");
  EXPECT_EQ(Ask(handler, "/tyk").body, "tyk");
  EXPECT_EQ(Ask(handler, "/tyk/certs/x").body, "certs");
  EXPECT_EQ(Ask(handler, "/tyk/certsx").body, "tyk");
  EXPECT_EQ(Ask(handler, "/tykx").status, 404);
  EXPECT_EQ(Ask(handler, "/hello/x").status, 404);
}

TEST(HealthHandler, SaysTheProblem) {
  std::string problem;
  const Handler handler = HealthHandler([&] { return problem; });
  EXPECT_EQ(Ask(handler, "/readyz").body, "ok\n");
  problem = "no snapshot yet";
  EXPECT_EQ(Ask(handler, "/readyz").status, 503);
  EXPECT_EQ(Ask(handler, "/readyz").body, "no snapshot yet\n");
  EXPECT_EQ(Ask(handler, "/readyz", "POST").status, 405);
}

TEST(Responder, AnswersOnceAndNeverNot) {
  int answers = 0;
  Response last;
  {
    const Responder responder([&](Response response) {
      ++answers;
      last = std::move(response);
    });
    const Responder copy = responder;
    copy.Send({});
    responder.Send({});
    EXPECT_EQ(answers, 1);
  }
  EXPECT_EQ(answers, 1);
  {
    const Responder dropped([&](Response response) {
      ++answers;
      last = std::move(response);
    });
  }
  EXPECT_EQ(answers, 2);
  EXPECT_EQ(last.status, 500);
}

}  // namespace
}  // namespace sallyport::admin_http
