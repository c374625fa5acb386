#include "authsvc/setup/check_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "shared/crypto/sealer.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Builder = ::sallyport::testing::CertBuilder;

class CheckConfig : public ::testing::Test {
 protected:
  CheckConfig() {
    std::string pattern = (fs::temp_directory_path() / "check-config-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    fs::create_directory(folder_ + "/tls");
    WritePair("tls", Builder("CN=authsvc").ServerAuth().SignBy(ca_));
    Write("tls/ca.crt", ca_.Pem());
    Write("master.key", std::string(crypto::NewMasterKeyLine("k1").Reveal()));
    fs::permissions(folder_ + "/master.key", fs::perms::owner_read);
    config_.store = "sqlite:" + folder_ + "/authsvc.db";
    config_.master_key_file = folder_ + "/master.key";
    config_.grpc.tls.path = config_.admin.tls.path = folder_ + "/tls";
  }
  ~CheckConfig() override { fs::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  void WritePair(const std::string& directory, const sallyport::testing::TestCert& pair) {
    Write(directory + "/tls.crt", pair.Pem());
    Write(directory + "/tls.key", pair.KeyPem());
  }
  std::vector<std::string> Problems(const std::vector<std::string>& environment = {}) {
    return LookAtConfig(config_, environment, sallyport::testing::TestNow()).problems;
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      names.push_back(entry.path().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string folder_;
  const sallyport::testing::TestCert ca_ = Builder("CN=control").Ca().SelfSign();
  config::AuthsvcConfig config_;
};

TEST_F(CheckConfig, WhatInitMakesIsUsableAndNothingIsMade) {
  const auto before = Files();
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_EQ(Files(), before);
}

TEST_F(CheckConfig, AllProblemsAreToldEachWithItsSetting) {
  config_.store = "sqlite:" + folder_ + "/nowhere/authsvc.db";
  config_.master_key_file = folder_ + "/no.key";
  config_.grpc.tls.path = folder_ + "/no-tls";
  config_.admin.tls.path.clear();
  config_.metrics.address = "metrics.example";
  config_.tyk_config = folder_ + "/tyk.conf";
  EXPECT_THAT(
      Problems(),
      ElementsAre(AllOf(HasSubstr("master_key_file: "), HasSubstr("sallyctl init")),
                  AllOf(HasSubstr("store: "), HasSubstr("mkdir -p " + folder_ + "/nowhere")),
                  AllOf(HasSubstr("grpc.tls_dir: "), HasSubstr("no-tls/tls.crt")),
                  AllOf(HasSubstr("grpc.tls_dir: "), HasSubstr("no-tls/tls.key")),
                  AllOf(HasSubstr("grpc.tls_dir: "), HasSubstr("no-tls/ca.crt")),
                  HasSubstr("admin.tls_dir is not set"),
                  HasSubstr("metrics.address: \"metrics.example\""),
                  AllOf(HasSubstr("tyk_config: "), HasSubstr("tyk.conf"))));
}

TEST_F(CheckConfig, MasterKeyThatOthersCanReadOrThatHoldsNone) {
  fs::permissions(folder_ + "/master.key", fs::perms::owner_all | fs::perms::group_read);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("chmod 600")));
  Write("master.key", "secret-looking nonsense\n");
  fs::permissions(folder_ + "/master.key", fs::perms::owner_read);
  const auto problems = Problems();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0], ::testing::Not(HasSubstr("nonsense")));
}

TEST_F(CheckConfig, CertificatesThatDoNotFitOrAreOver) {
  Write("tls/tls.key", Builder("CN=other").SelfSign().KeyPem());
  EXPECT_THAT(Problems(),
              ElementsAre(AllOf(HasSubstr("grpc.tls_dir"), HasSubstr("does not go with")),
                          AllOf(HasSubstr("admin.tls_dir"), HasSubstr("does not go with"))));
  WritePair("tls", Builder("CN=authsvc").Expired().SignBy(ca_));
  EXPECT_THAT(Problems(),
              ElementsAre(AllOf(HasSubstr("grpc.tls_dir"), HasSubstr("expired 2021")),
                          AllOf(HasSubstr("admin.tls_dir"), HasSubstr("expired 2021"))));
}

TEST_F(CheckConfig, AuthoritiesThatOnlyThePortOfApisixNeeds) {
  fs::create_directory(folder_ + "/admin");
  WritePair("admin", Builder("CN=authsvc").ServerAuth().SignBy(ca_));
  config_.admin.tls.path = folder_ + "/admin";
  config_.admin.apisix_port = 9443;
  EXPECT_THAT(Problems(), IsEmpty());
  config_.admin.apisix_require_client_certificate = true;
  EXPECT_THAT(Problems(),
              ElementsAre(AllOf(HasSubstr("admin.apisix_port"), HasSubstr("admin/ca.crt"))));
}

TEST_F(CheckConfig, StoreOfAnotherProgram) {
  Write("authsvc.db", std::string(200, 'x'));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("is not an SQLite file")));
  std::string header("SQLite format 3\0", 16);
  header.resize(200, '\0');
  Write("authsvc.db", header);
  EXPECT_THAT(Problems(), IsEmpty()) << "its tables are still in the write-ahead log";
  header[71] = 7;
  Write("authsvc.db", header);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("another program")));
  header.replace(68, 4, "Salp");
  header[63] = 99;
  Write("authsvc.db", header);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("schema version 99")));
}

TEST_F(CheckConfig, OnePortTwice) {
  config_.admin.address = config_.metrics.address = "127.0.0.1";
  config_.admin.port = config_.metrics.port;
  EXPECT_THAT(Problems(), ElementsAre(AllOf(HasSubstr("metrics.port"), HasSubstr("admin"))));
}

TEST_F(CheckConfig, TykConfigAndItsVariables) {
  EXPECT_THAT(Problems({"TYK_GW_SECURITY_PINNEDPUBLICKEYS={}"}),
              ElementsAre(HasSubstr("--tyk-config")));
  config_.tyk_config = folder_ + "/tyk.conf";
  Write("tyk.conf", "{}");
  EXPECT_THAT(Problems(), IsEmpty());
  Write("tyk.conf", "{\"security\": 7}");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("tyk_config: ")));
  Write("tyk.conf", "{");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("tyk_config: ")));
}

TEST_F(CheckConfig, ListOfDeniedCallers) {
  config_.denied_callers_file = folder_ + "/denied";
  EXPECT_THAT(Problems(),
              ElementsAre(AllOf(HasSubstr("denied_callers_file"), HasSubstr("make it"))));
  Write("denied", "spiffe://sallyport/sallyport/dataplane/edge/e1\n");
  EXPECT_THAT(Problems(), IsEmpty());
  Write("denied", "edge-1\n");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("line 1")));
}

}  // namespace
}  // namespace sallyport::authsvc
