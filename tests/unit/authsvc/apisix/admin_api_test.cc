// What the Admin API does before a call reaches its worker; the calls themselves are tested end to
// end.
#include "authsvc/apisix/admin_api.h"

#include <gtest/gtest.h>

#include <memory>

#include "authsvc/change/writer.h"
#include "authsvc/store/sqlite_store.h"
#include "shared/crypto/digest.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc::apisix {
namespace {

constexpr char kKey[] = "the key of the test";

class AdminApiTest : public ::testing::Test {
 protected:
  AdminApiTest() : clock_(sallyport::testing::TestNow()) {
    store_ = *OpenSqliteStore(folder_.File("store.db"));
    Writer::Options options;
    options.clock = &clock_;
    writer_ = *Writer::Start(store_.get(), options);
  }

  // Answered before Handle returns, or status 0.
  static admin_http::Response Call(AdminApi& api, const std::string& method,
                                   const std::string& path, const std::string& key = "") {
    admin_http::Request request;
    request.method = method;
    request.path = path;
    if (!key.empty()) request.headers.emplace_back("x-api-key", key);
    auto answer = std::make_shared<admin_http::Response>();
    answer->status = 0;
    api.Handle(std::move(request), admin_http::Responder([answer](admin_http::Response response) {
                 *answer = std::move(response);
               }));
    return *answer;
  }

  sallyport::testing::TempFolder folder_;
  base::ManualClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(AdminApiTest, WhoHasNoKeyTakesNoPlaceFromWhoHasOne) {
  AdminApiOptions options;
  options.settings.keys.push_back({"test", crypto::Sha256(kKey)});
  options.max_queue = 0;  // no place is left
  AdminApi api(options, writer_.get(), &clock_);
  EXPECT_EQ(Call(api, "GET", "/apisix/admin/routes", kKey).status, 503);
  EXPECT_EQ(Call(api, "GET", "/apisix/admin/routes").status, 401);
  EXPECT_EQ(Call(api, "GET", "/apisix/status").status, 200);
  const auto head = Call(api, "HEAD", "/apisix/admin");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  const auto preflight = Call(api, "OPTIONS", "/apisix/admin/routes");
  EXPECT_EQ(preflight.status, 200);
  EXPECT_EQ(preflight.body, "");
  EXPECT_NE(preflight.headers.size(), 0u);
}

}  // namespace
}  // namespace sallyport::authsvc::apisix
