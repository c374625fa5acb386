#include "dataplane/listen/process_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::dataplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Texts(const GatewayView& view) {
  std::vector<std::string> texts;
  for (const metrics::Sample& sample : InsecureSamples(view)) {
    EXPECT_EQ(sample.value, 1);
    texts.push_back(absl::StrCat(sample.labels.at(0), "|", sample.labels.at(1)));
  }
  return texts;
}

RoutePtr RouteWith(const std::string& id, std::vector<std::string> insecure) {
  auto route = std::make_shared<Route>();
  route->api_id = id;
  route->hosts = {id + ".test"};
  route->insecure_settings = std::move(insecure);
  return route;
}

TEST(InsecureSamples, EachSwitchInForceWithItsApiUntilItIsGone) {
  GatewayView view;
  view.routes = RouteTable::Empty()->With(
      {RouteWith("a1", {"insecure_skip_verify", "allow_plain_http"}), RouteWith("a2", {})}, {});
  EXPECT_THAT(Texts(view), ElementsAre("insecure_skip_verify|a1", "allow_plain_http|a1"));
  view.gateway.insecure_settings = {"insecure_skip_verify"};
  EXPECT_THAT(Texts(view), ElementsAre("gateway: insecure_skip_verify|", "insecure_skip_verify|a1",
                                       "allow_plain_http|a1"));
  view.gateway.insecure_settings.clear();
  view.routes = view.routes->With({}, {"a1"});
  EXPECT_THAT(Texts(view), IsEmpty());
}

TEST(InsecureSamples, AreBounded) {
  std::vector<RoutePtr> routes;
  for (int i = 0; i < 1100; ++i)
    routes.push_back(RouteWith(absl::StrCat("a", i), {"allow_plain_http"}));
  GatewayView view;
  view.routes = RouteTable::Empty()->With(routes, {});
  EXPECT_EQ(InsecureSamples(view).size(), 1000u);
}

TEST(TicketKeySamples, SayHowManyAndWhichOneIsInUse) {
  TicketKeys::Facts facts;
  EXPECT_TRUE(TicketKeyAgeSamples(facts).empty()) << "none was made yet";
  facts.shared = 3;
  facts.own = 1;
  facts.any = facts.making_shared = true;
  facts.age = absl::Seconds(90);
  const auto counts = TicketKeySamples(facts);
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].labels.front(), "shared");
  EXPECT_EQ(counts[0].value, 3);
  EXPECT_EQ(counts[1].labels.front(), "own");
  EXPECT_EQ(counts[1].value, 1);
  EXPECT_EQ(TicketKeyAgeSamples(facts).front().labels.front(), "shared");
  EXPECT_EQ(TicketKeyAgeSamples(facts).front().value, 90);
  facts.making_shared = false;
  EXPECT_EQ(TicketKeyAgeSamples(facts).front().labels.front(), "own");
}

TEST(ScriptSamples, EachState) {
  ScriptPool::Counts counts;
  counts.idle = 1;
  counts.busy = 2;
  counts.ending = 3;
  counts.waiting = 4;
  std::map<std::string, double> samples;
  for (const metrics::Sample& sample : ScriptSamples(counts))
    samples[sample.labels.front()] = sample.value;
  EXPECT_EQ(samples, (std::map<std::string, double>{
                         {"idle", 1}, {"busy", 2}, {"ending", 3}, {"waiting", 4}}));
}

TEST(ExpirySamples, SoonestOfTheListenersInForceAndOurControlCertificate) {
  CertificateWatch watch(absl::Hours(1));
  const auto ignore = [](const absl::StatusOr<CertificateTextsPtr>&) {};
  const uint64_t first = watch.Add({"/nowhere/a.crt", "/nowhere/a.key"}, "", ignore);
  const uint64_t second = watch.Add({"/nowhere/b.crt", "/nowhere/b.key"}, "", ignore);
  EXPECT_THAT(ExpirySamples(watch, "/nowhere/tls.crt"), IsEmpty());
  watch.InForce(first, absl::FromUnixSeconds(2000));
  watch.InForce(second, absl::FromUnixSeconds(1000));
  auto samples = ExpirySamples(watch, "/nowhere/tls.crt");
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_THAT(samples[0].labels, ElementsAre("listener"));
  EXPECT_EQ(samples[0].value, 1000);
  watch.InForce(second, absl::FromUnixSeconds(3000));
  EXPECT_EQ(ExpirySamples(watch, "")[0].value, 2000) << "it was renewed";
  watch.Remove(first);
  watch.Remove(second);
  watch.InForce(first, absl::FromUnixSeconds(1));
  const sallyport::testing::TempFolder folder;
  const std::string file = folder.File("tls.crt");
  std::ofstream(file) << sallyport::testing::CertBuilder("CN=control")
                             .Valid(absl::FromUnixSeconds(1000),
                                    absl::FromUnixSeconds(2'000'000'000))
                             .SelfSign()
                             .Pem();
  samples = ExpirySamples(watch, file);
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_THAT(samples[0].labels, ElementsAre("control"));
  EXPECT_EQ(samples[0].value, 2'000'000'000);
}

}  // namespace
}  // namespace sallyport::dataplane
