#include "dataplane/http/plain_head.h"

#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/http/head_end.h"
#include "dataplane/http/head_sink.h"
#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMaxFields = 6;

std::string Text(absl::string_view first_line, const HeaderFields& fields) {
  std::string text = absl::StrCat(first_line, "\n");
  for (const HeaderField& field : fields)
    absl::StrAppend(&text, "[", field.name, "]=[", field.value, "]\n");
  return text;
}

std::string ByBeast(bool request, absl::string_view bytes) {
  HeaderFields fields;
  if (request) {
    HeadSink<true> sink(&fields, kMaxFields);
    if (sink.ParseWhole(bytes)) return "refused";
    return Text(absl::StrCat(sink.method, "|", sink.target, "|", sink.minor_version), fields);
  }
  HeadSink<false> sink(&fields, kMaxFields);
  if (sink.ParseWhole(bytes)) return "refused";
  return Text(absl::StrCat(sink.status, "|", sink.reason_phrase, "|", sink.minor_version), fields);
}

// "": left to Beast.
std::string Plain(bool request, absl::string_view bytes) {
  if (request) {
    RequestHead head;
    if (!ReadPlainRequest(bytes, kMaxFields, &head)) return "";
    return Text(absl::StrCat(head.method, "|", head.target, "|", head.minor_version), head.fields);
  }
  ResponseHead head;
  if (!ReadPlainResponse(bytes, kMaxFields, &head)) return "";
  return Text(absl::StrCat(head.status, "|", head.reason_phrase, "|", head.minor_version),
              head.fields);
}

const std::string kRequest =
    "GET /a/b?c=d HTTP/1.1\r\nHost: api.example.com:443\r\nAccept: */*\r\nX-Long: 0123456789 "
    "0123456789 0123\r\n"
    "Content-Length: 12\r\nConnection: keep-alive\r\n\r\n";
const std::string kResponse =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 26 Nov 2026 05:00:00 "
    "GMT\r\nContent-Type:  text/plain \r\n"
    "Content-Length: 1024\r\nConnection: close\r\n\r\n";

TEST(PlainHead, UsualHeadsAreReadWithoutBeast) {
  EXPECT_EQ(Plain(true, kRequest), ByBeast(true, kRequest));
  EXPECT_EQ(Plain(false, kResponse), ByBeast(false, kResponse));
  EXPECT_EQ(Plain(true, "GET / HTTP/1.1\r\n\r\n"), "GET|/|1\n");
  EXPECT_EQ(Plain(true, "M / HTTP/1.1\r\nA:\r\nB:  \r\nC:d:e\r\n\r\n"),
            "M|/|1\n[A]=[]\n[B]=[]\n[C]=[d:e]\n");
  EXPECT_EQ(Plain(false, "HTTP/1.1 404 \r\n\r\n"), "404||1\n");
}

TEST(PlainHead, WhatIsUnusualIsLeftToBeast) {
  for (const absl::string_view line : {"A: b\tc",
                                       "A: \x80",
                                       "A: \x7f",
                                       "A: b\rc",
                                       "A : b",
                                       ": b",
                                       "A",
                                       "A\xc3: b",
                                       "A b: c",
                                       "Transfer-Encoding: chunked",
                                       "transfer-encoding: gzip",
                                       "Proxy-Connection: close",
                                       "Content-Length: 1, 1",
                                       "Content-Length: +1",
                                       "Content-Length:",
                                       "Content-Length: 1234567890123456789",
                                       "Content-Length: 1\r\ncontent-length: 1",
                                       "Connection: close, te",
                                       "Connection:",
                                       "Connection: \"close\""}) {
    EXPECT_EQ(Plain(true, absl::StrCat("GET / HTTP/1.1\r\n", line, "\r\n\r\n")), "") << line;
    EXPECT_EQ(Plain(false, absl::StrCat("HTTP/1.1 200 OK\r\n", line, "\r\n\r\n")), "") << line;
  }
  for (const absl::string_view line :
       {"GET / HTTP/1.0", "GET /  HTTP/1.1", "GET  / HTTP/1.1", " GET / HTTP/1.1",
        "GET / HTTP/1.1 ", "GET /HTTP/1.1", "GET HTTP/1.1", "GET  HTTP/1.1", "HTTP/1.1", "",
        "GET /\x80 HTTP/1.1", "GET /\x7f HTTP/1.1", "GET /\t HTTP/1.1", "G(T / HTTP/1.1",
        "GET / http/1.1"}) {
    EXPECT_EQ(Plain(true, absl::StrCat(line, "\r\n\r\n")), "") << line;
  }
  for (const absl::string_view line :
       {"HTTP/1.0 200 OK", "HTTP/1.1 200", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1  200 OK",
        "HTTP/1.1 20x OK", "HTTP/1.1 200 O\tK", "HTTP/1.1 200 \x80", "HTTP/2.0 200 OK", ""}) {
    EXPECT_EQ(Plain(false, absl::StrCat(line, "\r\n\r\n")), "") << line;
  }
}

// RFC 9110 5.6.2, at every place of names that are longer than a block and shorter.
TEST(PlainHead, NamesAreTokens) {
  constexpr absl::string_view kOthers = "!#$%&'*+-.^_`|~";
  for (const size_t length : {1, 7, 15, 16, 17, 31, 32, 33}) {
    for (size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        if (byte == ':') continue;  // ends the name
        std::string name(length, 'a');
        name[at] = static_cast<char>(byte);
        const bool token = absl::ascii_isalnum(static_cast<unsigned char>(byte)) ||
                           (byte != 0 && absl::StrContains(kOthers, static_cast<char>(byte)));
        const std::string head = absl::StrCat("HTTP/1.1 200 OK\r\n", name, ": v\r\n\r\n");
        ASSERT_EQ(Plain(/*request=*/false, head),
                  token ? Text("200|OK|1", {{name, "v"}}) : std::string())
            << byte << " at " << at << " of " << length;
      }
    }
  }
}

TEST(PlainHead, TooManyFieldsAreLeftToBeast) {
  std::string head = "GET / HTTP/1.1\r\n";
  for (size_t i = 0; i < kMaxFields; ++i) head += "A: b\r\n";
  EXPECT_NE(Plain(true, head + "\r\n"), "");
  EXPECT_EQ(Plain(true, head + "A: b\r\n\r\n"), "");
}

// Whatever is done to a head: where it is read here, Beast reads the same.
TEST(PlainHead, NeverReadsWhatBeastReadsOtherwise) {
  const std::string pieces[] = {"\r\n",
                                "\r",
                                "\n",
                                ": ",
                                ":",
                                " ",
                                "\t",
                                ",",
                                "\"",
                                "\x7f",
                                "\x80",
                                "close",
                                "1",
                                "-",
                                "Content-Length: 5\r\n",
                                "Transfer-Encoding: chunked\r\n",
                                "Connection: x y\r\n",
                                "Proxy-Connection: x\r\n",
                                "Upgrade: h2c\r\n",
                                "HTTP/1.1",
                                "HTTP/1.0"};
  std::mt19937 random(20261126);  // the same every time
  int taken = 0, left = 0;
  for (int round = 0; round < 40'000; ++round) {
    const bool request = round % 2 == 0;
    std::string head = request ? kRequest : kResponse;
    for (unsigned edits = random() % 3 + 1; edits > 0; --edits) {
      const size_t at = random() % head.size();
      switch (random() % 4) {
        case 0: head[at] = static_cast<char>(random() % 256); break;
        case 1: head.erase(at, random() % 4); break;
        case 2: head.insert(at, pieces[random() % std::size(pieces)]); break;
        default: head.insert(at, head.substr(random() % head.size(), random() % 30)); break;
      }
    }
    size_t start = 0;
    const HeadEnd end = FindHeadEnd(head, &start);
    if (end.kind != HeadEnd::Kind::kFound) continue;
    head.resize(end.end);
    const std::string plain = Plain(request, head);
    ++(plain.empty() ? left : taken);
    if (!plain.empty()) {
      EXPECT_EQ(plain, ByBeast(request, head)) << head;
    }
  }
  EXPECT_GT(taken, 5'000);
  EXPECT_GT(left, 5'000);
}

}  // namespace
}  // namespace sallyport::dataplane
