#include "shared/base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

namespace sallyport::base {
namespace {

constexpr int kAudits = 100;
constexpr int kFlood = 20'000;  // more than the queue and a pipe hold

void Flood() {
  for (int i = 0; i < kFlood; ++i) Log(Level::kError, "flood", {{"number", i}});
}

int CountLines(const std::string& text, const std::string& mark) {
  int found = 0;
  for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) ++found;
  return found;
}

// Standard error is a pipe that nobody reads at first: the queue is full all the time.
TEST(Log, AuditLinesSurviveAFullQueueAndAnyLevel) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  const int saved = dup(STDERR_FILENO);
  ASSERT_EQ(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
  close(ends[1]);
  InitLog("test", Level::kError);

  Flood();
  std::atomic<int> begun{0};
  std::thread writer([&begun] {
    for (int i = 0; i < kAudits; ++i) {
      ++begun;
      Audit(Level::kInfo, {{"what", "kept"}});
    }
  });
  while (begun == 0) std::this_thread::yield();
  Flood();

  std::string text;
  std::thread reader([&text, from = ends[0]] {
    char bytes[65536];
    for (ssize_t count = read(from, bytes, sizeof(bytes)); count > 0;
         count = read(from, bytes, sizeof(bytes))) {
      text.append(bytes, static_cast<size_t>(count));
    }
  });
  writer.join();
  FlushLog();
  dup2(saved, STDERR_FILENO);  // the last writer is gone: the reader ends
  close(saved);
  reader.join();
  close(ends[0]);
  EXPECT_EQ(
      CountLines(
          text, "\"level\":\"info\",\"service\":\"test\",\"event\":\"audit\",\"what\":\"kept\"}\n"),
      kAudits);
  EXPECT_LT(CountLines(text, "\"event\":\"flood\""), 2 * kFlood) << "the queue was never full";
}

// At the end of a service some of its threads still run.
TEST(Log, MayBeUsedWhileAndAfterItEnds) {
  FILE* const file = tmpfile();
  ASSERT_NE(file, nullptr);
  const int saved = dup(STDERR_FILENO);
  ASSERT_EQ(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
  InitLog("test", Level::kError);
  std::atomic<int> said{0};
  std::atomic<bool> enough{false};
  std::thread speaker([&] {
    while (!enough) {
      Log(Level::kError, "meanwhile");
      ++said;
    }
  });
  const auto say_some = [&said] {
    for (const int until = said + 100; said < until;) std::this_thread::yield();
  };
  say_some();
  FlushLog();
  say_some();
  enough = true;
  speaker.join();
  Log(Level::kError, "afterwards");
  dup2(saved, STDERR_FILENO);
  close(saved);

  std::string text;  // much, where this thread was held up
  rewind(file);
  char bytes[65536];
  for (size_t count = 0; (count = fread(bytes, 1, sizeof(bytes), file)) > 0;)
    text.append(bytes, count);
  fclose(file);
  EXPECT_GE(CountLines(text, "\"event\":\"meanwhile\"}\n"), 200);
  EXPECT_EQ(CountLines(text, "\"event\":\"afterwards\"}\n"), 1);
}

}  // namespace
}  // namespace sallyport::base
