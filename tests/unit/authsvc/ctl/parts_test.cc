// The parts of sallyctl that need no authsvc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pkcs12.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "authsvc/ctl/args.h"
#include "authsvc/ctl/certificate_file.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/key_limits.h"
#include "authsvc/ctl/kube_hash.h"
#include "authsvc/ctl/output.h"
#include "shared/config/authsvc_config.h"
#include "shared/config/dataplane_config.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc::ctl {
namespace {

using sallyport::testing::CertBuilder;
using sallyport::testing::TestCert;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/sallyctl_XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string Write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};
Outcome Sallyctl(const std::vector<std::string>& words) {
  std::ostringstream out;
  std::ostringstream err;
  ContextPlaces places;
  places.home = "/nonexistent";
  places.system = "/nonexistent";
  Session session(out, err, places);
  const int code = Run(session, words);
  return {code, out.str(), err.str()};
}

TEST(Args, ValuesAsKubectlTakesThem) {
  const std::vector<FlagSpec> flags = {{"--output", "-o", true, ""},
                                       {"--dry-run", "-d", true, "", "client"}};
  for (const char* word : {"-oyaml", "-o=yaml", "--output=yaml"})
    EXPECT_EQ(Args::Parse({word, "name"}, flags)->Get("--output"), "yaml") << word;
  const auto bare = Args::Parse({"--dry-run", "name"}, flags);
  EXPECT_EQ(bare->Get("--dry-run"), "client");
  EXPECT_THAT(bare->words(), ElementsAre("name")) << "a value of its own stands behind \"=\"";
  EXPECT_EQ(Args::Parse({"--dry-run=server"}, flags)->Get("--dry-run"), "server");
  EXPECT_EQ(Args::Parse({"-oa=b"}, flags)->Get("--output"), "a=b");
  for (const char* word : {"-oyaml=", "-x", "-xyaml", "-dserver", "--out"}) {
    const auto args = Args::Parse({word}, flags);
    EXPECT_EQ(args.ok(), absl::string_view(word) == "-oyaml=") << word;
  }
}

TEST(KubeHash, IsKubectls) {
  const auto hash = [](const char* text) { return KubeHash(nlohmann::ordered_json::parse(text)); };
  EXPECT_EQ(hash(R"({"kind": "ConfigMap", "metadata": {"name": ""}, "data": {}})"), "42745tchd9");
  EXPECT_EQ(hash(R"({"kind": "ConfigMap", "metadata": {"name": ""}, "data": {"one": ""}})"),
            "9g67k2htb6");
  EXPECT_EQ(hash(R"({"kind": "ConfigMap", "metadata": {"name": ""},
                     "data": {"two": "2", "one": "", "three": "3"}})"),
            "f5h7t85m9b");
  // A backslash before a letter is none of the escapes that Go writes otherwise; those are.
  EXPECT_EQ(hash(R"({"kind": "ConfigMap", "metadata": {"name": ""},
                     "data": {"path": "C:\\bin\\full a\\b"}})"),
            "t2bg74266m");
  EXPECT_EQ(hash(R"({"kind": "ConfigMap", "metadata": {"name": ""}, "data": {"x": "\b\f"}})"),
            "g6m68gtm4h");
}

TEST(Args, FlagsAnywhereListsAndTypos) {
  const std::vector<FlagSpec> flags = {{"--file", "-f", true, ""}, {"--force", "", false, ""}};
  const auto args = Args::Parse({"a", "-f", "x,y", "--file=z", "--force", "--", "--b"}, flags);
  ASSERT_TRUE(args.ok());
  EXPECT_THAT(args->words(), ElementsAre("a", "--b"));
  EXPECT_THAT(args->GetList("--file"), ElementsAre("x", "y", "z"));
  EXPECT_TRUE(args->Has("--force"));
  EXPECT_THAT(std::string(Args::Parse({"--forec"}, flags).status().message()),
              HasSubstr("did you mean --force?"));
  EXPECT_FALSE(Args::Parse({"--file"}, flags).ok());
  EXPECT_FALSE(Args::Parse({"--force=yes"}, flags).ok());
  EXPECT_TRUE(Args::Parse({"--force=true"}, flags)->Has("--force"));
  EXPECT_FALSE(Args::Parse({"--force=false"}, flags)->Has("--force"));
  EXPECT_FALSE(Args::Parse({"--force", "--force=false"}, flags)->Has("--force")) << "the last one";
  EXPECT_TRUE(Args::Parse({"--force=false", "--force"}, flags)->Has("--force"));
}

TEST(Output, ATerminalIsNotAtTheMercyOfNames) {
  std::ostringstream out;
  PrintTable(out, {"ID"}, {{"a\x1b[2Jb\nc"}});
  EXPECT_EQ(out.str(), "ID\na?[2Jb?c\n");
}

TEST(Output, YamlKeepsTextText) {
  std::ostringstream out;
  PrintYaml(out, R"({"a":"true","b":"12","c":"plain","d":12,"e":["no"],"f":null,"g":true})");
  EXPECT_EQ(out.str(), "a: \"true\"\nb: \"12\"\nc: plain\nd: 12\ne:\n  - \"no\"\nf: ~\ng: true\n");
}

TEST(KeyLimits, AreParsedOrExplained) {
  ::sallyport::v1::RateLimit rate;
  ASSERT_TRUE(ParseRate("100/1m", &rate).ok());
  EXPECT_EQ(rate.rate(), 100);
  EXPECT_EQ(rate.per_seconds(), 60);
  ASSERT_TRUE(ParseRate("5/s", &rate).ok());
  EXPECT_EQ(rate.per_seconds(), 1);
  for (const char* bad : {"", "10", "0/1s", "-1/1s", "x/1s", "10/0s", "nan/1s", "10/1parsec"}) {
    EXPECT_FALSE(ParseRate(bad, &rate).ok()) << bad;
  }
  ::sallyport::v1::Quota quota;
  ASSERT_TRUE(ParseQuota("1000/24h", &quota).ok());
  EXPECT_EQ(quota.renewal_seconds(), 86400);
  ASSERT_TRUE(ParseQuota("1000", &quota).ok());
  EXPECT_EQ(quota.renewal_seconds(), 0);
  EXPECT_FALSE(ParseQuota("-1", &quota).ok());
  const absl::Time now = absl::FromUnixSeconds(1'000'000);
  EXPECT_EQ(*ParseExpiry("1h", now), 1'003'600);
  EXPECT_EQ(*ParseExpiry("2027-01-31T00:00:00Z", now), 1801353600);
  EXPECT_FALSE(ParseExpiry("-1h", now).ok());
  EXPECT_FALSE(ParseExpiry("1970-01-01T00:00:00Z", now).ok());
  EXPECT_FALSE(ParseExpiry("tomorrow", now).ok());
}

TEST(CertificateFile, PrivateKeyStaysOutOfThePublicPart) {
  const Folder folder;
  const TestCert pair = CertBuilder("CN=a").SelfSign();
  const auto file = ReadCertificateFile(folder.Write("both.pem", pair.Pem() + pair.KeyPem()), "");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->has_private_key());
  EXPECT_THAT(file->PublicPem(), Not(HasSubstr("PRIVATE KEY")));
  EXPECT_THAT(std::string(file->FullPem().Reveal()), HasSubstr("PRIVATE KEY"));
  const auto der = ReadCertificateFile(folder.Write("a.der", pair.der), "");
  ASSERT_TRUE(der.ok()) << der.status();
  EXPECT_FALSE(der->has_private_key());
  EXPECT_FALSE(ReadCertificateFile(folder.Write("junk", "junk"), "").ok());
}

TEST(CertificateFile, Pkcs12) {
  const Folder folder;
  const TestCert root = CertBuilder("CN=root").Ca().SelfSign();
  const TestCert pair = CertBuilder("CN=a").SignBy(root);
  STACK_OF(X509)* others = sk_X509_new_null();
  sk_X509_push(others, root.cert->x509.get());
  PKCS12* p12 =
      PKCS12_create("secret", "a", pair.key.get(), pair.cert->x509.get(), others, 0, 0, 0, 0, 0);
  ASSERT_NE(p12, nullptr);
  unsigned char* bytes = nullptr;
  const int size = i2d_PKCS12(p12, &bytes);
  const std::string path =
      folder.Write("a.p12", std::string(reinterpret_cast<char*>(bytes), static_cast<size_t>(size)));
  OPENSSL_free(bytes);
  PKCS12_free(p12);
  sk_X509_free(others);
  const auto file = ReadCertificateFile(path, "secret");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->bundle.chain.size(), 2U);
  EXPECT_EQ(file->bundle.chain[0]->der, pair.der);
  EXPECT_TRUE(file->has_private_key());
  EXPECT_THAT(std::string(ReadCertificateFile(path, "wrong").status().message()),
              HasSubstr("--password-file"));
}

TEST(Commands, EveryOneHasHelpAndTyposAreGuessed) {
  for (const Command& command : Commands()) {
    std::vector<std::string> words;
    std::istringstream name{std::string(command.name)};
    for (std::string word; name >> word;) words.push_back(word);
    words.emplace_back("--help");
    const Outcome outcome = Sallyctl(words);
    EXPECT_EQ(outcome.code, kDone) << command.name;
    EXPECT_THAT(outcome.out, HasSubstr("Examples:")) << command.name;
  }
  const Outcome typo = Sallyctl({"aply"});
  EXPECT_EQ(typo.code, kUsage);
  EXPECT_THAT(typo.err, HasSubstr("did you mean 'apply'?"));
  EXPECT_EQ(Sallyctl({"cert"}).code, kUsage);
  EXPECT_EQ(Sallyctl({}).code, kUsage);
  EXPECT_EQ(Sallyctl({"--help"}).code, kDone);
  EXPECT_EQ(Sallyctl({"version"}).code, kDone);
  EXPECT_THAT(Sallyctl({"completion", "bash"}).out, HasSubstr("complete -F _sallyctl sallyctl"));
  EXPECT_EQ(Sallyctl({"get", "api", "-o", "xml"}).code, kUsage);
  EXPECT_EQ(Sallyctl({"get", "pod"}).code, kUsage);
  EXPECT_EQ(Sallyctl({"key", "create", "--token"}).code, kUsage);
  EXPECT_EQ(Sallyctl({"apply", "-f", "x", "--prune"}).code, kUsage);
  const Outcome nowhere = Sallyctl({"get", "api"});
  EXPECT_EQ(nowhere.code, kMissing);
  EXPECT_THAT(nowhere.err, HasSubstr("SALLYPORT_CONTEXT"));
}

TEST(Files, WhatIsReplacedIsNobodysToReadAndWhole) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "files.XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/export";
  ASSERT_TRUE(WriteFile(path, "old", true).ok());
  EXPECT_FALSE(WriteFile(path, "new", false).ok());
  fs::permissions(path, fs::perms(0644));
  std::ifstream opened_before(path);
  ASSERT_TRUE(WriteFile(path, "new", true).ok());
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0600));
  EXPECT_EQ(ReadFile(path).value_or(""), "new");
  std::string seen;
  opened_before >> seen;
  EXPECT_EQ(seen, "old") << "whoever had it open sees nothing of what comes";
  fs::create_symlink(path, folder + "/link");
  EXPECT_FALSE(WriteFile(folder + "/link", "x", true).ok());
  EXPECT_TRUE(WriteFile("/dev/null", "x", true).ok());
  fs::create_directory(folder + "/directory");
  EXPECT_FALSE(WriteFile(folder + "/directory", "x", true).ok());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 3)
      << "nothing is left beside";
  fs::remove_all(folder);
}

TEST(CertShow, ComputesIdAndPinOfAFile) {
  const Folder folder;
  const TestCert pair = CertBuilder("CN=a").SelfSign();
  const Outcome outcome =
      Sallyctl({"cert", "show", folder.Write("a.pem", pair.Pem()), "--org", "acme", "-o", "json"});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr(crypto::CertificateId("acme", *pair.cert)));
  EXPECT_THAT(outcome.out, HasSubstr("spki_sha256"));
}

TEST(Init, MakesWhatBothServicesTake) {
  const Folder folder;
  const std::string at = folder / "here";
  const Outcome made = Sallyctl({"init", at, "--host", "auth.example", "--host", "10.1.2.3"});
  ASSERT_EQ(made.code, kDone) << made.err;
  EXPECT_THAT(made.out, HasSubstr("Admin key (shown once): "));
  const auto authsvc = config::ReadYamlFile(at + "/authsvc.yaml");
  ASSERT_TRUE(authsvc.ok()) << authsvc.status();
  const auto parsed = config::MakeAuthsvcConfig(*authsvc);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->admin.keys.size(), 1U);
  const auto dataplane = config::ReadYamlFile(at + "/dataplane.yaml");
  ASSERT_TRUE(config::MakeDataplaneConfig(*dataplane).ok())
      << config::MakeDataplaneConfig(*dataplane).status();
  // The key itself is in no file.
  const size_t start = made.out.find("shown once): ") + 13;
  const std::string key = made.out.substr(start, made.out.find('\n', start) - start);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(at)) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(*ReadFile(entry.path().string()), Not(HasSubstr(key))) << entry.path();
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms::group_all,
              std::filesystem::perms::none);
  }
  const auto server = crypto::ParsePem(*ReadFile(at + "/tls/authsvc/tls.crt"));
  ASSERT_TRUE(server.ok());
  EXPECT_THAT(server->chain[0]->dns_sans, ::testing::Contains("auth.example"));
  EXPECT_THAT(server->chain[0]->ip_sans, ::testing::Contains("10.1.2.3"));
  const auto role = crypto::ParsePem(*ReadFile(at + "/tls/decision/tls.crt"));
  EXPECT_THAT(role->chain[0]->uri_sans,
              ElementsAre("spiffe://sallyport/sallyport/decision/default/decision"));
  EXPECT_EQ(Sallyctl({"init", at}).code, kRefused) << "never over an installation";
}

TEST(Init, StateElsewhereAndOwnersThatMustExist) {
  const Folder folder;
  const std::string at = folder / "here";
  const std::string me = getpwuid(geteuid())->pw_name;
  EXPECT_EQ(Sallyctl({"init", at, "--dataplane-owner", "no-such-user"}).code, kMissing);
  EXPECT_FALSE(Exists(at)) << "nothing is made before all is known";
  const mode_t mask = umask(S_IRWXG | S_IRWXO);  // as sallyctl's main sets it
  ASSERT_EQ(Sallyctl({"init", at, "--state-dir", folder / "state", "--owner", me}).code, kDone);
  umask(mask);
  const auto authsvc = config::MakeAuthsvcConfig(*config::ReadYamlFile(at + "/authsvc.yaml"));
  ASSERT_TRUE(authsvc.ok()) << authsvc.status();
  EXPECT_EQ(authsvc->store, "sqlite:" + (folder / "state/authsvc.db"));
  EXPECT_TRUE(IsDirectory(folder / "state"));
  EXPECT_FALSE(Exists(at + "/data"));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(at).permissions(),
            perms::owner_all | perms::group_exec | perms::others_exec)
      << "who owns a file in it gets there, and cannot list it";
  EXPECT_EQ(std::filesystem::status(at + "/ca").permissions(), perms::owner_all);
  EXPECT_EQ(Sallyctl({"pki", "renew", at}).code, kDone);
}

TEST(Pki, AnOwnerThatIsGoneIsSaidBeforeAnythingIsSwitched) {
  const Folder folder;
  const std::string at = folder / "here";
  ASSERT_EQ(Sallyctl({"init", at}).code, kDone);
  const std::string before = *ReadFile(at + "/tls/authsvc/tls.crt");
  ASSERT_TRUE(WriteFile(at + "/ca/installation.yaml",
                        "trust_domain: sallyport\ndataplane_owner: no-such-user\n", true)
                  .ok());
  EXPECT_EQ(Sallyctl({"pki", "renew", at}).code, kMissing);
  EXPECT_EQ(*ReadFile(at + "/tls/authsvc/tls.crt"), before);
  ASSERT_TRUE(WriteFile(at + "/ca/installation.yaml", "trust_domain: sallyport\n", true).ok());
  EXPECT_EQ(Sallyctl({"pki", "renew", at}).code, kDone) << "one of before owners could be named";
}

TEST(Version, ForScripts) {
  EXPECT_THAT(Sallyctl({"version", "-o", "json"}).out, HasSubstr("\"version\": \"0.1.0\""));
  EXPECT_THAT(Sallyctl({"version", "-o", "yaml"}).out, HasSubstr("version: 0.1.0"));
  EXPECT_EQ(Sallyctl({"version"}).out, "sallyctl 0.1.0\n");
  EXPECT_EQ(Sallyctl({"--version"}).out, "sallyctl 0.1.0\n");
}

TEST(Init, RefusesNamesThatWouldMeanSomethingElse) {
  const Folder folder;
  EXPECT_EQ(Sallyctl({"init", folder / "a", "--group", "edge/admin"}).code, kUsage);
  EXPECT_EQ(Sallyctl({"init", folder / "a", "--trust-domain", "x,URI:y"}).code, kUsage);
  EXPECT_EQ(Sallyctl({"init", folder / "a", "--host", "a,DNS:b"}).code, kUsage);
  EXPECT_EQ(Sallyctl({"init", folder / "a", "--host", "bad name"}).code, kUsage);
  EXPECT_FALSE(Exists(folder / "a"));
}

TEST(Pki, RenewSwitchesDirectoriesAsAWhole) {
  const Folder folder;
  const std::string at = folder / "here";
  ASSERT_EQ(Sallyctl({"init", at, "--host", "auth.example"}).code, kDone);
  const std::string before = *ReadFile(at + "/tls/authsvc/tls.crt");
  const std::string old_directory = std::filesystem::read_symlink(at + "/tls/authsvc").string();
  ASSERT_EQ(Sallyctl({"pki", "renew", at}).code, kDone);
  const std::string after = *ReadFile(at + "/tls/authsvc/tls.crt");
  EXPECT_NE(before, after);
  EXPECT_NE(std::filesystem::read_symlink(at + "/tls/authsvc").string(), old_directory);
  EXPECT_TRUE(Exists(at + "/tls/" + old_directory)) << "a reader that is in it can finish";
  const auto server = crypto::ParsePem(after);
  EXPECT_THAT(server->chain[0]->dns_sans, ::testing::Contains("auth.example"));
  const std::string issued = folder / "edge-1";
  ASSERT_EQ(Sallyctl({"pki", "issue", at, "--role", "dataplane", "--group", "edge", "--name",
                      "edge-1", "--out", issued})
                .code,
            kDone);
  EXPECT_THAT(crypto::ParsePem(*ReadFile(issued + "/tls.crt"))->chain[0]->uri_sans,
              ElementsAre("spiffe://sallyport/sallyport/dataplane/edge/edge-1"));
  EXPECT_EQ(Sallyctl({"pki", "issue", at, "--role", "root", "--name", "x", "--out", issued}).code,
            kUsage);
  EXPECT_EQ(Sallyctl({"pki", "renew", folder / "nothing"}).code, kMissing);
}

TEST(Context, FileNameOrConfiguration) {
  const Folder folder;
  std::filesystem::create_directories(folder / ".config/sallyport");
  const std::string file = folder.Write("c.yaml", "endpoint: \"a:1\"\ntls_dir: /t\n");
  (void)folder.Write(".config/sallyport/config.yaml",
                     "current: two\ncontexts:\n  one: {endpoint: \"b:1\", tls_dir: /one}\n"
                     "  two: {endpoint: \"c:1\", tls_dir: /two}\n");
  ContextPlaces places;
  places.home = folder / "";
  places.system = "/nonexistent";
  EXPECT_EQ(FindContext(places)->endpoint, "c:1");
  places.variable = file;
  EXPECT_EQ(FindContext(places)->tls.path, "/t");
  places.flag = "one";
  EXPECT_EQ(FindContext(places)->endpoint, "b:1");
  places.flag = "three";
  EXPECT_THAT(std::string(FindContext(places).status().message()), HasSubstr("one, two"));
  places.flag = folder.Write("bad.yaml", "endpoit: x\n");
  EXPECT_THAT(std::string(FindContext(places).status().message()),
              HasSubstr("did you mean 'endpoint'"));
}

}  // namespace
}  // namespace sallyport::authsvc::ctl
