#include "dataplane/forward/headers.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "dataplane/forward/forwarded_fields.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

std::string Sent(const HeaderFields& fields, const HeaderFields& set = {},
                 const std::vector<absl::string_view>& remove = {},
                 Sender sender = Sender::kAnybody) {
  std::string out;
  AppendRequestFields(fields, set, remove, sender, &out);
  return out;
}

TEST(HeadersTest, EndToEndFieldsPassInOrder) {
  EXPECT_EQ(Sent({{"Accept", "*/*"}, {"X-A", "1"}, {"x-a", "2"}, {"Cookie", "c"}}),
            "Accept: */*\r\nX-A: 1\r\nx-a: 2\r\nCookie: c\r\n");
}

TEST(HeadersTest, HopByHopFramingAndHostAreDropped) {
  EXPECT_EQ(Sent({{"Host", "h"},
                  {"Connection", "keep-alive"},
                  {"Keep-Alive", "timeout=5"},
                  {"Proxy-Connection", "x"},
                  {"Proxy-Authorization", "x"},
                  {"TE", "trailers"},
                  {"Trailer", "x"},
                  {"Transfer-Encoding", "chunked"},
                  {"Content-Length", "5"},
                  {"Upgrade", "websocket"},
                  {"Expect", "100-continue"},
                  {"HTTP2-Settings", "x"},
                  {"transfer_encoding", "chunked"},
                  {"content_length", "7"}}),
            "");
}

TEST(HeadersTest, ConnectionListedNamesGoAndOursAreAddedLast) {
  const HeaderFields set = {{"X-Forwarded-For", "192.0.2.1"}, {"X-Request-Id", "r"}};
  // A caller cannot make us drop our own fields by listing them.
  EXPECT_EQ(Sent({{"Connection", "close, X-Secret , X-Request-Id,x-forwarded-for"},
                  {"X-Secret", "1"},
                  {"X-Forwarded-For", "203.0.113.9"},
                  {"Accept", "*/*"}},
                 set),
            "Accept: */*\r\nX-Forwarded-For: 192.0.2.1\r\nX-Request-Id: r\r\n");
}

TEST(HeadersTest, IdentityFieldsOfTheCallerNeverPass) {
  EXPECT_EQ(Sent({{"X-Forwarded-Client-Cert", "forged"},
                  {"x_forwarded_client_cert", "forged"},
                  {"Client-Cert", ":AA==:"},
                  {"client_cert", "forged"}}),
            "");
  const HeaderFields set = {{"X-Caller", "alice"}};
  EXPECT_EQ(Sent({{"x_caller", "mallory"}, {"X-CALLER", "mallory"}}, set), "X-Caller: alice\r\n");
}

TEST(HeadersTest, AddressFieldsPassOnlyFromATrustedProxy) {
  const HeaderFields fields = {{"Forwarded", "for=1.1.1.1"}, {"x_forwarded_port", "1"},
                               {"X-Forwarded-Prefix", "/"},  {"X-Real-IP", "1.1.1.1"},
                               {"true_client_ip", "1"},      {"X-Client-IP", "1"},
                               {"X-Original-URL", "/admin"}, {"X-Rewrite_Url", "/"}};
  EXPECT_EQ(Sent(fields), "");
  std::string all;
  for (const HeaderField& field : fields)
    absl::StrAppend(&all, field.name, ": ", field.value, "\r\n");
  EXPECT_EQ(Sent(fields, {}, {}, Sender::kTrustedProxy), all);
  EXPECT_EQ(Sent({{"Client-Cert", "forged"}}, {}, {}, Sender::kTrustedProxy), "");
  EXPECT_TRUE(CleanTrailers(fields, {}, {}).empty());
}

TEST(HeadersTest, RemovedNamesGo) {
  EXPECT_EQ(
      Sent({{"Authorization", "token"}, {"authorization", "t"}, {"A", "b"}}, {}, {"Authorization"}),
      "A: b\r\n");
}

TEST(HeadersTest, TheIdentityHeaderOfTheApiGoesAlsoWhenNothingReplacesIt) {
  const std::vector<absl::string_view> remove = {"x-user-cert"};
  const HeaderFields forged = {
      {"X-User-Cert", "f"}, {"x_user_cert", "f"}, {"X-USER_cert", "f"}, {"A", "b"}};
  EXPECT_EQ(Sent(forged, {}, remove), "A: b\r\n");
  const HeaderFields kept = CleanTrailers(forged, {}, remove);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].name, "A");
}

TEST(HeadersTest, OurValuesCannotEndALine) {
  EXPECT_EQ(Sent({}, {{"X-A", "a\r\nX-Evil: 1"}}), "X-A: a??X-Evil: 1\r\n");
}

TEST(HeadersTest, NoCacheInFrontSeesTheClientCert) {
  const HeaderFields received = {
      {"Vary", "Accept"}, {"vary", "Accept, Client-Cert"}, {"Vary", "client-cert-chain"}};
  HeaderFields out;
  AnswerChanges changes;
  CleanResponse(received, changes, &out);
  EXPECT_EQ(out[1].value, "Accept, Client-Cert");
  changes.client_cert = true;
  CleanResponse(received, changes, &out);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].value, "Accept");
  EXPECT_EQ(out[1].value, "*");
  EXPECT_EQ(out[2].value, "*");
}

// What of a certificate goes into a field may have been chosen by whoever asked for it.
TEST(HeadersTest, ControlCharactersOfOurFieldsAreMasked) {
  std::string out;
  AppendRequestFields({},
                      {{"X-Short", "a\r\nb"}, {"X-Long", "a rather long one: \x7f\t\xc3\xa9\r\n"}},
                      {}, Sender::kAnybody, &out);
  EXPECT_EQ(out, "X-Short: a??b\r\nX-Long: a rather long one: ?\t\xc3\xa9??\r\n");
}

TEST(HeadersTest, AnswerIsCleaned) {
  HeaderFields out;
  const std::vector<HeaderField> set = {{"X-Request-Id", "ours"}};
  const std::vector<HeaderField> add = {{"Vary", "Origin"}};
  const std::vector<absl::string_view> remove = {"access-control-allow-origin"};
  CleanResponse({{"Server", "s"},
                 {"Vary", "Accept"},
                 {"Access-Control-Allow-Origin", "*"},
                 {"Connection", "close, X-Internal"},
                 {"X-Internal", "1"},
                 {"Transfer-Encoding", "chunked"},
                 {"Content-Length", "3"},
                 {"Keep-Alive", "x"},
                 {"Set-Cookie", "a"},
                 {"Set-Cookie", "b"},
                 {"X-Request-Id", "theirs"},
                 {"Proxy-Authenticate", "Basic"}},
                {set, add, remove}, &out);
  std::string text;
  for (const HeaderField& field : out) absl::StrAppend(&text, field.name, "=", field.value, ";");
  EXPECT_EQ(text, "Server=s;Vary=Accept;Set-Cookie=a;Set-Cookie=b;X-Request-Id=ours;Vary=Origin;");
}

TEST(HeadersTest, TrailersAreCleaned) {
  const HeaderFields set = {{"X-Caller", "alice"}};
  const HeaderFields kept = CleanTrailers({{"X-Sum", "1"},
                                           {"x_caller", "mallory"},
                                           {"Client-Cert", "forged"},
                                           {"Content-Length", "1"},
                                           {"Host", "h"},
                                           {"Connection", "x"}},
                                          set, {});
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].name, "X-Sum");
}

std::string Text(const ForwardedFields& fields) {
  std::string text;
  for (const HeaderField& field : fields.fields())
    absl::StrAppend(&text, field.name, "=", field.value, ";");
  return text;
}

TEST(ForwardedFieldsTest, FromAnybodyOnlyWhatWeSaw) {
  const HeaderFields received = {
      {"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-Proto", "http"}, {"X-Forwarded-Host", "evil"}};
  ForwardedFacts facts;
  facts.client_address = "192.0.2.1";
  facts.tls = true;
  facts.host = "api.example";
  facts.request_id = "r1";
  facts.identity_header = "X-Forwarded-Client-Cert";
  facts.identity = "Hash=aa";
  EXPECT_EQ(Text(ForwardedFields(facts, received)),
            "X-Forwarded-For=192.0.2.1;X-Forwarded-Proto=https;X-Forwarded-Host=api.example;"
            "X-Request-Id=r1;X-Forwarded-Client-Cert=Hash=aa;");
}

TEST(ForwardedFieldsTest, FromATrustedProxyItIsContinued) {
  const HeaderFields received = {{"X-Forwarded-For", "1.1.1.1"},
                                 {"x-forwarded-for", "2.2.2.2"},
                                 {"X-Forwarded-Proto", "https"},
                                 {"X-Forwarded-Host", "public"}};
  ForwardedFacts facts;
  facts.client_address = "192.0.2.1";
  facts.host = "api.example";
  facts.from_trusted_proxy = true;
  EXPECT_EQ(Text(ForwardedFields(facts, received)),
            "X-Forwarded-For=1.1.1.1, 2.2.2.2, "
            "192.0.2.1;X-Forwarded-Proto=https;X-Forwarded-Host=public;");
}

}  // namespace
}  // namespace sallyport::dataplane
