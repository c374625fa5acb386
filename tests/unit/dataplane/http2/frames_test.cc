#include "dataplane/http2/frames.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sallyport::dataplane {
namespace {

const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  std::string frame;
  for (int shift = 16; shift >= 0; shift -= 8)
    frame.push_back(static_cast<char>(payload.size() >> shift));
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(stream >> shift));
  return frame + payload;
}

struct Seen {
  std::vector<FrameHead> heads;
  std::string bytes;
};

// Reads `input` in pieces of that size.
Seen CutUp(const std::string& input, size_t piece) {
  FrameCutter cutter;
  Seen seen;
  for (size_t at = 0; at < input.size(); at += piece) {
    absl::string_view rest = absl::string_view(input).substr(at, piece);
    while (!rest.empty()) {
      const FrameCutter::Cut cut = cutter.Next(rest);
      EXPECT_GT(cut.bytes, 0u);
      if (cut.begins) seen.heads.push_back(cut.head);
      seen.bytes.append(rest.data(), cut.bytes);
      rest.remove_prefix(cut.bytes);
    }
  }
  return seen;
}

TEST(FrameCutter, FindsEveryHeadHoweverTheBytesCome) {
  const std::string input = kPreface + Frame(4, 0, 0, "") + Frame(0, 1, 3, std::string(300, 'x')) +
                            Frame(6, 0, 0, "12345678") + Frame(0xfa, 0x7f, 0xffffffff, "?");
  for (const size_t piece :
       {size_t{1}, size_t{2}, size_t{8}, size_t{9}, size_t{33}, input.size()}) {
    const Seen seen = CutUp(input, piece);
    EXPECT_EQ(seen.bytes, input);
    ASSERT_EQ(seen.heads.size(), 4u) << piece;
    EXPECT_TRUE(seen.heads[0].is(FrameType::kSettings));
    EXPECT_TRUE(seen.heads[1].is(FrameType::kData));
    EXPECT_EQ(seen.heads[1].length, 300u);
    EXPECT_TRUE(seen.heads[1].has(FrameHead::kEndStream));
    EXPECT_EQ(seen.heads[1].stream, 3u);
    EXPECT_TRUE(seen.heads[2].is(FrameType::kPing));
    EXPECT_EQ(seen.heads[3].type, 0xfa);
    EXPECT_EQ(seen.heads[3].stream, 0x7fffffffu) << "the reserved bit is none of it";
  }
}

TEST(FrameCutter, ACutNeverHoldsTheHeadOfTheNextFrame) {
  FrameCutter cutter;
  const std::string input = kPreface + Frame(6, 0, 0, "12345678") + Frame(0, 0, 1, "data");
  absl::string_view rest = input;
  EXPECT_EQ(cutter.Next(rest).bytes, kPreface.size());
  rest.remove_prefix(kPreface.size());
  EXPECT_EQ(cutter.Next(rest).bytes, 17u);
  rest.remove_prefix(17);
  const FrameCutter::Cut half = cutter.Next(rest.substr(0, 5));
  EXPECT_FALSE(half.begins);
  EXPECT_EQ(half.bytes, 5u);
  const FrameCutter::Cut whole = cutter.Next(rest.substr(5));
  EXPECT_TRUE(whole.begins);
  EXPECT_EQ(whole.head.length, 4u);
}

TEST(FrameHead, FramesThatAreTooLongOrCannotHoldWhatTheyMust) {
  constexpr uint32_t kMost = 16'384;
  const auto wrong = [](FrameType type, uint8_t flags, uint32_t length) {
    FrameHead head;
    head.type = static_cast<uint8_t>(type);
    head.flags = flags;
    head.length = length;
    return head.WrongSize(kMost);
  };
  for (uint8_t type = 0; type < 12; ++type) {
    EXPECT_FALSE(wrong(static_cast<FrameType>(type), 0, kMost)) << int{type};
    EXPECT_TRUE(wrong(static_cast<FrameType>(type), 0, kMost + 1)) << int{type};
    EXPECT_FALSE(wrong(static_cast<FrameType>(type), 0, 0)) << int{type};
  }
  constexpr uint8_t kBoth = FrameHead::kPadded | FrameHead::kPriority;
  EXPECT_TRUE(wrong(FrameType::kData, FrameHead::kPadded, 0));
  EXPECT_FALSE(wrong(FrameType::kData, FrameHead::kPadded, 1));
  EXPECT_FALSE(wrong(FrameType::kData, FrameHead::kPriority, 0)) << "means nothing there";
  EXPECT_TRUE(wrong(FrameType::kHeaders, FrameHead::kPadded, 0));
  EXPECT_TRUE(wrong(FrameType::kHeaders, FrameHead::kPriority, 4));
  EXPECT_FALSE(wrong(FrameType::kHeaders, FrameHead::kPriority, 5));
  EXPECT_TRUE(wrong(FrameType::kHeaders, kBoth, 5));
  EXPECT_FALSE(wrong(FrameType::kHeaders, kBoth, 6));
}

}  // namespace
}  // namespace sallyport::dataplane
