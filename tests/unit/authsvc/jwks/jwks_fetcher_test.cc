// Key sets fetched from a real server on loopback.
#include "authsvc/jwks/jwks_fetcher.h"

#include <atomic>
#include <fstream>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "shared/admin_http/server.h"
#include "shared/base/mutex.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/notification.h"
#include "tests/fakes/temp_folder.h"
#include "tests/unit/authsvc/decide/world.h"
#include "tests/unit/shared/jwt/signer.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using testing::TestCert;

constexpr char kKeys[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":"
    "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":"
    "\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

constexpr char kNotHeld[] = "-not-held";

class JwksFetcherTest : public ::testing::Test {
 protected:
  std::unique_ptr<admin_http::Server> StartServer(const admin_http::ServerOptions& options = {}) {
    auto server = admin_http::Server::Start(
        options,
        [this](const admin_http::Request& request, const admin_http::Responder& responder) {
          ++asked_;
          const base::MutexLock lock(&mutex_);
          if (hold_ && !absl::StrContains(request.path, kNotHeld)) {
            held_.push_back(responder);
            last_held_ = request.path;
            return changed_.SignalAll();
          }
          admin_http::Response response;
          response.status = status_;
          response.body = body_;
          responder.Send(std::move(response));
        });
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }
  void Serve(const admin_http::ServerOptions& options = {}) {
    server_ = StartServer(options);
    Point(absl::StrCat(options.certificate_file.empty() ? "http" : "https",
                       "://127.0.0.1:", server_->port(), "/keys"));
  }
  void Point(const std::string& url) { issuer_ = PutIssuer("idp", url, issuer_); }
  v1::TokenIssuer PutIssuer(const std::string& id, const std::string& url,
                            v1::TokenIssuer issuer = {}) {
    v1::Resource resource;
    issuer.set_id(id);
    issuer.set_org_id(kOrg);
    issuer.set_jwks_url(url);
    *resource.mutable_token_issuer() = issuer;
    world_.Put(resource);
    return issuer;
  }
  void Answer(int status, std::string body) {
    const base::MutexLock lock(&mutex_);
    status_ = status;
    body_ = std::move(body);
  }
  JwksFetcher& fetcher() {
    if (!fetcher_.has_value()) {
      options_.ca_path = trust_.File("");
      fetcher_.emplace(options_, &clock_, [this](const JwksResult& result) {
        const base::MutexLock lock(&mutex_);
        last_ = result.status;
        ++reports_;
        changed_.SignalAll();
      });
    }
    return *fetcher_;
  }
  // Waits for it.
  void Fetch(const std::vector<std::string>& ids = {"idp"}) {
    testing::Notification done;
    fetcher().Fetch(world_.snapshot(), ids, [&] { done.Notify(); });
    done.Wait();
  }
  void Hold() {
    const base::MutexLock lock(&mutex_);
    hold_ = true;
  }
  // Waits until this many are held.
  void WaitHeld(size_t count) {
    const base::MutexLock lock(&mutex_);
    while (held_.size() < count) changed_.Wait(&mutex_);
  }
  // Waits for a fetch that has ended since the last call.
  void WaitReport() {
    const base::MutexLock lock(&mutex_);
    while (reports_ == seen_reports_) changed_.Wait(&mutex_);
    seen_reports_ = reports_;
  }
  void WaitReports(int count) {
    const base::MutexLock lock(&mutex_);
    while (reports_ < count) changed_.Wait(&mutex_);
  }
  void WaitAsked(int count) {
    while (asked_ < count) WaitReport();
  }
  void WaitHeldAt(const std::string& path) {
    const base::MutexLock lock(&mutex_);
    while (last_held_ != path) changed_.Wait(&mutex_);
  }
  // How many there were. Later ones are held too, or answered at once.
  size_t AnswerHeld(bool hold = false) {
    std::vector<admin_http::Responder> held;
    {
      const base::MutexLock lock(&mutex_);
      hold_ = hold;
      held.swap(held_);
    }
    for (const admin_http::Responder& responder : held) {
      admin_http::Response response;
      response.status = 200;
      response.body = kKeys;
      responder.Send(std::move(response));
    }
    return held.size();
  }
  absl::Status last() {
    const base::MutexLock lock(&mutex_);
    return last_;
  }

  JwksOptions options_;
  std::atomic<int> asked_{0};
  base::Mutex mutex_;
  base::CondVar changed_;
  bool hold_ ABSL_GUARDED_BY(mutex_) = false;
  std::string last_held_ ABSL_GUARDED_BY(mutex_);  // its path
  std::vector<admin_http::Responder> held_ ABSL_GUARDED_BY(mutex_);
  int status_ ABSL_GUARDED_BY(mutex_) = 200;
  std::string body_ ABSL_GUARDED_BY(mutex_) = kKeys;
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
  int reports_ ABSL_GUARDED_BY(mutex_) = 0;
  int seen_reports_ ABSL_GUARDED_BY(mutex_) = 0;
  base::ManualClock clock_;
  testing::TempFolder trust_;
  World world_;
  v1::TokenIssuer issuer_;
  std::unique_ptr<admin_http::Server> server_;
  std::optional<JwksFetcher> fetcher_;
};

TEST_F(JwksFetcherTest, FetchesOnceAndKeeps) {
  Serve();
  EXPECT_EQ(fetcher().Find(issuer_), nullptr);
  Fetch();
  const FetchedKeysPtr keys = fetcher().Find(issuer_);
  ASSERT_NE(keys, nullptr);
  EXPECT_EQ(keys->keys.keys.size(), 1u);
  Fetch();  // too soon for another
  EXPECT_EQ(asked_, 1);
  EXPECT_FALSE(fetcher().MayAskAgain(issuer_));
  clock_.Advance(absl::Seconds(5));
  EXPECT_TRUE(fetcher().MayAskAgain(issuer_));
  Fetch();
  EXPECT_EQ(asked_, 2);
}

TEST_F(JwksFetcherTest, AnotherAddressIsAnotherSet) {
  Serve();
  Fetch();
  v1::TokenIssuer other = issuer_;
  other.set_jwks_url(issuer_.jwks_url() + "2");
  EXPECT_EQ(fetcher().Find(other), nullptr);
}

TEST_F(JwksFetcherTest, KeepsWhatItHasWhileTheServerIsAwayButNotForEver) {
  Serve();
  Fetch();
  Answer(500, "");
  clock_.Advance(absl::Minutes(59));
  Fetch();
  EXPECT_FALSE(last().ok());
  EXPECT_NE(fetcher().Find(issuer_), nullptr);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(fetcher().Find(issuer_), nullptr);
}

TEST_F(JwksFetcherTest, RefusesWhatIsNoKeySet) {
  Serve();
  for (const auto& [status, body] : {std::pair<int, std::string>(404, kKeys),
                                     {302, kKeys},
                                     {200, "<html>"},
                                     {200, "{}"},
                                     {200, std::string(600'000, ' ')}}) {
    Answer(status, body);
    clock_.Advance(absl::Seconds(5));
    Fetch();
    EXPECT_FALSE(last().ok()) << status << " " << body.substr(0, 10);
    EXPECT_EQ(fetcher().Find(issuer_), nullptr);
  }
}

TEST_F(JwksFetcherTest, ADeadAddressEndsTheWaiting) {
  Point("http://127.0.0.1:1/keys");
  Fetch();
  EXPECT_FALSE(last().ok());
}

TEST_F(JwksFetcherTest, TrustsTheIssuersCertificatesAndNoOther) {
  const TestCert ca = CertBuilder("CN=ca").Ca().SelfSign();
  const TestCert leaf =
      CertBuilder("CN=idp").Ip(absl::string_view("\x7f\0\0\1", 4)).NoExtendedUsage().SignBy(ca);
  admin_http::ServerOptions options;
  const testing::TempFolder files;
  options.certificate_file = files.File("crt");
  options.private_key_file = files.File("key");
  std::ofstream(options.certificate_file) << leaf.Pem();
  std::ofstream(options.private_key_file) << leaf.KeyPem();
  Serve(options);
  Fetch();
  EXPECT_FALSE(last().ok());
  EXPECT_EQ(asked_, 0);
  issuer_.add_jwks_trust_ids(world_.AddCertificate(ca));
  Point(issuer_.jwks_url());
  Fetch();
  EXPECT_TRUE(last().ok()) << last();
  EXPECT_NE(fetcher().Find(issuer_), nullptr);
}

TEST_F(JwksFetcherTest, ManyWhoAskShareOneFetchAndNobodyIsForgottenAtTheEnd) {
  Serve();
  std::atomic<int> done{0};
  for (int i = 0; i < 10; ++i) fetcher().Fetch(world_.snapshot(), {"idp"}, [&] { ++done; });
  fetcher().Fetch(world_.snapshot(), {"nobody"}, [&] { ++done; });
  fetcher_.reset();
  EXPECT_EQ(done, 11);
  EXPECT_LE(asked_, 1);
}

TEST_F(JwksFetcherTest, IssuersOfOneOrganisationAddressAndTrustShareASet) {
  Serve();
  const v1::TokenIssuer twin = PutIssuer("twin", issuer_.jwks_url());
  Fetch({"idp", "twin"});
  EXPECT_EQ(asked_, 1);
  EXPECT_NE(fetcher().Find(twin), nullptr);
  v1::TokenIssuer other = issuer_;
  other.set_org_id("org2");
  EXPECT_EQ(fetcher().Find(other), nullptr);
}

TEST_F(JwksFetcherTest, SetsThatNoIssuerHasAreForgotten) {
  Serve();
  const v1::TokenIssuer twin = PutIssuer("twin", issuer_.jwks_url());
  const v1::TokenIssuer alone = PutIssuer("alone", issuer_.jwks_url() + "2");
  Fetch({"idp", "alone"});
  fetcher().KeepThoseOf(world_.snapshot());
  EXPECT_NE(fetcher().Find(alone), nullptr);
  PutIssuer("alone", issuer_.jwks_url() + "3");
  PutIssuer("idp", issuer_.jwks_url() + "4");
  fetcher().KeepThoseOf(world_.snapshot());
  EXPECT_EQ(fetcher().Find(alone), nullptr);
  EXPECT_NE(fetcher().Find(twin), nullptr) << "the twin has it still";
}

TEST_F(JwksFetcherTest, WhoWaitsForASetThatIsForgottenIsCalled) {
  Serve();
  Hold();
  testing::Notification done;
  fetcher().Fetch(world_.snapshot(), {"idp"}, [&] { done.Notify(); });
  WaitHeld(1);
  PutIssuer("idp", issuer_.jwks_url() + "2");
  fetcher().KeepThoseOf(world_.snapshot());
  done.Wait();
  EXPECT_EQ(AnswerHeld(), 1u);
}

TEST_F(JwksFetcherTest, WhereThereIsNoRoomItIsSaidAndWhatNobodyHasGoes) {
  options_.max_sets = 1;
  Serve();
  Fetch();
  const v1::TokenIssuer more = PutIssuer("more", issuer_.jwks_url() + "2");
  Fetch({"more"});
  EXPECT_TRUE(absl::IsResourceExhausted(last())) << last();
  EXPECT_NE(fetcher().Find(issuer_), nullptr);
  PutIssuer("idp", more.jwks_url());
  clock_.Advance(absl::Seconds(5));
  Fetch({"more"});
  EXPECT_TRUE(last().ok()) << last();
  EXPECT_NE(fetcher().Find(more), nullptr);
}

TEST_F(JwksFetcherTest, FewAreFetchedAheadAtOnceAndWhoWaitsGoesFirst) {
  options_.most_ahead = 2;
  Serve();
  Hold();
  std::vector<std::string> ids;
  for (int i = 0; i < 9; ++i) {
    ids.push_back(absl::StrCat("idp", i));
    PutIssuer(ids.back(), absl::StrCat(issuer_.jwks_url(), i));
  }
  fetcher().Prefetch(world_.snapshot(), ids);
  WaitHeld(2);
  testing::Notification done;
  fetcher().Fetch(world_.snapshot(), {"idp8"}, [&] { done.Notify(); });
  WaitHeldAt("/keys8");
  PutIssuer("late", absl::StrCat(issuer_.jwks_url(), "-late"));
  testing::Notification late;
  fetcher().Fetch(world_.snapshot(), {"late"}, [&] { late.Notify(); });
  WaitHeldAt("/keys-late");
  EXPECT_EQ(AnswerHeld(), 4u) << "two ahead, and those that somebody waits for";
  done.Wait();
  late.Wait();
  Fetch(ids);  // what has not had its turn yet
  EXPECT_EQ(asked_, 10) << "each once";
}

// Each of a server of its own, that holds what it is asked.
TEST_F(JwksFetcherTest, FewRefreshesOfSetsInUseAreUnderWayAtOnce) {
  constexpr int kServers = 20;
  Serve();
  std::vector<std::unique_ptr<admin_http::Server>> servers;
  std::vector<v1::TokenIssuer> issuers;
  std::vector<std::string> ids;
  for (int i = 0; i < kServers; ++i) {
    servers.push_back(StartServer());
    ids.push_back(absl::StrCat("idp", i));
    issuers.push_back(
        PutIssuer(ids.back(), absl::StrCat("http://127.0.0.1:", servers.back()->port(), "/keys")));
  }
  Fetch(ids);
  EXPECT_EQ(asked_, kServers);
  clock_.Advance(options_.refresh_after);
  Hold();
  for (int round = 0; round < 3; ++round) {
    for (const v1::TokenIssuer& issuer : issuers) EXPECT_NE(fetcher().Find(issuer), nullptr);
  }
  WaitHeld(8);
  // What was begun before these has arrived when they were answered.
  for (int i = 0; i < 5; ++i) {
    const std::string id = absl::StrCat("waited-for", i);
    PutIssuer(id, absl::StrCat(issuer_.jwks_url(), kNotHeld, i));
    Fetch({id});
  }
  EXPECT_EQ(asked_, kServers + 8 + 5) << "eight, and those that a decision waits for";
  AnswerHeld();
  WaitAsked(2 * kServers + 5);
}

TEST_F(JwksFetcherTest, AServerThatIsSlowDelaysTheRefreshesOfItsOwnAlone) {
  constexpr int kSets = 10;
  Serve();
  std::vector<v1::TokenIssuer> slow, quick;
  std::vector<std::string> ids;
  const auto put = [&](std::vector<v1::TokenIssuer>* to, const std::string& url) {
    ids.push_back(absl::StrCat("idp", ids.size()));
    to->push_back(PutIssuer(ids.back(), url));
  };
  for (int i = 0; i < kSets; ++i) put(&slow, absl::StrCat(issuer_.jwks_url(), i));
  std::atomic<int> asked{0};
  std::vector<std::unique_ptr<admin_http::Server>> servers;
  for (int i = 0; i < kSets; ++i) {
    auto server = admin_http::Server::Start({}, [&asked](const auto&, const auto& responder) {
      ++asked;
      admin_http::Response response;
      response.body = kKeys;
      responder.Send(std::move(response));
    });
    ASSERT_TRUE(server.ok()) << server.status();
    servers.push_back(*std::move(server));
    put(&quick, absl::StrCat("http://127.0.0.1:", servers.back()->port(), "/keys"));
  }
  Fetch(ids);
  clock_.Advance(options_.refresh_after);
  Hold();
  for (const v1::TokenIssuer& issuer : slow) EXPECT_NE(fetcher().Find(issuer), nullptr);
  WaitHeld(4);
  for (const v1::TokenIssuer& issuer : quick) EXPECT_NE(fetcher().Find(issuer), nullptr);
  for (const v1::TokenIssuer& issuer : quick) {
    while (fetcher().Find(issuer)->fetched != clock_.Monotonic()) WaitReport();
  }
  EXPECT_EQ(asked, 2 * kSets) << "each once, beside the slow one";
  EXPECT_EQ(asked_, kSets + 4);
  AnswerHeld();
  for (const v1::TokenIssuer& issuer : slow) {
    while (fetcher().Find(issuer)->fetched != clock_.Monotonic()) WaitReport();
  }
  EXPECT_EQ(asked_, 2 * kSets);
}

TEST_F(JwksFetcherTest, WhatIsFetchedAheadIsFetchedThoughNobodyWaits) {
  options_.most_ahead = 1;
  Serve();
  Hold();
  const v1::TokenIssuer second = PutIssuer("second", issuer_.jwks_url() + "2");
  fetcher().Prefetch(world_.snapshot(), {"idp", "second"});
  WaitHeld(1);
  AnswerHeld(true);
  WaitHeld(1);  // its turn has come
  AnswerHeld();
  fetcher_.reset();
  EXPECT_EQ(asked_, 2);
}

TEST_F(JwksFetcherTest, ASetThatComesBackWhileItsOldFetchIsUnderWayIsRefreshedLater) {
  Serve();
  Hold();
  const std::string url = issuer_.jwks_url();
  fetcher().Prefetch(world_.snapshot(), {"idp"});
  WaitHeld(1);
  Point(url + "-another");
  fetcher().KeepThoseOf(world_.snapshot());
  Point(url);
  fetcher().Prefetch(world_.snapshot(), {"idp"});
  WaitHeld(2);
  EXPECT_EQ(AnswerHeld(), 2u);
  WaitReports(2);
  ASSERT_NE(fetcher().Find(issuer_), nullptr);
  EXPECT_EQ(asked_, 2);
  clock_.Advance(options_.refresh_after);
  ASSERT_NE(fetcher().Find(issuer_), nullptr);
  WaitReports(3);
  EXPECT_EQ(asked_, 3);
  EXPECT_EQ(fetcher().Find(issuer_)->fetched, clock_.Monotonic());
}

}  // namespace
}  // namespace sallyport::authsvc
