#include "dataplane/script/wire/message.h"

#include <gtest/gtest.h>

namespace sallyport::script {
namespace {

std::string Rest(const std::optional<std::string>& frame) {
  EXPECT_TRUE(frame.has_value());
  EXPECT_EQ(FrameRest(*frame), frame->size() - kFrameHeadBytes);
  return frame->substr(kFrameHeadBytes);
}

Run FullRun() {
  Run run;
  run.file = "f.js";
  run.source = std::string("a\0b", 3);
  run.function = "f";
  run.memory_kib = 77;
  run.config_json = "{}";
  run.body = "body";
  run.fields = {{"A", "1"}, {"A", "2"}, {"", ""}};
  run.session.told = true;
  run.session.tags = {"x", ""};
  run.session.metadata = {{"k", "v"}};
  return run;
}

TEST(ScriptMessage, ARunArrivesAsItWas) {
  const auto decoded = DecodeToScript(Rest(Encode(ToScript(FullRun()))));
  ASSERT_TRUE(decoded.has_value());
  const script::Run& run = std::get<script::Run>(*decoded);
  EXPECT_EQ(run.source, FullRun().source);
  EXPECT_EQ(run.memory_kib, 77u);
  EXPECT_EQ(run.fields, FullRun().fields);
  EXPECT_TRUE(run.session.told);
  EXPECT_EQ(run.session.tags, FullRun().session.tags);
  EXPECT_EQ(run.session.metadata, FullRun().session.metadata);
}

TEST(ScriptMessage, WhatComesFromAScriptArrivesAsItWas) {
  Calls calls;
  calls.in_turn = true;
  calls.calls.push_back({"GET", "http://a/", "", {{"N", "V"}}});
  const FromScript messages[] = {Answer{204, "b", {{"A", "1"}}, true},
                                 Failure{Failure::Kind::kMemory, "m", 9}, LogLine{"l"}, calls};
  for (const FromScript& message : messages) {
    const auto decoded = DecodeFromScript(Rest(Encode(message)));
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(decoded->index(), message.index());
    EXPECT_EQ(Encode(*decoded), Encode(message));
  }
}

TEST(ScriptMessage, NothingShorterOrLongerIsTaken) {
  const std::string rest = Rest(Encode(ToScript(FullRun())));
  for (size_t size = 0; size < rest.size(); ++size)
    EXPECT_FALSE(DecodeToScript(std::string_view(rest).substr(0, size)).has_value()) << size;
  EXPECT_FALSE(DecodeToScript(rest + "x").has_value());
}

TEST(ScriptMessage, WhatCannotBeIsNotTaken) {
  const auto number = [](uint32_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text.push_back(static_cast<char>(value >> shift));
    return text;
  };
  const std::string kind_of_failure = std::string(1, 1) + number(3) + number(0) + number(0);
  EXPECT_FALSE(DecodeFromScript(kind_of_failure).has_value()) << "no such kind of failure";
  const std::string flag = std::string(1, 3) + std::string(1, 2) + number(0);
  EXPECT_FALSE(DecodeFromScript(flag).has_value()) << "neither true nor false";
  EXPECT_FALSE(DecodeFromScript(std::string(1, 4) + number(0)).has_value()) << "no such message";
  EXPECT_FALSE(DecodeFromScript(std::string(1, 2) + number(0xFFFFFFFF) + "x").has_value());
  EXPECT_FALSE(
      DecodeFromScript(std::string(1, 3) + std::string(1, 0) + number(0xFFFFFFFF)).has_value())
      << "a list of all that";
}

TEST(ScriptMessage, FramesHaveBounds) {
  EXPECT_FALSE(FrameRest("").has_value());
  EXPECT_FALSE(FrameRest(std::string(4, '\0')).has_value()) << "an empty one";
  EXPECT_FALSE(FrameRest("\xFF\xFF\xFF\xFF").has_value());
  EXPECT_FALSE(Encode(FromScript(LogLine{std::string(kMostFrameBytes + 1, 'x')})).has_value());
  EXPECT_FALSE(
      Encode(FromScript(Answer{200, std::string(kMostFrameBytes - 10, 'x'), {{"A", "b"}}, false}))
          .has_value());
}

}  // namespace
}  // namespace sallyport::script
