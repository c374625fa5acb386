#include "authsvc/ctl/files.h"

#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/fakes/temp_folder.h"

namespace sallyport::authsvc::ctl {
namespace {

class FilesTest : public ::testing::Test {
 protected:
  std::string Put(const std::string& content) {
    const std::string path = folder_.File("content");
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  absl::StatusOr<std::string> Read(const std::string& path, size_t most) {
    return ReadFileWithin(path, {folder_.File("")}, most);
  }

  testing::TempFolder folder_;
};

TEST_F(FilesTest, AFileIsReadWholeUpToTheMost) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4095}, size_t{70'000}}) {
    const std::string content(size, 'x');
    const std::string path = Put(content);
    for (const size_t most : {size, size + 1, 2 * size + 100}) {
      const auto read = Read(path, most);
      ASSERT_TRUE(read.ok()) << size << " of " << most << " " << read.status();
      EXPECT_TRUE(*read == content) << size << " of " << most;
    }
    if (size > 0) {
      EXPECT_TRUE(absl::IsInvalidArgument(Read(path, size - 1).status())) << size;
    }
  }
}

// Thousands are read in a row.
TEST_F(FilesTest, ASmallFileTakesLittleRoomHoweverLargeItMightBe) {
  const auto read = Read(Put("small"), kMostFileBytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, "small");
  EXPECT_LT(read->capacity(), 100u);
}

// Its size is told as none.
TEST_F(FilesTest, AFileThatIsLargerThanItWasIsReadWholeOrRefused) {
  const auto read = ReadFileWithin("/proc/self/status", {"/proc"}, 1 << 20);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_GT(read->size(), 100u);
  EXPECT_EQ(read->back(), '\n');
  EXPECT_TRUE(
      absl::IsInvalidArgument(ReadFileWithin("/proc/self/status", {"/proc"}, 100).status()));
}

}  // namespace
}  // namespace sallyport::authsvc::ctl
