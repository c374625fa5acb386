// What was acknowledged is there after kill -9 at any moment, and after a write error.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "authsvc/store/sqlite_store.h"
#include "gtest/gtest.h"
#include "tests/fakes/temp_folder.h"

namespace sallyport::authsvc {
namespace {

using sallyport::testing::TempFolder;

StoreMutation Put(uint32_t number) {
  return {Kind::kKey,
          absl::StrCat("k", number),
          false,
          absl::StrCat("body of ", number, std::string(number % 3000, '.')),
          {}};
}

// Two records by transaction, so that half of one would be seen.
[[noreturn]] void WriteUntilKilled(const std::string& path, uint32_t first, int acknowledge) {
  auto store = OpenSqliteStore(path);
  if (!store.ok()) _exit(2);
  for (uint32_t number = first;; number += 2) {
    if (!(*store)->Commit({{Put(number), Put(number + 1)}, {}}).ok()) _exit(3);
    if (write(acknowledge, &number, sizeof number) != sizeof number) _exit(4);
  }
}

// The numbers that the child acknowledged; it is killed after `wanted` of them and `delay_us`.
std::vector<uint32_t> RunAndKill(const std::string& path, uint32_t first, int wanted,
                                 useconds_t delay_us) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    WriteUntilKilled(path, first, ends[1]);
  }
  close(ends[1]);
  std::vector<uint32_t> acknowledged;
  uint32_t number = 0;
  while (read(ends[0], &number, sizeof number) == sizeof number) {
    acknowledged.push_back(number);
    if (static_cast<int>(acknowledged.size()) == wanted) {
      usleep(delay_us);  // a random moment inside a commit, not a wait for anything
      kill(child, SIGKILL);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
  close(ends[0]);
  return acknowledged;
}

TEST(Durability, KillAtAnyMomentLosesNothingAcknowledged) {
  const TempFolder folder;
  const std::string path = folder.File("store.db");
  std::mt19937 random(20240607);
  std::set<uint32_t> acknowledged;
  for (uint32_t round = 0; round < 25; ++round) {
    const int wanted = static_cast<int>(1 + random() % 20);
    for (const uint32_t number : RunAndKill(path, round * 100'000, wanted, random() % 3000)) {
      acknowledged.insert(number);
      acknowledged.insert(number + 1);
    }
    auto store = OpenSqliteStore(path);
    ASSERT_TRUE(store.ok()) << store.status();
    std::set<uint32_t> found;
    auto state = (*store)->Load([&](const Record& record) {
      const auto number = static_cast<uint32_t>(std::stoul(record.id.substr(1)));
      EXPECT_EQ(record.body, Put(number).body);
      found.insert(number);
      return absl::OkStatus();
    });
    ASSERT_TRUE(state.ok()) << state.status();
    for (const uint32_t number : acknowledged) EXPECT_TRUE(found.count(number)) << number;
    for (const uint32_t number : found) EXPECT_TRUE(found.count(number ^ 1)) << "half " << number;
    EXPECT_EQ(state->revision, found.size() / 2);
  }
}

// A file that may not grow: the write fails in the middle.
TEST(Durability, AWriteErrorLosesNothingAcknowledged) {
  const TempFolder folder;
  const std::string path = folder.File("store.db");
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{300'000, 300'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    auto store = OpenSqliteStore(path);
    if (!store.ok()) _exit(3);
    for (uint32_t number = 0; number < 10'000; number += 2) {
      const auto revision = (*store)->Commit({{Put(number), Put(number + 1)}, {}});
      if (!revision.ok()) _exit(0);
      if (write(ends[1], &number, sizeof number) != sizeof number) _exit(4);
    }
    _exit(5);
  }
  close(ends[1]);
  std::set<uint32_t> acknowledged;
  uint32_t number = 0;
  while (read(ends[0], &number, sizeof number) == sizeof number) acknowledged.insert(number);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0);
  EXPECT_GT(acknowledged.size(), 3u);
  auto store = OpenSqliteStore(path);
  ASSERT_TRUE(store.ok()) << store.status();
  for (const uint32_t first : acknowledged) {
    EXPECT_TRUE((*store)->Read(Kind::kKey, absl::StrCat("k", first)).ok());
    EXPECT_TRUE((*store)->Read(Kind::kKey, absl::StrCat("k", first + 1)).ok());
  }
}

}  // namespace
}  // namespace sallyport::authsvc
