#include "authsvc/dialects/kube_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/native.h"
#include "shared/crypto/pem.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

const std::string kId = "org" + std::string(64, 'a');  // of a certificate

Json Object(const std::string& kind, const std::string& name) {
  return {{"apiVersion", "v1"}, {"kind", kind}, {"metadata", {{"name", name}}}};
}

Json TlsSecret(const std::string& certificate, const std::string& key) {
  Json json = Object("Secret", "web");
  json["type"] = "kubernetes.io/tls";
  json["data"] = {{"tls.crt", absl::Base64Escape(certificate)},
                  {"tls.key", absl::Base64Escape(key)}};
  return json;
}

Conversion ConvertKube(const Json& json) { return ConvertText(ConvertKubernetes, json.dump()); }

TEST(KubeSecret, OfTypeTlsIsAKeyPair) {
  const auto pair = testing::CertBuilder("CN=web").SelfSign();
  const Conversion conversion = ConvertKube(TlsSecret(pair.Pem(), pair.KeyPem()));
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  ASSERT_EQ(conversion.resources.size(), 2u);
  const std::string id = crypto::CertificateId("org", *pair.cert);
  EXPECT_EQ(conversion.resources[0].resource.certificate().id(), id);
  EXPECT_EQ(conversion.resources[0].resource.certificate().source(), "secret/default/web");
  EXPECT_FALSE(conversion.resources[0].private_key.empty());
  const v1::KubeSecret& secret = conversion.resources[1].resource.secret();
  EXPECT_EQ(secret.id(), "default/web");
  EXPECT_EQ(secret.certificate_ids().at("tls.crt"), id);
  EXPECT_TRUE(conversion.resources[1].secret_data.empty());
  const std::string all = conversion.resources[1].resource.DebugString();
  EXPECT_THAT(all, Not(HasSubstr("PRIVATE")));
  EXPECT_THAT(all, Not(HasSubstr(absl::Base64Escape(pair.KeyPem()))));
}

TEST(KubeSecret, OfAPinIsABarePublicKeyWithAnEmptyPrivateKey) {
  const auto pair = testing::CertBuilder("CN=pin").SelfSign();
  const Conversion conversion = ConvertKube(TlsSecret(crypto::PublicKeyPem(pair.PublicDer()), ""));
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  EXPECT_FALSE(conversion.resources[0].resource.certificate().public_key_der().empty());
  EXPECT_TRUE(conversion.resources[0].private_key.empty());
}

TEST(KubeSecret, WhatIsWrongWithATlsSecretIsRefused) {
  const auto pair = testing::CertBuilder("CN=web").SelfSign();
  const auto other = testing::CertBuilder("CN=other").SelfSign();
  const auto old = testing::CertBuilder("CN=old").Expired().SelfSign();
  const auto refused = [](const Json& json, const std::string& word) {
    const std::string errors = Texts(ConvertKube(json).errors);
    EXPECT_THAT(errors, HasSubstr(word));
    EXPECT_THAT(errors, Not(HasSubstr("BEGIN")));
  };
  refused(TlsSecret("", ""), "data.tls.crt");
  refused(TlsSecret("no pem", ""), "should be PEM encoded");
  refused(TlsSecret(old.Pem(), ""), "expired");
  refused(TlsSecret(pair.Pem(), other.KeyPem()), "private key does not match public key");
  Json json = TlsSecret(pair.Pem(), "");
  json["data"].erase("tls.key");
  refused(json, "data.tls.key");
  json["data"]["tls.key"] = "%%%";
  refused(json, "is not Base64");
  json["data"]["tls.key"] = 5;
  refused(json, "data.tls.key");
  json = TlsSecret(pair.Pem(), "");
  json["metadata"]["name"] = "Web/..";
  refused(json, "metadata.name");
  json["metadata"].erase("name");
  refused(json, "metadata.name");
  json = TlsSecret(pair.Pem(), "");
  json["metadata"]["namespace"] = "a.b";
  refused(json, "metadata.namespace");
  json = TlsSecret(pair.Pem(), "");
  json["dta"] = Json::object();
  refused(json, "did you mean \"data\"");
}

TEST(KubeSecret, OpaqueDataIsSealedExceptForCertificates) {
  const auto ca = testing::CertBuilder("CN=ca").Ca().SelfSign();
  Json json = Object("Secret", "mixed");
  json["metadata"]["namespace"] = "team";
  json["stringData"] = {{"token", "hush"}, {"ca.crt", ca.Pem()}, {"both", ca.Pem() + ca.KeyPem()}};
  const Conversion conversion = ConvertKube(json);
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  const Converted& last = conversion.resources.back();
  EXPECT_EQ(last.resource.id(), "team/mixed");
  EXPECT_EQ(last.resource.secret().type(), "Opaque");
  EXPECT_EQ(last.resource.secret().certificate_ids().at("ca.crt"),
            crypto::CertificateId("org", *ca.cert));
  EXPECT_EQ(last.secret_data.at("token").Reveal(), "hush");
  EXPECT_EQ(last.secret_data.count("both"), 1u) << "with a private key in it";
  EXPECT_THAT(last.resource.DebugString(), Not(HasSubstr("hush")));
}

TEST(KubeSecret, IsTakenAsItIsReadBack) {
  Json json = Object("Secret", "web");
  json["type"] = "kubernetes.io/tls";
  json["certificates"] = {{"tls.crt", kId}};
  json["sealed"] = {"token"};
  const Conversion conversion = ConvertKube(json);
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  const v1::KubeSecret& secret = conversion.resources.back().resource.secret();
  EXPECT_EQ(secret.certificate_ids().at("tls.crt"), kId);
  EXPECT_EQ(secret.sealed_data().at("token").ByteSizeLong(), 0u);
  EXPECT_EQ(Json::parse(NativeJson(conversion.resources.back().resource))["certificates"],
            json["certificates"]);
  const auto refusals = [](Json changed, const std::string& part, const Json& value) {
    changed[part] = value;
    return Texts(ConvertKube(changed).errors);
  };
  const std::string digest(64, 'a');
  for (const std::string& id : {"other" + digest, "org2" + digest, std::string("org"),
                                std::string("orgaa"), "org" + std::string(64, 'g')}) {
    EXPECT_THAT(refusals(json, "certificates", {{"tls.crt", id}}), HasSubstr("must be the id"))
        << id;
  }
  EXPECT_THAT(refusals(json, "data", {{"tls.key", "eA=="}}),
              HasSubstr("is missing: kubernetes.io/tls"));
  EXPECT_THAT(refusals(json, "data", {{"token", "eA=="}}), HasSubstr("\"token\" stands in data"));
  EXPECT_THAT(refusals(json, "sealed", {"tls.crt"}), HasSubstr("\"tls.crt\" stands in data"));
  json["certificates"].erase("tls.crt");
  EXPECT_THAT(Texts(ConvertKube(json).errors), HasSubstr("is missing: kubernetes.io/tls"));
}

TEST(KubeConfigMap, KeepsItsTextsAndTakesCertificates) {
  const auto ca = testing::CertBuilder("CN=ca").Ca().SelfSign();
  Json json = Object("ConfigMap", "cm");
  json["data"] = {{"api.json", "{}"}, {"ca.crt", ca.Pem()}};
  const Conversion conversion = ConvertKube(json);
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  const v1::KubeConfigMap& config_map = conversion.resources.back().resource.config_map();
  EXPECT_EQ(config_map.data().at("api.json"), "{}");
  EXPECT_EQ(config_map.certificate_ids().at("ca.crt"), crypto::CertificateId("org", *ca.cert));
  const Json read_back = Json::parse(NativeJson(conversion.resources.back().resource));
  EXPECT_THAT(Texts(ConvertKube(read_back).errors), IsEmpty());
  Json other = read_back;
  other["certificates"]["ca.crt"] = "orgaa";
  EXPECT_THAT(Texts(ConvertKube(other).errors), HasSubstr("is not the certificate that stands"));
  json["data"]["key"] = ca.KeyPem();
  EXPECT_THAT(Texts(ConvertKube(json).errors), HasSubstr("belong into a Secret"));
}

TEST(KubeObject, IsRecognisedByKindAndApiVersion) {
  std::string why;
  for (const auto& [text, name] : {std::pair("kind: Secret\napiVersion: v1\n", "kubernetes"),
                                   {"kind: ConfigMap\napiVersion: v1\n", "kubernetes"},
                                   {"kind: Pod\napiVersion: v1\n", ""},
                                   {"kind: Secret\napiVersion: v2\n", ""}}) {
    const auto node = ReadDocuments(text);
    ASSERT_TRUE(node.ok());
    const Dialect* dialect = RecogniseDialect(node->front(), &why);
    EXPECT_EQ(dialect == nullptr ? "" : dialect->name, name) << text;
  }
}

// "tls.key" in the ids says whose private key came: nobody may write it with a certificate.
TEST(KubeSecret, APublicCertificateInPlaceOfThePrivateKeyBringsNone) {
  const auto pair = testing::CertBuilder("CN=victim").SelfSign();
  Json json = TlsSecret(pair.Pem(), pair.Pem());
  json["type"] = "Opaque";
  const Conversion conversion = ConvertKube(json);
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  const v1::KubeSecret& secret = conversion.resources.back().resource.secret();
  EXPECT_TRUE(secret.certificate_ids().contains("tls.crt"));
  EXPECT_FALSE(secret.certificate_ids().contains("tls.key"));
  json = Object("Secret", "shown");
  json["certificates"] = {{"tls.crt", kId}, {"tls.key", kId}};
  const Conversion shown = ConvertKube(json);
  EXPECT_FALSE(shown.resources.back().resource.secret().certificate_ids().contains("tls.key"));
}

TEST(KubeObject, IsShownWithoutWhatIsSealed) {
  v1::Resource resource;
  resource.set_id("team/mixed");
  v1::KubeSecret* secret = resource.mutable_secret();
  secret->set_type("Opaque");
  (*secret->mutable_certificate_ids())["ca.crt"] = "orgaa";
  (*secret->mutable_sealed_data())["token"].set_ciphertext("CIPHER");
  const std::string text = NativeJson(resource);
  const Json json = Json::parse(text);
  EXPECT_EQ(json["kind"], "Secret");
  EXPECT_EQ(json["metadata"]["namespace"], "team");
  EXPECT_EQ(json["certificates"]["ca.crt"], "orgaa");
  EXPECT_EQ(json["sealed"], Json::array({"token"}));
  EXPECT_THAT(text, Not(HasSubstr("CIPHER")));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
