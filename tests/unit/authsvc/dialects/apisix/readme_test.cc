#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/string_view.h"
#include "authsvc/dialects/apisix/schema.h"
#include "gtest/gtest.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

// The table of the README is the one that documents are checked by. On a difference the right file
// is written beside the test's other files.
TEST(Readme, HasTheFieldTableOfTheCode) {
  std::ifstream file(SALLYPORT_README);
  std::ostringstream text;
  text << file.rdbuf();
  const std::string readme = text.str();
  ASSERT_NE(readme.find("## Fields\n\n"), std::string::npos);
  const size_t table = readme.find("## Fields\n\n") + 11;
  if (readme.substr(table) == FieldTable()) return;
  const std::string right = ::testing::TempDir() + "apisix_README.md";
  std::ofstream(right) << readme.substr(0, table) << FieldTable();
  ADD_FAILURE() << "take " << right;
}

TEST(Readme, EveryFieldIsThereOnce) {
  for (const Collection& collection : Collections()) {
    std::set<std::string> seen;
    for (const Field& field : collection.fields)
      EXPECT_TRUE(seen.insert(std::string(field.path)).second) << collection.name << field.path;
  }
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apisix
