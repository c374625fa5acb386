#include "dataplane/http2/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kLarge = 16'394;  // what nghttp2 asks for

size_t PagesInRam(void* block, size_t size) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> in_ram((size + page - 1) / page);
  EXPECT_EQ(mincore(block, size, in_ram.data()), 0);
  size_t count = 0;
  for (const unsigned char one : in_ram) count += one & 1;
  return count;
}

TEST(Http2Memory, OfALargeBlockOnlyWhatIsUsedIsInRam) {
  nghttp2_mem* const memory = Http2Memory();
  auto* const block = static_cast<char*>(memory->realloc(nullptr, kLarge, nullptr));
  ASSERT_NE(block, nullptr);
  std::memset(block, 'x', 100);
  EXPECT_EQ(PagesInRam(block, kLarge), 1u);
  memory->free(block, nullptr);
}

TEST(Http2Memory, BlocksGrowAndShrinkWithWhatIsInThem) {
  nghttp2_mem* const memory = Http2Memory();
  void* block = nullptr;
  std::string text;
  for (const size_t size :
       {size_t{10}, size_t{5000}, kLarge, 3 * kLarge, kLarge, size_t{100}, kLarge}) {
    block = memory->realloc(block, size, nullptr);
    ASSERT_NE(block, nullptr);
    text.resize(std::min(text.size(), size));
    EXPECT_EQ(std::memcmp(block, text.data(), text.size()), 0) << size;
    text = std::string(size, static_cast<char>('a' + size % 20));
    std::memcpy(block, text.data(), size);
  }
  memory->free(block, nullptr);
}

// So many mappings that the kernel gives no more: then none can be split either.
class NoMoreMappings {
 public:
  NoMoreMappings() {
    all_ = static_cast<char*>(mmap(nullptr, kPages * kPageSize, PROT_NONE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (all_ == MAP_FAILED) return;
    for (size_t page = 0; page < kPages && !reached_; page += 2)
      reached_ = mprotect(all_ + page * kPageSize, kPageSize, PROT_READ) != 0;
  }
  ~NoMoreMappings() {
    if (all_ != MAP_FAILED) munmap(all_, kPages * kPageSize);
  }
  NoMoreMappings(const NoMoreMappings&) = delete;
  NoMoreMappings& operator=(const NoMoreMappings&) = delete;
  [[nodiscard]] bool reached() const { return reached_; }

 private:
  static constexpr size_t kPages = 200'000, kPageSize = 4096;
  char* all_ = nullptr;
  bool reached_ = false;
};

TEST(Http2Memory, ABlockThatTheKernelDoesNotTakeBackIsUsedAgain) {
#ifdef SALLYPORT_SANITIZED
  GTEST_SKIP() << "a sanitiser needs mappings of its own";
#endif
  nghttp2_mem* const memory = Http2Memory();
  // Side by side they are one mapping.
  std::vector<void*> blocks(16);
  for (void*& block : blocks) std::memset(block = memory->malloc(kLarge, nullptr), 'x', kLarge);
  std::vector<void*> refused;
  {
    const NoMoreMappings none;
    if (!none.reached()) GTEST_SKIP() << "vm.max_map_count is very large here";
    for (size_t i = 1; i < blocks.size(); i += 2) {
      memory->free(blocks[i], nullptr);
      unsigned char in_ram = 0;
      if (mincore(blocks[i], 1, &in_ram) != 0) continue;
      EXPECT_EQ(PagesInRam(blocks[i], kLarge), 0u);
      refused.push_back(blocks[i]);
    }
  }
  EXPECT_FALSE(refused.empty());
  std::vector<void*> again(refused.size());
  for (void*& block : again) std::memset(block = memory->malloc(kLarge, nullptr), 'y', kLarge);
  EXPECT_THAT(again, ::testing::UnorderedElementsAreArray(refused));
  for (void* const block : again) memory->free(block, nullptr);
  for (size_t i = 0; i < blocks.size(); i += 2) memory->free(blocks[i], nullptr);
}

TEST(Http2Memory, SmallBlocksAreMallocs) {
  nghttp2_mem* const memory = Http2Memory();
  auto* const zeros = static_cast<char*>(memory->calloc(10, 20, nullptr));
  EXPECT_EQ(std::string(zeros, 200), std::string(200, '\0'));
  memory->free(zeros, nullptr);
  memory->free(nullptr, nullptr);
  // Also one that happens to lie at the start of a page.
  void* aligned = nullptr;
  ASSERT_EQ(posix_memalign(&aligned, 4096, 100), 0);
  memory->free(aligned, nullptr);
}

}  // namespace
}  // namespace sallyport::dataplane
