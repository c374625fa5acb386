#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/config/authsvc_config.h"
#include "shared/config/dataplane_config.h"

namespace sallyport::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<AuthsvcConfig> FromYaml(absl::string_view yaml) {
  auto node = ParseYaml(yaml, "a.yaml");
  if (!node.ok()) return node.status();
  return MakeAuthsvcConfig(*node);
}

std::string ErrorOf(absl::string_view yaml) {
  return std::string(FromYaml(yaml).status().message());
}

TEST(AuthsvcConfig, DefaultsAreUsable) {
  const auto config = FromYaml("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->grpc.port, 9443);
  EXPECT_EQ(config->admin.port, 9180);
  EXPECT_EQ(config->metrics.port, 9464);
}

TEST(AuthsvcConfig, ReadsEveryKindOfValue) {
  const auto config = FromYaml(R"(
store: sqlite:/tmp/x.db
grpc: {port: 1234, reflection: true, max_connection_age: 5m, max_request_bytes: 1MiB}
admin:
  keys:
    - name: ops
      sha256: 0000000000000000000000000000000000000000000000000000000000000000
roles:
  - san: "URI:spiffe://x/y"
    role: reader
)");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->grpc.port, 1234);
  EXPECT_TRUE(config->grpc.reflection);
  EXPECT_EQ(config->grpc.max_connection_age, absl::Minutes(5));
  EXPECT_EQ(config->grpc.max_request_bytes, 1U << 20);
  EXPECT_EQ(config->admin.keys.at(0).name, "ops");
  EXPECT_EQ(config->roles.at(0).role, "reader");
}

TEST(AuthsvcConfig, UnknownKeyIsRefusedWithLineAndSuggestion) {
  EXPECT_THAT(ErrorOf("grpc:\n  prot: 1\n"),
              HasSubstr("a.yaml:2: unknown setting 'grpc.prot', did you mean 'grpc.port'?"));
  EXPECT_THAT(ErrorOf("zzzzzzzzzzzz: 1\n"), HasSubstr("known here: store"));
}

TEST(AuthsvcConfig, AllErrorsAreTold) {
  const std::string error = ErrorOf("grpc: {port: 70000}\nlog_level: loud\nmetrics: 3\n");
  EXPECT_THAT(error, HasSubstr("grpc.port must be a number from 0 to 65535"));
  EXPECT_THAT(error, HasSubstr("log_level must be one of"));
  EXPECT_THAT(error, HasSubstr("metrics must have named settings"));
}

TEST(AuthsvcConfig, RefusesWhatItCannotDoSafely) {
  EXPECT_THAT(ErrorOf("store: etcd:10.0.0.1:2379"), HasSubstr("etcd: is not supported"));
  EXPECT_THAT(ErrorOf("store: /tmp/x"), HasSubstr("must be sqlite:FILE"));
  EXPECT_THAT(ErrorOf("admin: {plain_http_on_loopback: true}"), HasSubstr("needs admin.address"));
  EXPECT_THAT(ErrorOf("admin: {keys: [{name: a, sha256: clear-text}]}"),
              HasSubstr("never the key itself"));
  EXPECT_THAT(ErrorOf("roles: [{role: admin}]"), HasSubstr("exactly one of them"));
  EXPECT_THAT(ErrorOf("roles: [{role: admin, san: \"CN=boss\"}]"), HasSubstr("URI: or DNS:"));
  EXPECT_THAT(ErrorOf("decision_ttl: 60"), HasSubstr("with its unit"));
}

TEST(AuthsvcConfig, TokensForTheDeployerNeedIssuerAndAudience) {
  EXPECT_THAT(ErrorOf("apk: {token_issuer: idp}"), HasSubstr("go together"));
  EXPECT_THAT(ErrorOf("apk: {token_audience: me}"), HasSubstr("go together"));
  EXPECT_THAT(ErrorOf("apk: {token_issuer: idp, token_audience: me, token_scope: \"a b\"}"),
              HasSubstr("one scope"));
  EXPECT_THAT(ErrorOf("apk: {token_issuers: idp}"), HasSubstr("token_issuer"));
  EXPECT_THAT(ErrorOf("apk: {namespace: \"A/b\"}"), HasSubstr("apk.namespace"));
  EXPECT_THAT(ErrorOf("apk: {sandbox_hosts: [\"*\"]}"), HasSubstr("sandbox_hosts"));
}

TEST(AuthsvcConfig, TicketKeysRotateHourlyUnlessToldOtherwise) {
  EXPECT_EQ(FromYaml("")->ticket_keys_rotate_every, absl::Hours(1));
  EXPECT_EQ(FromYaml("ticket_keys: {rotate_every: 10m}")->ticket_keys_rotate_every,
            absl::Minutes(10));
  for (const char* bad : {"0s", "9s", "25h"}) {
    EXPECT_THAT(ErrorOf(std::string("ticket_keys: {rotate_every: ") + bad + "}"),
                HasSubstr("ticket_keys.rotate_every"))
        << bad;
  }
}

TEST(Yaml, RefusesDuplicatesBombsAndSeveralDocuments) {
  EXPECT_THAT(ErrorOf("store: sqlite:a\nstore: sqlite:b\n"),
              HasSubstr("a.yaml:2: 'store' is set twice"));
  EXPECT_THAT(ErrorOf("---\na: 1\n---\nb: 1\n"), HasSubstr("more than one document"));
  EXPECT_THAT(ErrorOf("a: [1"), HasSubstr("not valid YAML"));
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = absl::StrCat("*a", i - 1);
    absl::StrAppend(&bomb, "a", i, ": &a", i, " [", last);
    for (int j = 0; j < 9; ++j) absl::StrAppend(&bomb, ", ", last);
    absl::StrAppend(&bomb, "]\n");
  }
  EXPECT_THAT(ErrorOf(bomb), HasSubstr("too large"));
}

TEST(CommandLine, FlagsBeatEnvironmentBeatsFile) {
  const auto line = ParseCommandLine(
      {"--set", "grpc.port=3", "--admin-port=4"},
      {"SALLYPORT_GRPC__PORT=2", "SALLYPORT_METRICS__PORT=5", "PATH=/bin"}, AuthsvcFlags());
  ASSERT_TRUE(line.ok()) << line.status();
  const auto config = MakeAuthsvcConfig(line->root);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->grpc.port, 3);
  EXPECT_EQ(config->admin.port, 4);
  EXPECT_EQ(config->metrics.port, 5);
}

TEST(CommandLine, ListsByIndex) {
  const auto line = ParseCommandLine(
      {"--set", "listeners.0.port=1"},
      {"SALLYPORT_AUTHSVC__TARGETS__0=a:1", "SALLYPORT_AUTHSVC__TARGETS__1=b:2"}, DataplaneFlags());
  ASSERT_TRUE(line.ok()) << line.status();
  const auto config = MakeDataplaneConfig(line->root);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->authsvc.targets, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(config->listeners.at(0).port, 1);
  EXPECT_EQ(config->listeners.at(0).id, "file-0");
}

TEST(CommandLine, TextInBracketsIsAList) {
  const auto line = ParseCommandLine({"--authsvc=[a:1, b:2]"}, {}, DataplaneFlags());
  ASSERT_TRUE(line.ok());
  EXPECT_THAT(MakeDataplaneConfig(line->root)->authsvc.targets, ElementsAre("a:1", "b:2"));
}

TEST(CommandLine, RefusesTyposAndGaps) {
  const auto error = [](std::vector<std::string> args) {
    return std::string(ParseCommandLine(args, {}, AuthsvcFlags()).status().message());
  };
  EXPECT_THAT(error({"--grpc-prot", "1"}), HasSubstr("did you mean --grpc-port?"));
  EXPECT_THAT(error({"authsvc.yaml"}), HasSubstr("--config FILE"));
  EXPECT_THAT(error({"--store"}), HasSubstr("needs a value"));
  EXPECT_THAT(error({"--set", "grpc.port"}), HasSubstr("path=value"));
  EXPECT_THAT(error({"--set", "roles.3.role=admin"}), HasSubstr("would leave a gap"));
  EXPECT_THAT(error({"--set", "store.x=1", "--set", "store.x.y=1"}), HasSubstr("plain value"));
  EXPECT_THAT(error({"--config", "/nonexistent.yaml"}), HasSubstr("cannot read"));
}

TEST(CommandLine, UnknownVariableIsRefusedAndServiceLinksAreNot) {
  EXPECT_EQ(PathOfVariable("SALLYPORT_GRPC__TLS_DIR"), "grpc.tls_dir");
  EXPECT_EQ(PathOfVariable("SALLYPORT_GRPC__PORT"), "grpc.port");
  EXPECT_EQ(PathOfVariable("SALLYPORT_AUTHSVC_SERVICE_HOST"), "");
  EXPECT_EQ(PathOfVariable("SALLYPORT_AUTHSVC_PORT_9443_TCP_ADDR"), "");
  EXPECT_EQ(PathOfVariable("SALLYPORT_AUTHSVC_PORT"), "");
  EXPECT_EQ(PathOfVariable("SALLYPORT_CONTEXT"), "");
  const auto line = ParseCommandLine({}, {"SALLYPORT_GRPC__PROT=1"}, AuthsvcFlags());
  ASSERT_TRUE(line.ok());
  EXPECT_THAT(std::string(MakeAuthsvcConfig(line->root).status().message()),
              HasSubstr("SALLYPORT_GRPC__PROT: unknown setting 'grpc.prot'"));
}

TEST(DataplaneConfig, ChecksListeners) {
  const auto error = [](absl::string_view yaml) {
    return std::string(MakeDataplaneConfig(*ParseYaml(yaml, "d")).status().message());
  };
  EXPECT_THAT(error("listeners: [{redirect: true}]"), HasSubstr("needs plain: true"));
  EXPECT_THAT(error("listeners: [{min_version: 1.1}]"), HasSubstr("must be one of"));
  EXPECT_THAT(error("listeners: [{certificates: [{certificate_file: a}]}]"),
              HasSubstr("key_file must be set"));
  EXPECT_THAT(error("listeners: {port: 1}"), HasSubstr("must be a list"));
}

TEST(DataplaneConfig, TicketKeysAreSharedUnlessToldOtherwise) {
  const auto read = [](absl::string_view yaml) {
    return MakeDataplaneConfig(*ParseYaml(yaml, "d"));
  };
  EXPECT_EQ(read("authsvc: {targets: [a:1]}")->ticket_keys, "shared");
  EXPECT_EQ(read("authsvc: {targets: [a:1]}\nticket_keys: own")->ticket_keys, "own");
  EXPECT_THAT(std::string(read("ticket_keys: none").status().message()),
              HasSubstr("ticket_keys must be one of"));
}

TEST(DataplaneConfig, SaysWhyANameHasNoMeaningHere) {
  const auto error = [](absl::string_view yaml) {
    return std::string(MakeDataplaneConfig(*ParseYaml(yaml, "d")).status().message());
  };
  EXPECT_EQ(error("insecure_upstream: true"),
            "d:1: insecure_upstream does not exist: switch verification off per API or in the "
            "gateway settings, "
            "where it is visible");
  EXPECT_THAT(error("listeners: [{default_certificate_id: a}]"), HasSubstr("kind: Listener"));
}

TEST(Settings, NamesEverySettingWithItsDefault) {
  bool found = false;
  for (const Setting& setting : SettingsOf(DataplaneConfig{})) {
    EXPECT_FALSE(setting.help.empty()) << setting.path;
    found |= setting.path == "timeouts.drain" && setting.value == "30s";
  }
  EXPECT_TRUE(found);
}

std::map<std::string, std::string> ValuesOf(const std::vector<Setting>& settings) {
  std::map<std::string, std::string> values;
  for (const Setting& setting : settings) {
    EXPECT_FALSE(setting.help.empty()) << setting.path;
    EXPECT_TRUE(values.emplace(setting.path, setting.value).second)
        << setting.path << " is listed twice";
  }
  return values;
}

TEST(TcpApis, PortsAndRanges) {
  const auto config =
      MakeDataplaneConfig(*ParseYaml("tcp_apis: {ports: [5432, 6000-6099, \"1-65535\"]}", "d"));
  ASSERT_TRUE(config.ok()) << config.status();
  TcpApisConfig some = config->tcp_apis;
  some.ranges.pop_back();
  EXPECT_TRUE(some.Allows(5432) && some.Allows(6000) && some.Allows(6099));
  EXPECT_FALSE(some.Allows(5431) || some.Allows(5433) || some.Allows(5999) || some.Allows(6100));
  EXPECT_TRUE(config->tcp_apis.Allows(1) && config->tcp_apis.Allows(65535));
  EXPECT_FALSE(DataplaneConfig{}.tcp_apis.Allows(5432)) << "nothing that was not written";
  for (const char* bad : {"0", "65536", "6-5", "a", "-1", "5-", "5-6-7", "\"\"", "\" 5\"", "+5"}) {
    EXPECT_FALSE(
        MakeDataplaneConfig(*ParseYaml(std::string("tcp_apis: {ports: [") + bad + "]}", "d")).ok())
        << bad;
  }
}

TEST(Settings, NamesWhatTheItemsOfListsHave) {
  const auto ours = ValuesOf(SettingsOf(DataplaneConfig{}));
  for (const char* path :
       {"listeners.N.id", "listeners.N.address", "listeners.N.port", "listeners.N.min_version",
        "listeners.N.certificates.N.certificate_file", "listeners.N.certificates.N.key_file"}) {
    EXPECT_EQ(ours.count(path), 1) << path;
  }
  EXPECT_EQ(ours.count("insecure_upstream"), 0) << "it cannot be set";
  EXPECT_EQ(ours.count("listeners.N.proxy_protocol_from"), 1);
  const auto theirs = ValuesOf(SettingsOf(AuthsvcConfig{}));
  for (const char* path : {"roles.N.fingerprint", "roles.N.san", "roles.N.role", "roles.N.group",
                           "roles.N.name", "admin.keys.N.name", "admin.keys.N.sha256"}) {
    EXPECT_EQ(theirs.count(path), 1) << path;
  }
}

TEST(Settings, ItemsInForceHaveTheirValues) {
  const auto config =
      MakeDataplaneConfig(*ParseYaml("listeners: [{port: 1, certificates: [{certificate_file: a, "
                                     "key_file: b}]}, {id: x, address: 127.0.0.2}]",
                                     "d"));
  ASSERT_TRUE(config.ok()) << config.status();
  const auto values = ValuesOf(SettingsOf(*config));
  EXPECT_EQ(values.at("listeners"), "2 items");
  EXPECT_EQ(values.at("listeners.0.id"), "file-0");
  EXPECT_EQ(values.at("listeners.0.port"), "1");
  EXPECT_EQ(values.at("listeners.0.certificates.0.key_file"), "b");
  EXPECT_EQ(values.at("listeners.1.id"), "x");
  EXPECT_EQ(values.at("listeners.1.address"), "127.0.0.2");
  EXPECT_EQ(values.count("listeners.N.port"), 0);
  EXPECT_EQ(values.count("listeners.1.certificates.N.key_file"), 1);
}

}  // namespace
}  // namespace sallyport::config
