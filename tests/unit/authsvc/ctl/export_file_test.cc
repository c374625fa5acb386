// The file of an export: opened by its recipient alone, whole and unchanged or not at all; and
// manifests whose files are read where sallyctl runs.
#include "authsvc/ctl/export_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "authsvc/ctl/manifest.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc::ctl {
namespace {

using sallyport::testing::CertBuilder;
using sallyport::testing::TestCert;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Place {
 public:
  Place() {
    char name[] = "/tmp/sallyctl_XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Place() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string Put(const std::string& name, const std::string& content) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
    return path_ + "/" + name;
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class ExportTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string Make(const std::string& seal_to) const {
    auto writer = ExportWriter::Begin("\"store\":\"s\"", seal_to);
    EXPECT_TRUE(writer.ok()) << writer.status();
    for (const char* const id : {"one", "two"}) {
      v1::Resource key;
      key.mutable_key()->set_id(id);
      SecretsByName secrets;
      if (!seal_to.empty()) secrets["token_sha256"] = base::Secret(std::string(32, *id));
      EXPECT_TRUE(writer->Add(key, secrets).ok());
    }
    auto file = std::move(*writer).Finish();
    EXPECT_TRUE(file.ok());
    return file.value_or("");
  }
  [[nodiscard]] std::string Error(const std::string& content, const std::string& open_with) const {
    const auto read = ReadExport(content, open_with);
    return read.ok() ? "" : std::string(read.status().message());
  }

  const Place place_;
  const TestCert pair_ = CertBuilder("CN=recipient").SelfSign();
  const TestCert other_ = CertBuilder("CN=other").SelfSign();
  const std::string to_ = place_.Put("to.crt", pair_.Pem());
  const std::string key_ = place_.Put("to.key", pair_.KeyPem());
  const std::string wrong_ = place_.Put("other.key", other_.KeyPem());
};

TEST_F(ExportTest, IsReadAsItWasWritten) {
  for (const auto& [to, with] : {std::pair(to_, key_), std::pair(std::string(), std::string())}) {
    const std::string file = Make(to);
    EXPECT_TRUE(IsExport(file));
    const auto read = ReadExport(file, with);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->size(), 2U);
    EXPECT_EQ(read->at(1).line, 3);
    const auto json = nlohmann::json::parse(read->at(0).json);
    EXPECT_EQ(json["resource"]["key"]["id"], "one");
    EXPECT_EQ(json.contains("secrets"), !to.empty());
    EXPECT_THAT(file, Not(HasSubstr("secrets")));
    if (!to.empty())
      EXPECT_EQ(json["secrets"]["token_sha256"], absl::Base64Escape(std::string(32, 'o')));
  }
}

TEST_F(ExportTest, APassphraseIsReadFromItsFile) {
  const std::string phrase = "passphrase:" + place_.Put("phrase", "correct horse battery\n");
  const std::string file = Make(phrase);
  EXPECT_EQ(Error(file, phrase), "");
  EXPECT_THAT(Error(file, "passphrase:" + place_.Put("wrong", "incorrect horse battery")),
              HasSubstr("is not the passphrase"));
  EXPECT_THAT(Error(file, ""), HasSubstr("--open-with passphrase:FILE"));
  EXPECT_FALSE(ExportWriter::Begin("\"a\":1", "passphrase:" + place_.Put("short", "x")).ok());
  EXPECT_FALSE(ExportWriter::Begin("\"a\":1", place_.path() + "/nothing").ok());
}

TEST_F(ExportTest, NobodyElseOpensIt) {
  const std::string file = Make(to_);
  EXPECT_THAT(Error(file, wrong_), HasSubstr("another key"));
  EXPECT_THAT(Error(file, to_), HasSubstr("no private key"));
  EXPECT_THAT(Error(Make(""), key_), HasSubstr("not sealed"));
}

TEST_F(ExportTest, EveryCutIsSeen) {
  for (const std::string& to : {to_, std::string()}) {
    const std::string file = Make(to);
    const std::string with = to.empty() ? "" : key_;
    // The last line end says nothing.
    for (size_t size = 0; size + 1 < file.size(); size += size % 7 + 1)
      EXPECT_NE(Error(file.substr(0, size), with), "") << size;
  }
}

TEST_F(ExportTest, EveryChangedByteIsSeen) {
  const std::string file = Make(to_);
  const size_t last_line = file.rfind('\n', file.size() - 2);
  for (size_t at = 0; at < last_line; at += 11) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_NE(Error(changed, key_), "") << at;
  }
}

TEST_F(ExportTest, WhatIsPutTogetherOfTwoIsSeen) {
  const std::vector<std::string> a = absl::StrSplit(Make(to_), '\n');
  const std::vector<std::string> b = absl::StrSplit(Make(to_), '\n');
  EXPECT_NE(Error(absl::StrCat(a[0], "\n", b[1], "\n", a[2], "\n", a[3], "\n"), key_), "");
  EXPECT_NE(Error(absl::StrCat(a[0], "\n", a[2], "\n", a[1], "\n", a[3], "\n"), key_), "");
  EXPECT_NE(Error(absl::StrCat(a[0], "\n", a[1], "\n", a[2], "\n", b[3], "\n"), key_), "");
  EXPECT_NE(Error(absl::StrCat(a[0], "\n", a[1], "\n", a[1], "\n", a[2], "\n", a[3], "\n"), key_),
            "");
}

TEST_F(ExportTest, SaysOfWhatItIs) {
  const std::string said = ExportSummary(Make(to_));
  EXPECT_THAT(said, HasSubstr("of store s"));
  EXPECT_THAT(said, HasSubstr(": 2 key"));
}

TEST_F(ExportTest, WhatIsTooDeepIsNotWalked) {
  const std::string deep = absl::StrCat(std::string(100'000, '['), std::string(100'000, ']'));
  std::vector<std::string> lines = absl::StrSplit(Make(""), '\n');
  lines[0] = absl::StrReplaceAll(lines[0], {{"\"s\"", deep}});
  EXPECT_THAT(Error(absl::StrJoin(lines, "\n"), ""), HasSubstr("too deep"));
}

TEST_F(ExportTest, SaysWhatMayNotComeBack) {
  EXPECT_TRUE(RestoreDoubts(Make(to_), 64 << 20).empty());
  const auto doubts = [](const std::string& content, uint64_t most) {
    return absl::StrJoin(RestoreDoubts(content, most), "\n");
  };
  EXPECT_THAT(doubts(Make(to_), 10), HasSubstr("grpc.max_admin_bytes"));
  const auto line = [](const std::string& document) {
    return absl::StrCat(R"({"kind":"Stored","document":")", document,
                        R"(","resource":{"api":{"id":"big"}}})", "\n");
  };
  EXPECT_THAT(doubts(line(std::string(9 << 20, 'x')), 64 << 20), HasSubstr("api/big has"));
  EXPECT_THAT(doubts(std::string(65 << 20, '\n'), 128 << 20), HasSubstr("sallyctl apply"));
  EXPECT_THAT(doubts(line("-----BEGIN PRIVATE KEY-----"), 64 << 20),
              HasSubstr("api/big holds a private key"));
}

// Manifests ---------------------------------------------------------------------------------------

int Times(absl::string_view text, absl::string_view what) {
  int times = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++times;
  return times;
}

class ManifestTest : public ExportTest {
 protected:
  [[nodiscard]] std::string Filled(const std::string& content, const std::string& as = "") const {
    const auto read = ReadManifest(place_.path() + "/api.yaml", content, {as, {}});
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? read->content : "";
  }
  [[nodiscard]] std::string Refusal(const std::string& content,
                                    const std::vector<std::string>& files_from = {}) const {
    const auto read =
        ReadManifest(place_.path() + "/api.yaml", content, {"tyk-classic", files_from});
    return std::string(read.status().message());
  }
  const std::string both_ = place_.Put("both.pem", pair_.Pem() + pair_.KeyPem());
};

TEST_F(ManifestTest, WhatNamesNoFileStaysByteByByte) {
  for (const char* const text :
       {"a: 1 # as it was\n", "client_certificates: [name:x, default00]\n", "{\"a\": [1, 2]}",
        "listen_path: /x.pem\nproxy: {target_url: both.pem}\n", ": not\n  yaml: [", "",
        "meta_data: {certificate: both.pem}\ncertificate: both.pem\n"}) {
    EXPECT_EQ(Filled(text), text);
  }
}

TEST_F(ManifestTest, PrivateKeysAreSentWhereTheyAreUsedAlone) {
  const std::string classic = "proxy: {}\napi_id: a\n";
  const std::string used =
      Filled(absl::StrCat(classic, "upstream_certificates: {'*': both.pem}\n",
                          "certificates: [./both.pem]\n---\n", "x-tyk-api-gateway: {upstream: {",
                          "mutualTLS: {domainToCertificateMapping: [{certificate: both.pem}]}}}")) +
      Filled("security: {certificates: {upstream: {a: both.pem}}}\n", "tyk-gateway");
  EXPECT_EQ(Times(used, "BEGIN CERTIFICATE"), 4);
  EXPECT_EQ(Times(used, "BEGIN PRIVATE KEY"), 4);
  const std::string told =
      Filled(absl::StrCat(
          classic, "client_certificates: [both.pem]\n",
          "pinned_public_keys: {a: 'both.pem, name:x'}\n---\n", "x-tyk-api-gateway: {",
          "server: {clientCertificates: {allowlist: [both.pem]}}, upstream: {certificatePinning: ",
          "{domainToPublicKeysMapping: [{publicKeys: [both.pem]}]}}}\n")) +
      Filled("mtls_static_certificate_bindings: [both.pem]", "tyk-key") +
      Filled("security: {certificates: {apis: [both.pem], control_api: [both.pem]}}\n",
             "tyk-gateway");
  EXPECT_EQ(Times(told, "BEGIN CERTIFICATE"), 7);
  EXPECT_THAT(told, Not(HasSubstr("PRIVATE KEY")));
  EXPECT_THAT(told, HasSubstr("name:x\"]"));
}

// What a stranger wrote into a document chooses no file.
TEST_F(ManifestTest, NamesMeanCertificatesAtTheirPlacesAlone) {
  for (const char* const text :
       {"openapi: 3.0.3\nx-tyk-api-gateway: {}\ncertificates: [both.pem]\n",
        "x-tyk-api-gateway: {}\n"
        "components: {examples: {e: {value: {certificates: [both.pem]}}}}\n",
        "x-tyk-api-gateway: {middleware: {global: {pluginConfig: {certificates: [both.pem]}}}}\n",
        "x-tyk-api-gateway: {}\n"
        "s: {properties: {certificates: {type: object, description: see a/b}}}\n",
        "proxy: {}\napi_id: a\nconfig_data: {upstream_certificates: {a: both.pem}}\n",
        "proxy: {}\napi_id: a\ncertificates: {description: both.pem}\n",
        "apiVersion: sallyport/v1\nkind: Api\ncertificates: [both.pem]\n",
        "name: a\nbasePath: /a\ntype: REST\noperations: []\ncertificates: [both.pem]\n",
        "certificates: [both.pem]\n"}) {
    EXPECT_EQ(Filled(text), text);
  }
}

TEST_F(ManifestTest, AFileThatIsNoneIsToldWithItsPlace) {
  EXPECT_THAT(Refusal("client_certificates: [a, none.pem]"),
              HasSubstr("client_certificates[1]: there is no file"));
  EXPECT_THAT(Refusal("upstream_certificates: {'*.x': ./none}"),
              HasSubstr("upstream_certificates[\"*.x\"]: there is no file"));
  EXPECT_NE(Refusal("certificates: [/etc/passwd]"), "");
  EXPECT_THAT(Refusal("certificates: [/etc/passwd]"), Not(HasSubstr("root:")));
  EXPECT_NE(Refusal("certificates: [/etc/]"), "");
  EXPECT_THAT(Refusal("certificates: [/dev/zero]"), HasSubstr("there is no file"));
  static_cast<void>(place_.Put("large.pem", std::string(2 << 20, 'x')));
  EXPECT_THAT(Refusal("certificates: [large.pem]"), HasSubstr("larger than 1048576 bytes"));
}

TEST_F(ManifestTest, APrivateKeyThatIsTakenForAPathIsNotToldOf) {
  const std::string key = "MIGHAgEAMBMGByqGSM49/AgEGCCqGSM49AwEHBG0wawIBAQQgHidden";
  const auto refusal = [&](const std::string& text) {
    return std::string(
        ReadManifest(place_.path() + "/tyk.conf", text, {"tyk-gateway", {}}).status().message());
  };
  const std::string pairs = "http_server_options: {certificates: [{cert_file: ";
  for (const auto& [text, place] :
       {std::make_pair(absl::StrCat(pairs, "both.pem, key_file: ", key, "}]}"), "[0].key_file"),
        {absl::StrCat(pairs, key, ", key_file: both.pem}]}"), "[0].cert_file"},
        {absl::StrCat("http_server_options: {ssl_certificates: [", key, "]}"),
         "ssl_certificates[0]"},
        {absl::StrCat("security: {certificates: {upstream: {a: ", key, "}}}"),
         "upstream[\"a\"]"}}) {
    EXPECT_THAT(refusal(text), AllOf(HasSubstr(absl::StrCat(place, ": there is no file")),
                                     HasSubstr("-----BEGIN"), Not(HasSubstr("Hidden"))));
  }
}

TEST_F(ManifestTest, FilesElsewhereAreReadFromDirectoriesThatWereSaid) {
  const Place other;
  const std::string pem = other.Put("other.pem", pair_.Pem() + pair_.KeyPem());
  std::filesystem::create_symlink(pem, place_.path() + "/link.pem");
  std::filesystem::create_symlink(other.path(), place_.path() + "/linked");
  std::filesystem::create_directory(place_.path() + "/below");
  const std::string up = absl::StrCat("../", other.path().substr(5), "/other.pem");
  for (const std::string& path : {pem, up, std::string("link.pem"), std::string("linked/other.pem"),
                                  std::string("below/../linked/other.pem")}) {
    const std::string text = absl::StrCat("certificates: [", path, "]");
    EXPECT_THAT(Refusal(text), HasSubstr("--files-from")) << path;
    EXPECT_THAT(Refusal(text, {place_.path() + "/below", "/nowhere", other.path() + "x"}),
                HasSubstr("--files-from"));
    EXPECT_EQ(Refusal(text, {"/nowhere", other.path()}), "") << path;
  }
  EXPECT_EQ(Refusal("certificates: [below/../both.pem]"), "");
  EXPECT_EQ(Refusal(absl::StrCat("certificates: [", both_, "]")), "") << "absolute, but here";
  const auto read = ReadManifest(place_.path() + "/api.yaml",
                                 "certificates: [both.pem]\nclient_certificates: [both.pem]",
                                 {"tyk-classic", {}});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->private_keys, std::vector<std::string>{both_});
}

TEST_F(ManifestTest, ObjectsOfApisixAreTold) {
  const std::string object =
      R"({"apiVersion":"sallyport/v1","kind":"ApisixObject","id":"routes/1","spec":{"uri":"/"}})";
  for (const std::string& text : {object, absl::StrCat("[", object, "]")}) {
    const auto read = ReadManifest("-", text);
    ASSERT_TRUE(read.ok());
    ASSERT_EQ(read->apisix.size(), 1U);
    EXPECT_EQ(read->apisix[0].name, "routes/1");
    EXPECT_EQ(read->apisix[0].json, R"({"uri":"/"})");
    EXPECT_FALSE(read->others);
  }
  const auto mixed = ReadManifest("-", absl::StrCat(object, "\n---\n{\"a\":1}"));
  ASSERT_TRUE(mixed.ok());
  EXPECT_TRUE(mixed->others);
  EXPECT_EQ(mixed->apisix.size(), 1U);
}

}  // namespace
}  // namespace sallyport::authsvc::ctl
