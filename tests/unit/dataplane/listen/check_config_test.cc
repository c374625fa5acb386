#include "dataplane/listen/check_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/fakes/test_ca.h"

namespace sallyport::dataplane {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Builder = ::sallyport::testing::CertBuilder;
using Certificate = ::sallyport::testing::TestCert;

class CheckConfig : public ::testing::Test {
 protected:
  CheckConfig() {
    std::string pattern = (fs::temp_directory_path() / "check-config-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    fs::create_directory(folder_ + "/trust");
    WritePair("tls", Builder("CN=dataplane").SignBy(ca_));
    Write("ca.crt", ca_.Pem());
    WritePair("listener", Builder("CN=gw").Dns("gw.test").ServerAuth().SignBy(ca_));
    config_.authsvc.tls.path = folder_;
    config_.system_trust = folder_ + "/trust";
    auto& listener = config_.listeners.emplace_back();
    listener.id = "edge";
    listener.certificates.push_back({folder_ + "/listener.crt", folder_ + "/listener.key"});
  }
  ~CheckConfig() override { fs::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  void WritePair(const std::string& name, const Certificate& pair) {
    Write(name + ".crt", pair.Pem());
    Write(name + ".key", pair.KeyPem());
  }
  std::vector<std::string> Problems() {
    return ConfigProblems(config_, sallyport::testing::TestNow());
  }

  std::string folder_;
  const Certificate ca_ = Builder("CN=control").Ca().SelfSign();
  config::DataplaneConfig config_;
};

TEST_F(CheckConfig, UsableAndNothingIsMade) {
  config_.access_log = folder_ + "/access.log";
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_FALSE(fs::exists(folder_ + "/access.log"));
}

TEST_F(CheckConfig, AllProblemsAreTold) {
  config_.authsvc.targets = {"authsvc", "[::1]:9443", "::1:9443"};
  config_.authsvc.tls.path = folder_ + "/nowhere";
  config_.listeners[0].certificates[0].key_file = folder_ + "/nothing.key";
  config_.listeners[0].address = "192.0.2.1";
  config_.system_trust = folder_ + "/no-trust";
  config_.trusted_proxies = {"10.0.0.0/8", "proxy.example.com"};
  config_.upgrades = {"websocket", "h2c", "a b"};
  config_.access_log = folder_ + "/logs/access.log";
  EXPECT_THAT(
      Problems(),
      ElementsAre(HasSubstr("authsvc.targets: \"authsvc\""),
                  HasSubstr("authsvc.targets: \"::1:9443\""), HasSubstr("nowhere/tls.crt"),
                  HasSubstr("nowhere/tls.key"), HasSubstr("nowhere/ca.crt"),
                  AllOf(HasSubstr("listeners: edge"), HasSubstr("nothing.key")),
                  AllOf(HasSubstr("listeners: edge.address"), HasSubstr("192.0.2.1")),
                  HasSubstr("system_trust: "), HasSubstr("trusted_proxies: \"proxy.example.com\""),
                  AllOf(HasSubstr("upgrades: "), HasSubstr("h2c")),
                  AllOf(HasSubstr("upgrades: "), HasSubstr("a b")),
                  AllOf(HasSubstr("access_log: "), HasSubstr("mkdir -p"))));
}

TEST_F(CheckConfig, ListenerCertificatesThatDoNotFitOrAreOver) {
  Write("listener.key", Builder("CN=other").SelfSign().KeyPem());
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("does not go with")));
  WritePair("listener", Builder("CN=gw").Expired().SignBy(ca_));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("expired 2021")));
  WritePair("listener", Builder("CN=gw").NotYetValid().SignBy(ca_));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("clock")));
  Write("listener.crt", "no certificate");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("no usable PEM certificate")));
  WritePair("listener", Builder("CN=gw").ServerAuth().SignBy(ca_));
  Write("listener.key", "");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("listener.key")));
  config_.listeners[0].plain = true;
  EXPECT_THAT(Problems(), IsEmpty()) << "a plain listener has no use for them";
}

TEST_F(CheckConfig, OwnControlCertificateAndAuthority) {
  WritePair("tls", Builder("CN=dataplane").Expired().SignBy(ca_));
  Write("ca.crt", Builder("CN=old").Ca().Expired().SelfSign().Pem());
  EXPECT_THAT(Problems(),
              ElementsAre(AllOf(HasSubstr("authsvc.tls_dir"), HasSubstr("tls.crt expired")),
                          AllOf(HasSubstr("authsvc.tls_dir"), HasSubstr("ca.crt expired"))));
  Write("ca.crt", Builder("CN=old").Ca().Expired().SelfSign().Pem() + ca_.Pem());
  WritePair("tls", Builder("CN=dataplane").SignBy(ca_));
  EXPECT_THAT(Problems(), IsEmpty()) << "one authority that is valid will do";
}

TEST_F(CheckConfig, OnePlaceTwice) {
  config_.listeners.push_back(config_.listeners[0]);
  config_.listeners[1].id = "again";
  EXPECT_THAT(Problems(),
              ElementsAre(AllOf(HasSubstr("listeners: again.port"), HasSubstr("listeners: edge"))));
  config_.listeners[1].port = config_.metrics.port;
  EXPECT_THAT(Problems(),
              ElementsAre(AllOf(HasSubstr("metrics.port"), HasSubstr("listeners: again"))))
      << "all addresses are IPv4 ones too";
  config_.listeners[1].address = "::1";
  EXPECT_THAT(Problems(), IsEmpty());
}

}  // namespace
}  // namespace sallyport::dataplane
