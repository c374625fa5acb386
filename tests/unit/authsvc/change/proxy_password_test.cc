// The password for a forward proxy on its way into the store and out of it.
#include "authsvc/change/proxy_password.h"

#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPassword[] = "open sesame";

class ProxyPasswordTest : public WriterTest {
 protected:
  static v1::Resource Proxied(const std::string& url = "http://proxy.example:3128",
                              const std::string& user = "ali") {
    v1::Resource resource = ApiResource("a");
    v1::ForwardProxy* proxy = resource.mutable_api()->mutable_upstream()->mutable_forward_proxy();
    proxy->set_url(url);
    proxy->set_username(user);
    return resource;
  }
  absl::StatusOr<WriteResult> PutWith(v1::Resource resource, const std::string& password) {
    Mutation mutation = Put(std::move(resource));
    mutation.proxy_password = base::Secret::CopyOf(password);
    return Run(Of(std::move(mutation)));
  }
  std::string RefusalOf(v1::Resource resource, const std::string& password) {
    const auto result = PutWith(std::move(resource), password);
    const std::string text(result.status().message());
    EXPECT_THAT(text, Not(HasSubstr(kPassword)));
    return result.ok() ? "" : text;
  }
  std::string Opened() {
    const auto opened = writer_->OpenProxyPassword(writer_->snapshot()->FindApi("a")->api);
    return opened.ok() ? std::string(opened->Reveal()) : std::string(opened.status().message());
  }
};

TEST_F(ProxyPasswordTest, IsSealedAndComesBackOnlyByTheOpener) {
  const auto put = PutWith(Proxied(), kPassword);
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_THAT(put->AllWarnings(), ::testing::Contains(HasSubstr("in the clear")));
  EXPECT_EQ(Opened(), kPassword);
  EXPECT_EQ(store_->Read(Kind::kApi, "a")->body.find(kPassword), std::string::npos);
  const auto read = writer_->ReadResource(Kind::kApi, "a");
  EXPECT_EQ(read->api().upstream().forward_proxy().username(), "ali");
  EXPECT_FALSE(read->api().upstream().forward_proxy().has_sealed_password());
  v1::Resource listed;
  ASSERT_TRUE(writer_->snapshot()->ToResource(Kind::kApi, "a", &listed));
  EXPECT_FALSE(listed.api().upstream().forward_proxy().has_sealed_password());
  EXPECT_EQ(listed.ShortDebugString().find(kPassword), std::string::npos);
}

TEST_F(ProxyPasswordTest, IsKeptForTheSameUserAtTheSameProxyAlone) {
  ASSERT_TRUE(PutWith(Proxied(), kPassword).ok());
  v1::Resource read = *writer_->ReadResource(Kind::kApi, "a");
  read.mutable_api()->set_name("renamed");
  MustPut(read);
  EXPECT_EQ(Opened(), kPassword);
  EXPECT_THAT(Refusal(Proxied("http://evil.example:3128")), HasSubstr("is required"));
  EXPECT_THAT(Refusal(Proxied("http://proxy.example:3129")), HasSubstr("is required"));
  EXPECT_THAT(Refusal(Proxied("http://proxy.example:3128", "bob")), HasSubstr("is required"));
  EXPECT_EQ(Opened(), kPassword);
  ASSERT_TRUE(PutWith(Proxied("http://proxy.example:3128", "bob"), "other").ok());
  EXPECT_EQ(Opened(), "other");
  MustPut(Proxied("http://proxy.example:3128", ""));
  EXPECT_THAT(Opened(), HasSubstr("no password"));
  EXPECT_THAT(Refusal(Proxied()), HasSubstr("is required")) << "it was given up";
}

TEST_F(ProxyPasswordTest, TheSameAgainChangesNothing) {
  ASSERT_TRUE(PutWith(Proxied(), kPassword).ok());
  const auto again = PutWith(Proxied(), kPassword);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->results[0].outcome, MutationResult::Outcome::kUnchanged);
  const auto other = PutWith(Proxied(), "other");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->results[0].outcome, MutationResult::Outcome::kUpdated);
  EXPECT_EQ(Opened(), "other");
}

TEST_F(ProxyPasswordTest, RefusesWhatCannotBe) {
  EXPECT_THAT(RefusalOf(Proxied(), ""), HasSubstr("is required"));
  EXPECT_THAT(RefusalOf(Proxied("http://proxy.example:3128", ""), kPassword),
              HasSubstr("without a user name"));
  EXPECT_THAT(RefusalOf(ApiResource("a"), kPassword), HasSubstr("without forward_proxy"));
  EXPECT_THAT(RefusalOf(Proxied(), std::string(kPassword) + "\r\nX: y"),
              HasSubstr("control character"));
  EXPECT_THAT(RefusalOf(Proxied(), kPassword + std::string(2000, 'x')), HasSubstr("longer"));
  EXPECT_THAT(RefusalOf(Proxied("http://proxy.example:3128", "a:b"), kPassword),
              HasSubstr("username has a colon"));
  EXPECT_THAT(RefusalOf(Proxied("http://proxy.example:3128", "a\nb"), kPassword),
              HasSubstr("control character"));
  EXPECT_THAT(RefusalOf(Proxied("http://ali:open sesame@proxy.example:3128"), kPassword),
              HasSubstr("fields of their own"));
  EXPECT_THAT(RefusalOf(Proxied("https://proxy.example:3128"), kPassword),
              HasSubstr("upstream forward_proxy url: TLS to the proxy"));
  v1::Resource given = Proxied();
  given.mutable_api()
      ->mutable_upstream()
      ->mutable_forward_proxy()
      ->mutable_sealed_password()
      ->set_ciphertext("mine");
  EXPECT_THAT(RefusalOf(given, ""), HasSubstr("cannot be given"));
  EXPECT_EQ(writer_->snapshot()->revision(), 0u);
}

TEST_F(ProxyPasswordTest, ASealedOneOfAnotherApiDoesNotOpen) {
  ASSERT_TRUE(PutWith(Proxied(), kPassword).ok());
  v1::Api other = writer_->snapshot()->FindApi("a")->api;
  other.set_id("b");
  EXPECT_FALSE(writer_->OpenProxyPassword(other).ok());
}

TEST_F(ProxyPasswordTest, NoMasterKeyNoPassword) {
  v1::Api api = Proxied().api();
  const std::string store = "s";
  const absl::Status status = CompleteProxyPassword({nullptr, store}, kPassword, nullptr, &api);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(api.upstream().forward_proxy().has_sealed_password());
}

}  // namespace
}  // namespace sallyport::authsvc
