#include "dataplane/loop/kept_memory.h"

#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kRecord = 16 * 1024 + 300;

#ifdef SALLYPORT_SANITIZED
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

void Use(void* block, size_t size) { std::memset(block, 0xa5, size); }

TEST(KeptMemory, ABlockOfARecordIsGivenAgain) {
  const KeptMemory kept;
  void* const first = KeptMemory::Allocate(kRecord);
  Use(first, kRecord);
  KeptMemory::Free(first);
  // Whatever the size within the range, it has the room.
  void* const second = KeptMemory::Allocate(17 * 1024);
  if (kKeeps) {
    EXPECT_EQ(second, first);
  }
  Use(second, 17 * 1024);
  void* const third = KeptMemory::Allocate(kRecord);
  EXPECT_NE(third, second) << "in use";
  Use(third, kRecord);
  KeptMemory::Free(second);
  KeptMemory::Free(third);
}

TEST(KeptMemory, SmallBlocksAreGivenAgainWithTheirRoom) {
  const KeptMemory kept;
  for (size_t size = 1; size <= 1040; ++size) {
    void* const first = KeptMemory::Allocate(size);
    void* const other = KeptMemory::Allocate(size);
    EXPECT_NE(first, other);
    Use(first, size);
    Use(other, size);
    KeptMemory::Free(first);
    KeptMemory::Free(other);
    void* const again = KeptMemory::Allocate(size);
    if (kKeeps && size <= 1032) {
      EXPECT_EQ(again, other) << size;
    }
    Use(again, size);
    KeptMemory::Free(again);
  }
}

TEST(KeptMemory, SmallBlocksOfMallocAreTakenToo) {
  const KeptMemory kept;
  for (size_t size = 1; size <= 1100; size += 7) {
    // OpenSSL's blocks grow by realloc.
    void* const block = std::realloc(std::malloc(1), size);
    Use(block, size);
    KeptMemory::Free(block);
    void* const other = KeptMemory::Allocate(size);
    Use(other, size);
    KeptMemory::Free(other);
  }
}

TEST(KeptMemory, KeepsNoMoreSmallBlocksThanItsBound) {
  const KeptMemory kept;
  std::vector<void*> blocks(10'000);
  for (int round = 0; round < 2; ++round) {
    for (void*& block : blocks) Use(block = KeptMemory::Allocate(1000), 1000);
    EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), blocks.size());
    for (void* const block : blocks) KeptMemory::Free(block);
  }
}

TEST(KeptMemory, ASmallBlockThatIsFreedTwiceEndsTheProcess) {
  if (!kKeeps) GTEST_SKIP() << "the sanitiser's own";
  EXPECT_DEATH(
      {
        const KeptMemory kept;
        void* const block = KeptMemory::Allocate(100);
        KeptMemory::Free(block);
        KeptMemory::Free(KeptMemory::Allocate(200));
        KeptMemory::Free(block);
      },
      "");
}

TEST(KeptMemory, AnOverwrittenLinkEndsTheProcess) {
  if (!kKeeps) GTEST_SKIP() << "the sanitiser's own";
  EXPECT_DEATH(
      {
        const KeptMemory kept;
        void* const block = KeptMemory::Allocate(100);
        KeptMemory::Free(block);
        // All sixteen last nibbles: one may be the right one.
        for (char last = 0; last < 16; ++last) {
          *static_cast<volatile char*>(block) = last;
          KeptMemory::Free(KeptMemory::Allocate(100));
        }
      },
      "");
}

TEST(KeptMemory, OtherSizesAreMallocs) {
  const KeptMemory kept;
  EXPECT_EQ(KeptMemory::Allocate(0), nullptr);
  KeptMemory::Free(nullptr);
  for (const size_t size : {1040, 16 * 1024, 17 * 1024 + 1, 17 * 1024 + 64, 64 * 1024}) {
    void* const block = KeptMemory::Allocate(size);
    Use(block, size);
    KeptMemory::Free(block);
  }
}

TEST(KeptMemory, KeepsNoMoreThanItsBound) {
  const KeptMemory kept;
  std::vector<void*> blocks(100);
  for (void*& block : blocks) block = KeptMemory::Allocate(kRecord);
  EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), blocks.size());
  for (void* const block : blocks) KeptMemory::Free(block);
  for (void*& block : blocks) block = KeptMemory::Allocate(kRecord);
  EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), blocks.size());
  for (void* const block : blocks) KeptMemory::Free(block);
}

TEST(KeptMemory, BlocksMayBeFreedOnAnyThread) {
  void* block = KeptMemory::Allocate(kRecord);  // nothing is kept here
  std::thread([&] {
    const KeptMemory kept;
    KeptMemory::Free(block);
    block = KeptMemory::Allocate(kRecord);
    Use(block, kRecord);
    const KeptMemory again;  // the first one keeps
  }).join();
  Use(block, kRecord);
  KeptMemory::Free(block);
}

}  // namespace
}  // namespace sallyport::dataplane
