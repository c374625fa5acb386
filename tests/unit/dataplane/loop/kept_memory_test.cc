#include "dataplane/loop/kept_memory.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kRecord = 16 * 1024 + 300;
constexpr size_t kMostSmall = 4096 + 8;

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
  for (size_t size = 1; size <= kMostSmall + 100; ++size) {
    void* const first = KeptMemory::Allocate(size);
    void* const other = KeptMemory::Allocate(size);
    EXPECT_NE(first, other);
    Use(first, size);
    Use(other, size);
    KeptMemory::Free(first);
    KeptMemory::Free(other);
    void* const again = KeptMemory::Allocate(size);
    if (kKeeps && size <= kMostSmall) {
      EXPECT_EQ(again, other) << size;
    }
    Use(again, size);
    KeptMemory::Free(again);
  }
}

TEST(KeptMemory, SmallBlocksOfMallocAreTakenToo) {
  const KeptMemory kept;
  for (size_t size = 1; size <= kMostSmall + 100; size += 7) {
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
    for (void* const block : blocks) {
      KeptMemory::Free(block);
      ASSERT_LE(KeptMemory::KeptBytes(), KeptMemory::kMostSmallBytes + kMostSmall);
    }
    if (kKeeps) {
      EXPECT_GT(KeptMemory::KeptBytes(), KeptMemory::kMostSmallBytes - kMostSmall) << "nor fewer";
    }
  }
}

TEST(KeptMemory, SizesThatAreNotAskedForAnyMoreLeaveRoomForOthers) {
  if (!kKeeps) GTEST_SKIP() << "nothing is kept";
  const KeptMemory kept;
  // Also where what comes is larger than what goes.
  for (const size_t size : {size_t{24}, size_t{1000}, kMostSmall, size_t{24}}) {
    std::vector<void*> blocks(KeptMemory::kMostSmallBytes / size + 100);
    // More than once: what is trimmed is some of each size.
    for (int round = 0; round < 20; ++round) {
      for (void*& block : blocks) block = KeptMemory::Allocate(size);
      for (void* const block : blocks) {
        KeptMemory::Free(block);
        ASSERT_LE(KeptMemory::KeptBytes(), KeptMemory::kMostSmallBytes + kMostSmall);
      }
    }
    // A hundred at a time are never malloc's now.
    std::vector<void*> some(100);
    const size_t before = KeptMemory::KeptBytes();
    for (void*& block : some) block = KeptMemory::Allocate(size);
    EXPECT_EQ(KeptMemory::KeptBytes(), before - some.size() * malloc_usable_size(some[0])) << size;
    for (void* const block : some) KeptMemory::Free(block);
  }
}

TEST(KeptMemory, BlocksGrowAndShrinkWithWhatIsInThem) {
  const KeptMemory kept;
  void* block = KeptMemory::Reallocate(nullptr, 10);
  ASSERT_NE(block, nullptr);
  std::memset(block, 'a', 10);
  size_t filled = 10;
  char was = 'a';
  for (const size_t size :
       {size_t{24}, size_t{25}, size_t{1000}, kMostSmall, kMostSmall + 1, kRecord,
        size_t{17 * 1024}, size_t{100'000}, kRecord, size_t{40}, size_t{1}}) {
    block = KeptMemory::Reallocate(block, size);
    ASSERT_NE(block, nullptr);
    const std::string expected(std::min(filled, size), was);
    EXPECT_EQ(std::string(static_cast<char*>(block), expected.size()), expected) << size;
    ++was;
    std::memset(block, was, size);
    filled = size;
  }
  const size_t given = KeptMemory::KeptBytes() + malloc_usable_size(block);
  EXPECT_EQ(KeptMemory::Reallocate(block, 0), nullptr) << "freed";
  if (kKeeps) {
    EXPECT_EQ(KeptMemory::KeptBytes(), given);
  }
  EXPECT_EQ(KeptMemory::Reallocate(nullptr, 0), nullptr);
}

TEST(KeptMemory, NothingIsKeptWhereNobodyKeeps) {
  EXPECT_EQ(KeptMemory::KeptBytes(), 0u);
  KeptMemory::Free(KeptMemory::Allocate(100));
  EXPECT_EQ(KeptMemory::KeptBytes(), 0u);
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
  EXPECT_EQ(KeptMemory::KeptBytes(), kKeeps ? KeptMemory::kMostLargeBytes : 0);
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
