#include "shared/header/identity_template.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shared/header/names.h"

namespace sallyport::header {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> kUris = {"spiffe://td/orders", "spiffe://td/second"};
const std::vector<std::string> kTags = {"gold", "a,b"};
const std::vector<std::string> kPolicies = {"p1", "p2"};
const std::vector<std::pair<std::string, std::string>> kMetadata = {{"team", "blue"},
                                                                    {"a.b", "dotted"}};

CallerFacts Alice() {
  CallerFacts facts;
  facts.identity = "alice";
  facts.organisation = "acme";
  facts.fingerprint = "ab12";
  facts.spki_sha256 = "cd34";
  facts.subject = "CN=alice,O=Acme";
  facts.issuer = "CN=ca";
  facts.serial = "0a";
  facts.not_before = 1000;
  facts.not_after = 2000;
  facts.uri_sans = kUris;
  facts.key_id = "k1";
  facts.key_alias = "alice";
  facts.key_policies = kPolicies;
  facts.key_tags = kTags;
  facts.key_metadata = kMetadata;
  return facts;
}

std::string Rendered(absl::string_view text, const CallerFacts& facts = Alice()) {
  const auto parsed = IdentityTemplate::Parse(text);
  EXPECT_TRUE(parsed.ok()) << text << ": " << parsed.status();
  return parsed.ok() ? parsed->Render(facts) : "(bad)";
}

std::string Refusal(absl::string_view text) {
  const auto parsed = IdentityTemplate::Parse(text);
  EXPECT_FALSE(parsed.ok()) << text;
  return std::string(parsed.status().message());
}

TEST(IdentityTemplate, EachFact) {
  EXPECT_EQ(Rendered("{identity}"), "alice");
  EXPECT_EQ(Rendered("{organisation}"), "acme");
  EXPECT_EQ(Rendered("{cert.fingerprint}"), "ab12");
  EXPECT_EQ(Rendered("{cert.spki_sha256}"), "cd34");
  EXPECT_EQ(Rendered("{cert.subject}"), "CN=alice,O=Acme");
  EXPECT_EQ(Rendered("{cert.issuer}"), "CN=ca");
  EXPECT_EQ(Rendered("{cert.serial}"), "0a");
  EXPECT_EQ(Rendered("{cert.not_before}"), "1000");
  EXPECT_EQ(Rendered("{cert.not_after}"), "2000");
  EXPECT_EQ(Rendered("{cert.uri_san}"), "spiffe://td/orders");
  EXPECT_EQ(Rendered("{key.id}"), "k1");
  EXPECT_EQ(Rendered("{key.alias}"), "alice");
  EXPECT_EQ(Rendered("{key.policies}"), "p1,p2");
  EXPECT_EQ(Rendered("{key.tags}"), "gold,a%2Cb");
  EXPECT_EQ(Rendered("{key.meta.team}"), "blue");
  EXPECT_EQ(Rendered("{key.meta.a.b}"), "dotted");
}

TEST(IdentityTemplate, TextAndBraces) {
  EXPECT_EQ(Rendered("id={identity}; team={key.meta.team}"), "id=alice; team=blue");
  EXPECT_EQ(Rendered("{{{identity}}}"), "{alice}");
  EXPECT_EQ(Rendered("100% {identity}"), "100% alice");
}

TEST(IdentityTemplate, NothingIsSentOfNothing) {
  EXPECT_EQ(Rendered("{key.meta.none}"), "");
  EXPECT_EQ(Rendered("team={key.meta.none}"), "");
  EXPECT_EQ(Rendered("id={identity}; team={key.meta.none}"), "id=alice; team=");
  for (const absl::string_view text : {"{identity}", "{cert.subject}", "{cert.not_after}",
                                       "{cert.uri_san}", "{key.tags}", "a={key.id}/{key.alias}"}) {
    EXPECT_EQ(Rendered(text, CallerFacts()), "") << text;
  }
}

TEST(IdentityTemplate, UnknownNamesListTheKnownOnes) {
  for (const absl::string_view text : {"{cert.subjct}", "{}", "{identity }", "{key.meta.}",
                                       "{Identity}", "{cert}", "{key.meta}"}) {
    const std::string refusal = Refusal(text);
    EXPECT_THAT(refusal, HasSubstr("is not known; known are: identity, "));
    EXPECT_THAT(refusal, HasSubstr("cert.fingerprint"));
    EXPECT_THAT(refusal, HasSubstr("key.meta.NAME"));
  }
}

TEST(IdentityTemplate, MalformedOnesAreRefused) {
  for (const absl::string_view text :
       {"{identity", "identity}", "{", "}", "{{identity}", "{identity}}", "{iden{tity}}"}) {
    EXPECT_THAT(Refusal(text), Not(HasSubstr("longer"))) << text;
  }
  EXPECT_THAT(Refusal("plain"), HasSubstr("names no fact"));
  EXPECT_THAT(Refusal("{{identity}}"), HasSubstr("names no fact"));
  EXPECT_THAT(Refusal(""), HasSubstr("names no fact"));
  EXPECT_THAT(Refusal("{identity}\r\nX-Admin: yes"), HasSubstr("printable"));
  EXPECT_THAT(Refusal(absl::string_view("{identity}\0", 11)), HasSubstr("printable"));
  EXPECT_THAT(Refusal("caf\xc3\xa9 {identity}"), HasSubstr("printable"));
  EXPECT_THAT(Refusal("{identity} "), HasSubstr("blanks"));
  EXPECT_THAT(Refusal(" {identity}"), HasSubstr("blanks"));
  EXPECT_THAT(Refusal(std::string(1025, 'a') + "{identity}"), HasSubstr("longer than 1024"));
}

TEST(IdentityTemplate, FactsMustStandApart) {
  for (const absl::string_view text : {"{identity}{key.id}", "{identity}x{key.id}",
                                       "{identity}%{key.id}", "{identity}5a{key.id}"}) {
    EXPECT_THAT(Refusal(text), HasSubstr("between two names")) << text;
  }
  EXPECT_EQ(Rendered("{identity}/{key.id}"), "alice/k1");
}

TEST(IdentityTemplate, NoFactBreaksOutOfTheField) {
  CallerFacts facts;
  const std::string evil("a\r\nX-Admin: yes\0\x7f\xc3\xa9\t", 20);
  facts.identity = evil;
  const std::string value = Rendered("{identity}", facts);
  EXPECT_EQ(value, "a%0D%0AX-Admin: yes%00%7F%C3%A9%09");
  EXPECT_TRUE(IsFieldValue(value));
  facts.identity = " padded ";
  EXPECT_EQ(Rendered("{identity}", facts), "%20padded%20");
  facts.identity = "100%0A";
  EXPECT_EQ(Rendered("{identity}", facts), "100%250A");
}

TEST(IdentityTemplate, NoFactImitatesAnotherPart) {
  CallerFacts facts;
  facts.subject = "CN=x; team=admin,O=\"a\\b\"";
  EXPECT_EQ(Rendered("sub={cert.subject}; team={key.meta.team}", facts),
            "sub=CN%3Dx%3B%20team%3Dadmin%2CO%3D%22a%5Cb%22; team=");
  facts.identity = "a|b/c";
  EXPECT_EQ(Rendered("{identity}|{key.id}", facts), "a%7Cb/c|");
}

}  // namespace
}  // namespace sallyport::header
