#include "dataplane/loop/kept_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <boost/asio/detail/thread_context.hpp>
#include <boost/asio/detail/thread_info_base.hpp>
#include <cstdint>
#include <cstdlib>

namespace sallyport::dataplane {
namespace {

// A record of 16 KiB with what is around it; every block of that range is made as large as the
// largest.
constexpr size_t kAbove = 16 * 1024;
constexpr size_t kBlock = 17 * 1024;
constexpr size_t kRounding = 64;  // of malloc
// Blocks of that range begin a page, and hardly any others do: that is seen at once where a block
// is given back.
constexpr size_t kPage = 4096;
constexpr size_t kMostBlocks = 16;

#ifdef SALLYPORT_SANITIZED
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

void* AllocateForOpenssl(size_t size, const char* /*file*/, int /*line*/) {
  return KeptMemory::Allocate(size);
}

void* ReallocateForOpenssl(void* block, size_t size, const char* /*file*/, int /*line*/) {
  if (block == nullptr) return KeptMemory::Allocate(size);
  if (size != 0) return std::realloc(block, size);
  KeptMemory::Free(block);
  return nullptr;
}

void FreeForOpenssl(void* block, const char* /*file*/, int /*line*/) { KeptMemory::Free(block); }

}  // namespace

struct KeptMemory::Blocks {
  ~Blocks() {
    while (count > 0) std::free(kept[--count]);
  }
  size_t count = 0;
  void* kept[kMostBlocks];
};

// Asio keeps frames for whoever runs one of its contexts. A loop resumes coroutines outside of its
// own: under another name, so that nothing is taken to run inside of it.
class KeptMemory::Frames : private boost::asio::detail::thread_context {
 public:
  Frames() : entered_(this, info_) {}

 private:
  struct Info : boost::asio::detail::thread_info_base {};
  Info info_;
  thread_call_stack::context entered_;
};

thread_local KeptMemory::Blocks* KeptMemory::blocks_ = nullptr;

KeptMemory::KeptMemory() {
  if (!kKeeps || blocks_ != nullptr) return;
  own_ = std::make_unique<Blocks>();
  frames_ = std::make_unique<Frames>();
  blocks_ = own_.get();
}

KeptMemory::~KeptMemory() {
  if (own_ != nullptr) blocks_ = nullptr;
}

bool KeptMemory::KeepRecordBuffers() {
  return kKeeps &&
         CRYPTO_set_mem_functions(AllocateForOpenssl, ReallocateForOpenssl, FreeForOpenssl) == 1;
}

void* KeptMemory::Allocate(size_t size) {
  if (size <= kAbove || size > kBlock || blocks_ == nullptr) {
    return size == 0 ? nullptr : std::malloc(size);  // as OpenSSL has it
  }
  return blocks_->count > 0 ? blocks_->kept[--blocks_->count] : memalign(kPage, kBlock);
}

void KeptMemory::Free(void* block) {
  const bool begins_page = reinterpret_cast<uintptr_t>(block) % kPage == 0;
  if (begins_page && block != nullptr && blocks_ != nullptr && blocks_->count < kMostBlocks) {
    const size_t size = malloc_usable_size(block);
    if (size >= kBlock && size < kBlock + kRounding) {
      blocks_->kept[blocks_->count++] = block;
      return;
    }
  }
  std::free(block);
}

}  // namespace sallyport::dataplane
