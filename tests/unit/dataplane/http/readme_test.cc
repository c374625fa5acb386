// The README's troubleshooting table says what the styles say.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "dataplane/http/error_answer.h"
#include "dataplane/http/error_style.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

std::string TykWords(Reason reason, bool static_mtls) {
  ErrorAnswer answer;
  answer.reason = reason;
  answer.style = ErrorStyle::kTyk;
  answer.static_mtls = static_mtls;
  answer.leaf_sha256_hex = "…";
  return absl::StrCat(StatusOf(reason, ErrorStyle::kTyk, static_mtls), " `", MessageOf(answer),
                      "`");
}

std::string TykCell(Reason reason) {
  const std::string words = TykWords(reason, false);
  const std::string with_allowlist = TykWords(reason, true);
  return words == with_allowlist ? words : absl::StrCat(words, "; allowlist: ", with_allowlist);
}

// reason, native, tyk, apk, apisix of each row.
std::vector<std::vector<std::string>> Rows() {
  std::ifstream file(SALLYPORT_README);
  std::ostringstream text;
  text << file.rdbuf();
  std::vector<std::vector<std::string>> rows;
  for (absl::string_view line : absl::StrSplit(text.str(), '\n')) {
    std::vector<std::string> cells;
    for (absl::string_view cell : absl::StrSplit(line, '|'))
      cells.emplace_back(absl::StripAsciiWhitespace(cell));
    if (cells.size() == 9 && cells[1] != "reason" && cells[1] != "---") rows.push_back(cells);
  }
  return rows;
}

TEST(Readme, TroubleshootingTableIsWhatCallersSee) {
  const auto rows = Rows();
  EXPECT_GT(rows.size(), 40u);
  std::vector<Reason> named;
  for (const auto& row : rows) {
    for (absl::string_view name : absl::StrSplit(row[1], ", ")) {
      const auto reason = base::ReasonFromName(name);
      ASSERT_TRUE(reason.has_value()) << name;
      named.push_back(*reason);
      EXPECT_EQ(row[2], absl::StrCat(StatusOf(*reason, ErrorStyle::kNative, false))) << name;
      EXPECT_EQ(row[3], TykCell(*reason)) << name;
      EXPECT_EQ(row[4], absl::StrCat(StatusOf(*reason, ErrorStyle::kApk, false), " ",
                                     ApkTextOf(*reason).code))
          << name;
      EXPECT_EQ(row[5], absl::StrCat(StatusOf(*reason, ErrorStyle::kApisix, false))) << name;
      EXPECT_FALSE(row[6].empty() || row[7].empty()) << name;
    }
  }
  // What is left out needs no help: a request that nobody waits for any more, or our own fault.
  for (const auto& [reason, name] : std::vector<std::pair<Reason, absl::string_view>>{
#define X(enumerator, number, name, fault, status, message) {Reason::enumerator, name},
           SALLYPORT_REASONS(X)
#undef X
       }) {
    const bool left_out = reason == Reason::kAllowed || reason == Reason::kClientGone ||
                          reason == Reason::kInternal || reason == Reason::kMethodNotSupported ||
                          reason == Reason::kVersionNotSupported ||
                          reason == Reason::kExpectationFailed;
    EXPECT_EQ(std::count(named.begin(), named.end(), reason), left_out ? 0 : 1) << name;
  }
}

}  // namespace
}  // namespace sallyport::dataplane
