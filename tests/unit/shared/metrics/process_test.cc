#include "shared/metrics/process.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace sallyport::metrics {
namespace {

double FigureIn(const std::string& text, const std::string& name) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() == 2 && words[0] == name) return std::stod(words[1]);
  }
  return -1;
}

TEST(ProcessStat, TheNameOfTheProgramMayHoldAnything) {
  constexpr char kRest[] =
      " S 1 1 1 0 -1 0 0 0 0 0 7 5 0 0 20 0 9 0 1234 4096000 250 18446744073709551615";
  for (const char* name : {"sallyport-data", "a b", "a) R 1 2", ")"}) {
    const auto stat = ParseProcessStat(absl::StrCat("42 (", name, ")", kRest));
    ASSERT_TRUE(stat.has_value()) << name;
    EXPECT_EQ(stat->cpu_ticks, 12u) << name;
    EXPECT_EQ(stat->start_ticks, 1234u);
    EXPECT_EQ(stat->virtual_bytes, 4'096'000u);
    EXPECT_EQ(stat->resident_pages, 250u);
  }
  for (const char* bad :
       {"", "42", "42 (x)", "42 (x) S 1 1", "42 (x) S 1 1 1 0 -1 0 0 0 0 0 a b 0 0 20 0 9 0 c d e"})
    EXPECT_FALSE(ParseProcessStat(bad).has_value()) << bad;
}

TEST(Process, ItsOwnFiguresAreRead) {
  Book book;
  RegisterProcess(&book);
  const std::string text = book.Render();
  EXPECT_GT(FigureIn(text, "process_resident_memory_bytes"), 1 << 20) << text;
  EXPECT_GE(FigureIn(text, "process_virtual_memory_bytes"),
            FigureIn(text, "process_resident_memory_bytes"));
  EXPECT_GE(FigureIn(text, "process_open_fds"), 3);
  EXPECT_GT(FigureIn(text, "process_max_fds"), FigureIn(text, "process_open_fds"));
  EXPECT_GE(FigureIn(text, "process_cpu_seconds_total"), 0);
  EXPECT_GT(FigureIn(text, "process_start_time_seconds"), 1.6e9);
}

}  // namespace
}  // namespace sallyport::metrics
