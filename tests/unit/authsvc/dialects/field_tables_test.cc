// The README of the dialects says what the converters do.
#include "authsvc/dialects/field_tables.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr char kBegin[] = "<!-- fields: begin -->\n";
constexpr char kEnd[] = "<!-- fields: end -->\n";

TEST(FieldTables, StandInTheReadme) {
  std::ifstream file(SALLYPORT_DIALECTS_README);
  std::stringstream content;
  content << file.rdbuf();
  const std::string readme = content.str();
  const size_t begin = readme.find(kBegin);
  const size_t end = readme.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const size_t from = begin + sizeof(kBegin) - 1;
  const std::string wanted = FieldTablesText();
  if (readme.substr(from, end - from) == wanted) return;
  const std::string path = absl::StrCat(::testing::TempDir(), "dialects_README.md");
  std::ofstream(path) << readme.substr(0, from) << wanted << readme.substr(end);
  FAIL() << "authsvc/dialects/README.md is not up to date; as it should be: " << path;
}

TEST(FieldTables, EveryFieldOfAnObjectStandsThereOnce) {
  for (const ObjectTable& table : FieldTables()) {
    std::set<absl::string_view> names;
    for (const FieldRule& rule : table.rules.fields)
      EXPECT_TRUE(names.insert(rule.name).second)
          << table.dialect << " " << table.object << "." << rule.name;
    EXPECT_FALSE(names.empty());
  }
}

TEST(FieldTables, EveryDialectWithFieldRulesIsThere) {
  std::set<absl::string_view> named;
  for (const ObjectTable& table : FieldTables()) named.insert(table.dialect);
  for (const Dialect& dialect : Dialects()) {
    const bool of_messages = dialect.name == kNative || dialect.name == kStored;
    if (!of_messages) EXPECT_EQ(named.count(dialect.name), 1u) << dialect.name;
  }
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
