// A writer over a real SQLite file in a folder of its own, and the REST surface over it. For the
// tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/admin/tyk_api.h"
#include "authsvc/change/writer.h"
#include "authsvc/store/sqlite_store.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/sealer.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/notification.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc::admin {

using Json = nlohmann::json;

class AdminTest : public ::testing::Test {
 protected:
  static constexpr char kAdminKey[] = "admin-key-of-the-test";

  AdminTest() : clock_(testing::TestNow()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "admin.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    auto store = OpenSqliteStore((folder_ / "store.db").string());
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto keys = crypto::ParseMasterKeys(absl::StrCat("test ", std::string(64, 'a'), "\n"));
    EXPECT_TRUE(keys.ok()) << keys.status();
    auto sealer = crypto::Sealer::Create(*std::move(keys));
    EXPECT_TRUE(sealer.ok()) << sealer.status();
    sealer_ = *std::move(sealer);
    Writer::Options options;
    options.clock = &clock_;
    options.sealer = sealer_.get();
    auto writer = Writer::Start(store_.get(), options);
    EXPECT_TRUE(writer.ok()) << writer.status();
    writer_ = *std::move(writer);
    options_.keys.push_back({"first", crypto::Sha256(kAdminKey)});
    options_.default_org_id = "org";
  }
  ~AdminTest() override {
    api_.reset();
    writer_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  TykApi& api() {
    if (api_ == nullptr) {
      api_ = std::make_unique<TykApi>(
          options_, writer_.get(), &clock_,
          [this](uint64_t, uint64_t revision, std::function<void(bool)> done) {
            waited_for_ = revision;
            done(reload_answer_);
          });
    }
    return *api_;
  }

  admin_http::Response Send(admin_http::Request request) {
    admin_http::Response response;
    testing::Notification answered;
    api().Handle(std::move(request), admin_http::Responder([&](admin_http::Response answer) {
                   response = std::move(answer);
                   answered.Notify();
                 }));
    EXPECT_TRUE(answered.WaitFor(absl::Seconds(20)));
    return response;
  }

  // `target` may have a query of plain name=value pairs.
  admin_http::Response Call(const std::string& method, const std::string& target,
                            const std::string& body = "", const std::string& key = kAdminKey) {
    admin_http::Request request;
    request.method = method;
    const size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark != std::string::npos) {
      for (absl::string_view pair : absl::StrSplit(target.substr(mark + 1), '&')) {
        const std::pair<std::string, std::string> parts =
            absl::StrSplit(pair, absl::MaxSplits('=', 1));
        request.query.push_back(parts);
      }
    }
    request.headers.emplace_back("x-tyk-authorization", key);
    request.body = body;
    request.tls = true;
    return Send(std::move(request));
  }

  // The answer's JSON, after a check of status and form.
  Json Expect(int status, const admin_http::Response& response) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_EQ(response.body.empty() ? '?' : response.body.back(), '\n');
    return Json::parse(response.body, nullptr, false);
  }
  void ExpectError(int status, const std::string& message, const admin_http::Response& response) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.body, "{\"status\":\"error\",\"message\":" + Json(message).dump() + "}\n");
  }

  std::string AddCertificate(const std::string& pem) {
    return Expect(200, Call("POST", "/tyk/certs?org_id=org", pem)).value("id", "");
  }
  static Json Classic(const std::string& id, const std::string& path = "") {
    return {{"name", id},
            {"api_id", id},
            {"org_id", "org"},
            {"active", true},
            {"use_keyless", true},
            {"proxy",
             {{"listen_path", path.empty() ? "/" + id + "/" : path},
              {"target_url", "https://up.test/"}}},
            {"version_data",
             {{"not_versioned", true}, {"versions", {{"Default", {{"name", "Default"}}}}}}}};
  }
  void AddApi(const Json& definition) { Expect(200, Call("POST", "/tyk/apis", definition.dump())); }
  static Json Session(const std::string& api_id) {
    return {{"org_id", "org"},
            {"access_rights", {{api_id, {{"api_id", api_id}, {"api_name", api_id}}}}}};
  }

  base::ManualClock clock_;
  std::filesystem::path folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<const crypto::Sealer> sealer_;
  std::unique_ptr<Writer> writer_;
  TykApiOptions options_;
  std::unique_ptr<TykApi> api_;
  uint64_t waited_for_ = 0;
  bool reload_answer_ = true;
};

}  // namespace sallyport::authsvc::admin
