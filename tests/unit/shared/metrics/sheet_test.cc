#include "shared/metrics/sheet.h"

#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sallyport::metrics {
namespace {

TEST(Catalogue, NamesAreUniqueAndFollowTheRules) {
  std::set<absl::string_view> names;
  for (int i = 0; i < static_cast<int>(Id::kCount); ++i) {
    const Description& description = Describe(static_cast<Id>(i));
    EXPECT_TRUE(names.insert(description.name).second) << description.name;
    EXPECT_TRUE(absl::StartsWith(description.name, "sallyport_") ||
                absl::StartsWith(description.name, "process_"))
        << description.name;
    EXPECT_FALSE(description.help.empty()) << description.name;
    EXPECT_EQ(description.kind == Kind::kCounter, absl::EndsWith(description.name, "_total"))
        << description.name;
  }
}

TEST(Book, AddsSheetsUp) {
  Book book;
  Sheet* one = book.NewSheet();
  Sheet* two = book.NewSheet();
  one->Counter(Id::kRequests, {"a", "ALLOWED", "none"})->Add(2);
  two->Counter(Id::kRequests, {"a", "ALLOWED", "none"})->Add(3);
  two->Gauge(Id::kConnections)->Add(7);
  book.Add(Id::kSevered, {}, 1);
  book.OnScrape(Id::kRevision, [] { return std::vector<Sample>{{{}, 42}}; });
  const std::string text = book.Render();
  EXPECT_TRUE(absl::StrContains(
      text, "sallyport_requests_total{api=\"a\",reason=\"ALLOWED\",fault=\"none\"} 5"))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "sallyport_connections 7")) << text;
  EXPECT_TRUE(absl::StrContains(text, "sallyport_connections_severed_total 1")) << text;
  EXPECT_TRUE(absl::StrContains(text, "sallyport_revision 42")) << text;
  EXPECT_TRUE(absl::StrContains(text, "# TYPE sallyport_requests_total counter")) << text;
}

TEST(Book, ACellMayBeKept) {
  Book book;
  Sheet* sheet = book.NewSheet();
  Cell* cell = sheet->Counter(Id::kHandshakes, {"full"});
  for (int i = 0; i < 1000; ++i) (void)sheet->Counter(Id::kRequests, {absl::StrCat(i), "r", "f"});
  EXPECT_EQ(sheet->Counter(Id::kHandshakes, {"full"}), cell);
}

TEST(Book, Histograms) {
  Book book;
  Histogram* times = book.NewSheet()->Times(Id::kRequestSeconds, {"a"});
  times->Observe(absl::Microseconds(60));
  times->Observe(absl::Milliseconds(3));
  times->Observe(absl::Seconds(100));
  const std::string text = book.Render();
  EXPECT_TRUE(absl::StrContains(text, "sallyport_request_seconds_count{api=\"a\"} 3")) << text;
  EXPECT_TRUE(absl::StrContains(text, "sallyport_request_seconds_bucket{api=\"a\",le=\"0.005\"} 2"))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "sallyport_request_seconds_bucket{api=\"a\",le=\"+Inf\"} 3"))
      << text;
}

TEST(Book, OnlyTheBusiestApisHaveANameOfTheirOwn) {
  Book book;
  Sheet* sheet = book.NewSheet();
  const int apis = static_cast<int>(Book::kMaxApis) + 500;
  for (int i = 0; i < apis; ++i) {
    sheet->Counter(Id::kRequests, {absl::StrCat("api", i), "ALLOWED", "none"})->Add(i + 1);
  }
  const std::string text = book.Render();
  EXPECT_TRUE(absl::StrContains(text, absl::StrCat("api=\"api", apis - 1, "\"")));
  EXPECT_FALSE(absl::StrContains(text, "api=\"api3\""));
  // 1 + 2 + ... + 500
  EXPECT_TRUE(absl::StrContains(text, "api=\"other\",reason=\"ALLOWED\",fault=\"none\"} 125250"))
      << "other";
}

TEST(Book, SeriesOfOneSheetAreBounded) {
  Book book;
  Sheet* sheet = book.NewSheet();
  for (size_t i = 0; i < Sheet::kMaxSeries + 100; ++i) {
    sheet->Counter(Id::kHandshakeFailures, {absl::StrCat("r", i)})->Add(1);
  }
  EXPECT_EQ(sheet->Counter(Id::kHandshakeFailures, {"new"}),
            sheet->Counter(Id::kHandshakeFailures, {"newer"}));
}

TEST(Book, ScrapedWhileCounted) {
  Book book;
  Sheet* sheet = book.NewSheet();
  // Busier than the others can become: only the busiest have a series of their own.
  sheet->Counter(Id::kRequests, {"first", "ALLOWED", "none"})->Add(1'000'000'000);
  std::atomic<bool> stop{false};
  std::thread owner([&] {
    for (int i = 0; !stop; ++i) {
      sheet->Counter(Id::kRequests, {absl::StrCat("api", i % 5000), "ALLOWED", "none"})->Add(1);
    }
  });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(absl::StrContains(book.Render(), "api=\"first\""));
  stop = true;
  owner.join();
}

}  // namespace
}  // namespace sallyport::metrics
