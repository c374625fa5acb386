#include "shared/base/text.h"

#include <memory>

#include "gtest/gtest.h"

namespace sallyport::base {
namespace {

TEST(Text, HexRoundTripsAndRefusesOddOrForeign) {
  EXPECT_EQ(Hex(absl::string_view("\x00\xff\x10", 3)), "00ff10");
  EXPECT_EQ(*FromHex("00FF10"), std::string("\x00\xff\x10", 3));
  EXPECT_FALSE(FromHex("0").ok());
  EXPECT_FALSE(FromHex("0g").ok());
}

std::string Written(absl::string_view text) {
  // Exactly the room that it may need, for sanitisers to see.
  const auto room = std::make_unique<char[]>(MostJsonQuoted(text.size()));
  return std::string(room.get(), WriteJsonQuoted(text, room.get()));
}

TEST(Text, JsonQuoteSeesEveryByteAtEveryPlace) {
  for (size_t length = 1; length <= 40; ++length) {
    for (size_t place = 0; place < length; ++place) {
      for (int byte = 0; byte < 0x80; ++byte) {
        std::string text(length, 'x');
        text[place] = static_cast<char>(byte);
        const bool plain = byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
        const std::string quoted = JsonQuote(text);
        EXPECT_EQ(quoted == "\"" + text + "\"", plain) << length << " " << place << " " << byte;
        EXPECT_EQ(quoted.substr(0, place + 1), "\"" + text.substr(0, place));
        EXPECT_EQ(Written(text), quoted);
      }
    }
  }
}

TEST(Text, JsonQuoteEscapesControlsAndInvalidUtf8) {
  EXPECT_EQ(JsonQuote("a\"\\\n\x01"), R"("a\"\\\n\u0001")");
  EXPECT_EQ(JsonQuote("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(JsonQuote("\xff\xc0\xaf"), R"("\ufffd\ufffd\ufffd")") << "overlong and stray bytes";
  EXPECT_EQ(JsonQuote("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")") << "a surrogate";
}

TEST(Text, WriteJsonQuotedIsTheSame) {
  for (const std::string& text :
       {std::string(), std::string(100, '\xff'), std::string(100, '\x01'), std::string(100, '"'),
        std::string("gr\xc3\xbc\xc3\x9f, and sixteen bytes more than that"),
        std::string("a plain beginning of some length\xc3")}) {
    EXPECT_EQ(Written(text), JsonQuote(text));
  }
  EXPECT_EQ(Written(std::string(9, '\xff')).size(), MostJsonQuoted(9));
}

TEST(Text, ConstantTimeEquals) {
  EXPECT_TRUE(ConstantTimeEquals("abc", "abc"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "abd"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "abcd"));
}

}  // namespace
}  // namespace sallyport::base
