// Whom events are told, by a real HTTP server on loopback.
#include "authsvc/events/notifier.h"

#include <algorithm>
#include <deque>

#include "absl/strings/str_cat.h"
#include "authsvc/events/certificate_events.h"
#include "gmock/gmock.h"
#include "sallyport/v1/telemetry.pb.h"
#include "shared/admin_http/server.h"
#include "shared/base/mutex.h"
#include "tests/fakes/manual_clock.h"
#include "tests/unit/authsvc/decide/world.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::TestNow;
using ::testing::UnorderedElementsAre;

TEST(EventBody, IsJsonOfAllThatIsKnown) {
  Event event{EventKind::kAuthFailure, "a", "s", "he said \"no\"", {{"path", "/x\n"}}};
  EXPECT_EQ(EventBody(event, "", absl::FromUnixSeconds(0)),
            "{\"event\":\"AuthFailure\",\"message\":\"he said \\\"no\\\"\",\"api_id\":\"a\","
            "\"time\":\"1970-01-01T00:00:00Z\",\"path\":\"/x\\n\"}");
}

TEST(EventBody, ATemplateCannotBeBrokenOutOf) {
  Event event{EventKind::kKeyExpired, "a", "s", "\"}{event}", {{"path", "\\"}}};
  EXPECT_EQ(EventBody(event, "{\"m\":\"{message}\",\"p\":\"{path}\",\"u\":\"{unknown}\"}",
                      absl::UnixEpoch()),
            "{\"m\":\"\\\"}{event}\",\"p\":\"\\\\\",\"u\":\"\"}");
  EXPECT_EQ(EventBody(event, "{", absl::UnixEpoch()), "{");
  EXPECT_EQ(EventBody(event, "{}{ event }{event", absl::UnixEpoch()), "{}{ event }{event");
}

TEST(EventOf, ARefusalOfTheUpstreamOrOfOursIsNone) {
  EXPECT_EQ(EventOf(base::Reason::kCertExpired), EventKind::kAuthFailure);
  EXPECT_EQ(EventOf(base::Reason::kLoginInvalid), EventKind::kAuthFailure);
  EXPECT_EQ(EventOf(base::Reason::kQuotaExceeded), EventKind::kQuotaExceeded);
  EXPECT_EQ(EventOf(base::Reason::kUpstreamConnect), std::nullopt);
  EXPECT_EQ(EventOf(base::Reason::kAllowed), std::nullopt);
  EXPECT_EQ(EventOf(base::Reason::kNoRoute), std::nullopt);
}

class NotifierTest : public ::testing::Test {
 protected:
  using Outcome = MessageResult::Outcome;
  void SetUp() override {
    auto server = admin_http::Server::Start(
        {}, [this](const admin_http::Request& request, const admin_http::Responder& responder) {
          admin_http::Response response;
          response.status = 204;
          {
            const base::MutexLock lock(&mutex_);
            bodies_.push_back(request.body);
            if (failures_ > 0) {
              --failures_;
              response.status = failure_status_;
            }
          }
          responder.Send(std::move(response));
        });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    Start({});
  }
  void Start(NotifierOptions options) {
    notifier_ = std::make_unique<Notifier>(
        options, &clock_, [this] { return world_.snapshot_ptr(); },
        [this](const MessageResult& result) {
          const base::MutexLock lock(&mutex_);
          results_.push_back(result);
          changed_.SignalAll();
        });
  }
  void Stop() { notifier_.reset(); }
  v1::Api Api(const std::string& event, bool log_only = false) {
    v1::Api api = NewApi();
    v1::EventHandler* const handler = api.add_event_handlers();
    handler->set_event(event);
    handler->set_log_only(log_only);
    if (!log_only) handler->set_url(absl::StrCat("http://127.0.0.1:", server_->port(), "/x"));
    return api;
  }
  static v1::ReportRequest Refused(base::Reason reason, const std::string& address = "192.0.2.1") {
    v1::ReportRequest report;
    v1::Refusal* const refusal = report.add_refusals();
    refusal->set_api_id("api1");
    refusal->set_reason(static_cast<uint32_t>(reason));
    refusal->set_client_address(address);
    return report;
  }
  void PutKeyWithTrigger() {
    v1::Api api = Api("TriggerExceeded");
    api.mutable_token()->set_enabled(true);
    world_.Put(api);
    v1::Key key;
    key.set_id("k");
    key.set_org_id(std::string(kOrg));
    key.add_access_rights()->set_api_id("api1");
    key.mutable_limits()->mutable_quota()->set_max(10);
    key.add_quota_triggers(80);
    world_.Put(key);
  }
  void Used(int64_t count, int64_t window_end) {
    v1::ReportRequest report;
    v1::Use* const use = report.add_uses();
    use->set_key_id("k");
    use->set_api_id("api1");
    use->set_quota_used(count);
    use->set_quota_window_end_unix(window_end);
    notifier_->Take(report);
  }
  // Those that have ended, once there are so many.
  std::vector<MessageResult> Results(size_t count) {
    const base::MutexLock lock(&mutex_);
    while (results_.size() < count) changed_.Wait(&mutex_);
    return {results_.begin(), results_.end()};
  }
  // The next answers of the hook have that status.
  void Fail(int times, int status) {
    const base::MutexLock lock(&mutex_);
    failures_ = times;
    failure_status_ = status;
  }
  static std::vector<MessageResult::Outcome> Outcomes(const std::vector<MessageResult>& results) {
    std::vector<MessageResult::Outcome> outcomes;
    for (const MessageResult& result : results) outcomes.push_back(result.outcome);
    return outcomes;
  }
  std::vector<std::string> Bodies() {
    const base::MutexLock lock(&mutex_);
    return bodies_;
  }

  World world_;
  base::ManualClock clock_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::vector<std::string> bodies_ ABSL_GUARDED_BY(mutex_);
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  int failure_status_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<MessageResult> results_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<admin_http::Server> server_;
  std::unique_ptr<Notifier> notifier_;
};

TEST_F(NotifierTest, TheSameIsToldAgainAfterTheCooldown) {
  world_.Put(Api("AuthFailure"));
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  notifier_->Take(Refused(base::Reason::kTokenUnknown, "192.0.2.2"));
  Results(2);
  EXPECT_THAT(Bodies(), UnorderedElementsAre(HasSubstr("192.0.2.1"), HasSubstr("192.0.2.2")));
  clock_.Advance(absl::Seconds(61));
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  EXPECT_THAT(Results(3), SizeIs(3));
  EXPECT_THAT(Bodies(), SizeIs(3));
  EXPECT_THAT(Bodies()[0], HasSubstr("TOKEN_UNKNOWN"));
}

TEST_F(NotifierTest, WhatNobodyAskedForIsNotTold) {
  world_.Put(Api("QuotaExceeded"));
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  notifier_->Take(Refused(base::Reason::kUpstreamConnect));
  notifier_->Take(Refused(base::Reason::kQuotaExceeded));
  EXPECT_EQ(Results(1)[0].kind, EventKind::kQuotaExceeded);
  EXPECT_THAT(Bodies(), SizeIs(1));
}

TEST_F(NotifierTest, NoMoreThanSoManyAreUnderWay) {
  NotifierOptions options;
  options.most_under_way = 0;
  Start(options);
  world_.Put(Api("AuthFailure"));
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  EXPECT_EQ(Results(1)[0].outcome, MessageResult::Outcome::kDropped);
}

TEST_F(NotifierTest, AHandlerIsToldSoManyTimesAMinuteAndOfTheRestLater) {
  NotifierOptions options;
  options.most_a_minute = 1;
  Start(options);
  world_.Put(Api("AuthFailure"));
  notifier_->Take(Refused(base::Reason::kTokenUnknown, "192.0.2.1"));
  notifier_->Take(Refused(base::Reason::kTokenUnknown, "192.0.2.2"));
  const auto first = Results(2);
  const auto dropped = [](const MessageResult& result) {
    return result.outcome == MessageResult::Outcome::kDropped;
  };
  EXPECT_EQ(std::count_if(first.begin(), first.end(), dropped), 1);
  clock_.Advance(absl::Seconds(60));
  notifier_->Take(Refused(base::Reason::kTokenUnknown, "192.0.2.2"));
  EXPECT_EQ(Results(3)[2].outcome, MessageResult::Outcome::kSent)
      << "what was dropped does not count as told";
}

TEST_F(NotifierTest, ALineForTheLogIsNoMessage) {
  world_.Put(Api("AuthFailure", true));
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  EXPECT_EQ(Results(1)[0].outcome, MessageResult::Outcome::kLogged);
  EXPECT_THAT(Bodies(), IsEmpty());
}

TEST_F(NotifierTest, AHookThatDoesNotAnswerIsAFailure) {
  v1::Api api = Api("AuthFailure");
  api.mutable_event_handlers(0)->set_url("http://127.0.0.1:1/x");
  world_.Put(api);
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  EXPECT_EQ(Results(1)[0].outcome, Outcome::kRetried);
  for (size_t count = 2; count <= 4; ++count) {
    clock_.Advance(absl::Seconds(25));
    Results(count);
  }
  const auto all = Results(4);
  EXPECT_THAT(Outcomes(all), ElementsAre(Outcome::kRetried, Outcome::kRetried, Outcome::kRetried,
                                         Outcome::kFailed));
  EXPECT_EQ(all[3].attempts, 4);
  // No attempt is left over.
  Stop();
  EXPECT_THAT(Results(4), SizeIs(4));
}

TEST_F(NotifierTest, WhatFailsComesAgainUntilItArrives) {
  world_.Put(Api("AuthFailure"));
  Fail(2, 503);
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  Results(1);
  EXPECT_THAT(Bodies(), SizeIs(1)) << "not before its time";
  clock_.Advance(absl::Seconds(1));
  Results(2);
  clock_.Advance(absl::Seconds(5));
  EXPECT_THAT(Outcomes(Results(3)),
              ElementsAre(Outcome::kRetried, Outcome::kRetried, Outcome::kSent));
  ASSERT_THAT(Bodies(), SizeIs(3));
  EXPECT_EQ(Bodies()[0], Bodies()[2]);
}

TEST_F(NotifierTest, WhatTheHookRefusesDoesNotComeAgain) {
  world_.Put(Api("AuthFailure"));
  Fail(1, 400);
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  EXPECT_EQ(Results(1)[0].outcome, Outcome::kFailed);
  Fail(1, 429);
  notifier_->Take(Refused(base::Reason::kTokenUnknown, "192.0.2.2"));
  EXPECT_EQ(Results(2)[1].outcome, Outcome::kRetried);
}

TEST_F(NotifierTest, AHandlerThatIsAnotherOneIsNotToldAsBefore) {
  v1::Api api = Api("AuthFailure");
  (*api.mutable_event_handlers(0)->mutable_headers())["Authorization"] = "old";
  const v1::Api before = api;
  v1::EventHandler& handler = *api.mutable_event_handlers(0);
  const std::initializer_list<std::function<void()>> changes = {
      [&] { (*handler.mutable_headers())["Authorization"] = "new"; },
      [&] { handler.clear_headers(); },
      [&] { handler.set_method("PUT"); },
      [&] { handler.set_body("{event}"); },
      [&] { handler.set_event("CertificateExpired"); },
  };
  size_t sent = 0;
  for (const auto& change : changes) {
    world_.Put(before);
    Fail(1, 500);
    notifier_->Take(Refused(base::Reason::kTokenUnknown, absl::StrCat("192.0.2.", ++sent)));
    Results(2 * sent - 1);
    api = before;
    change();
    world_.Put(api);
    clock_.Advance(absl::Seconds(1));
    EXPECT_EQ(Results(2 * sent).back().outcome, Outcome::kFailed);
    EXPECT_THAT(Bodies(), SizeIs(sent));
  }
}

TEST_F(NotifierTest, ACredentialIsOpenedForItsMessageAlone) {
  v1::Api api = Api("AuthFailure");
  (*api.mutable_event_handlers(0)->mutable_sealed_headers())["X-Key"].set_ciphertext("sealed");
  world_.Put(api);
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  const MessageResult closed = Results(1)[0];
  EXPECT_EQ(closed.outcome, Outcome::kFailed) << "nothing opens it";
  NotifierOptions options;
  options.open_header = [](const v1::Api& of, const v1::EventHandler& handler,
                           const std::string& name) -> absl::StatusOr<base::Secret> {
    if (handler.sealed_headers().at(name).ciphertext() != "sealed")
      return absl::DataLossError("is not what was sealed");
    return base::Secret(absl::StrCat(of.id(), " ", name));
  };
  Start(options);
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  EXPECT_EQ(Results(2)[1].outcome, Outcome::kSent);
  EXPECT_THAT(Bodies(), SizeIs(1));
  (*api.mutable_event_handlers(0)->mutable_sealed_headers())["X-Key"].set_ciphertext("spoilt");
  world_.Put(api);
  notifier_->Take(Refused(base::Reason::kTokenUnknown, "192.0.2.2"));
  const MessageResult spoilt = Results(3)[2];
  EXPECT_EQ(spoilt.outcome, Outcome::kFailed);
  EXPECT_THAT(std::string(spoilt.status.message()), HasSubstr("X-Key"));
  EXPECT_THAT(Bodies(), SizeIs(1));
}

TEST_F(NotifierTest, TheGatewaySaysWhenCertificatesAreTold) {
  const auto soon = CertBuilder("CN=soon")
                        .Valid(clock_.Now() - absl::Hours(1), clock_.Now() + absl::Hours(50))
                        .SelfSign();
  v1::Api api = Api("CertificateExpiringSoon");
  api.mutable_client_tls()->add_allowlist()->set_certificate_id(world_.AddCertificate(soon));
  world_.Put(api);
  v1::GatewaySettings settings;
  settings.set_id("gateway");
  settings.mutable_expiry_monitor()->set_warning_days(1);
  settings.mutable_expiry_monitor()->set_cooldown_seconds(60);
  world_.Put(settings);
  notifier_->LookAtCertificates();
  EXPECT_THAT(Bodies(), IsEmpty());
  settings.mutable_expiry_monitor()->set_warning_days(3);
  world_.Put(settings);
  notifier_->LookAtCertificates();
  Results(1);
  clock_.Advance(absl::Seconds(59));
  notifier_->LookAtCertificates();
  clock_.Advance(absl::Seconds(2));
  notifier_->LookAtCertificates();
  Results(2);
  EXPECT_THAT(Bodies(), SizeIs(2)) << "once a minute, as the gateway says";
}

TEST_F(NotifierTest, AHandlerThatIsGoneIsNotToldAgain) {
  world_.Put(Api("AuthFailure"));
  Fail(1, 500);
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  Results(1);
  world_.Put(NewApi());
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Outcomes(Results(2)), ElementsAre(Outcome::kRetried, Outcome::kFailed));
  EXPECT_THAT(Bodies(), SizeIs(1));
}

TEST_F(NotifierTest, NoMoreThanSoManyWaitForAnotherAttempt) {
  NotifierOptions options;
  options.most_waiting = 4;  // of one API: 1
  Start(options);
  world_.Put(Api("AuthFailure"));
  Fail(2, 500);
  notifier_->Take(Refused(base::Reason::kTokenUnknown, "192.0.2.1"));
  Results(1);
  notifier_->Take(Refused(base::Reason::kTokenUnknown, "192.0.2.2"));
  EXPECT_THAT(Outcomes(Results(2)), ElementsAre(Outcome::kRetried, Outcome::kFailed));
  // What waits holds no place of those that are sent.
  notifier_->Take(Refused(base::Reason::kTokenUnknown, "192.0.2.3"));
  EXPECT_EQ(Results(3)[2].outcome, Outcome::kSent);
}

TEST_F(NotifierTest, WhatWaitsEndsWithTheNotifier) {
  world_.Put(Api("AuthFailure"));
  Fail(1, 500);
  notifier_->Take(Refused(base::Reason::kTokenUnknown));
  Results(1);
  Stop();
  EXPECT_THAT(Outcomes(Results(2)), ElementsAre(Outcome::kRetried, Outcome::kFailed));
}

TEST_F(NotifierTest, AQuotaIsToldOfOnceInEachWindow) {
  PutKeyWithTrigger();
  const int64_t now = absl::ToUnixSeconds(clock_.Now());
  Used(7, now + 7200);
  Used(8, now + 7200);
  clock_.Advance(absl::Hours(1));
  Used(9, now + 7200);
  clock_.Advance(absl::Hours(1));
  Used(10, now + 10800);
  Results(2);
  EXPECT_THAT(Bodies(), UnorderedElementsAre(HasSubstr("\"quota_used\":\"8\""),
                                             HasSubstr("\"quota_used\":\"10\"")));
  EXPECT_THAT(Bodies()[0], HasSubstr("\"percent\":\"80\""));
}

TEST_F(NotifierTest, AQuotaThatNeverRenewsIsToldOfOnce) {
  PutKeyWithTrigger();
  Used(8, 0);
  clock_.Advance(absl::Hours(24 * 365));
  Used(9, 0);
  notifier_->Tell({EventKind::kQuotaTrigger, "api1", "another", "", {}});
  Results(2);
  EXPECT_THAT(Bodies(), SizeIs(2)) << "the last one is the other's";
}

TEST(CertificateEvents, AreForWhoUsesTheCertificate) {
  World world;
  const auto soon = CertBuilder("CN=soon")
                        .Valid(TestNow() - absl::Hours(1), TestNow() + absl::Hours(50))
                        .SelfSign();
  const std::string id = world.AddCertificate(soon);
  v1::Api api = NewApi();
  api.add_event_handlers()->set_event("CertificateExpiringSoon");
  api.mutable_client_tls()->add_allowlist()->set_certificate_id(id);
  world.Put(api);
  v1::Api deaf = NewApi("deaf");
  deaf.mutable_client_tls()->add_allowlist()->set_certificate_id(id);
  world.Put(deaf);
  v1::Api other = NewApi("other");
  other.add_event_handlers()->set_event("CertificateExpiringSoon");
  world.Put(other);
  v1::Api keyed = NewApi("keyed");
  keyed.add_event_handlers()->set_event("CertificateExpired");
  world.Put(keyed);
  v1::Key key;
  key.set_id("k");
  key.set_org_id(std::string(kOrg));
  key.add_access_rights()->set_api_id("keyed");
  key.add_certificate_ids(id);
  world.Put(key);
  const CertificateEntry& entry = *world.snapshot().FindCertificateById(id);
  const std::vector<Event> events = CertificateEvents(world.snapshot(), entry, TestNow());
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].api_id, "api1");
  EXPECT_EQ(events[0].message, "Certificate CN=soon is expiring in 2 days and 2 hours");
  const std::vector<Event> later =
      CertificateEvents(world.snapshot(), entry, TestNow() + absl::Hours(51));
  ASSERT_THAT(later, SizeIs(1)) << "the key's certificate counts for the APIs of its rights";
  EXPECT_EQ(later[0].api_id, "keyed");
}

}  // namespace
}  // namespace sallyport::authsvc
