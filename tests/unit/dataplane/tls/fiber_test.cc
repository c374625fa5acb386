#include "dataplane/tls/fiber.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include <memory>
#include <string>
#include <vector>

namespace sallyport::dataplane {
namespace {

TEST(FiberTest, PausesAndGoesOnInAnyOrder) {
  FiberStacks stacks(3);
  std::string trace;
  std::vector<std::unique_ptr<Fiber>> fibers;
  for (const char name : {'a', 'b', 'c'}) {
    fibers.push_back(Fiber::Make(stacks, [&trace, name] {
      const std::string own(100, name);
      for (int i = 0; i < 2; ++i) {
        trace += own.substr(0, 1);
        Fiber::Current()->Pause();
      }
      trace += own.substr(0, 1);
    }));
    ASSERT_NE(fibers.back(), nullptr);
  }
  EXPECT_EQ(Fiber::Make(stacks, [] {}), nullptr) << "no more than that";
  for (const int i : {0, 1, 2, 2, 0, 1}) EXPECT_FALSE(fibers[i]->Resume());
  for (const int i : {1, 0, 2}) EXPECT_TRUE(fibers[i]->Resume());
  EXPECT_EQ(trace, "abccabbac");
  EXPECT_EQ(Fiber::Current(), nullptr);
  fibers.clear();
  EXPECT_EQ(stacks.in_use(), 0u);
  EXPECT_NE(Fiber::Make(stacks, [] {}), nullptr);
}

TEST(FiberTest, HasOpensslsStateOfTheThreadForItself) {
  const auto current = [] { return OSSL_LIB_CTX_set0_default(nullptr); };
  OSSL_LIB_CTX* const before = current();
  OSSL_LIB_CTX* const own[] = {OSSL_LIB_CTX_new(), OSSL_LIB_CTX_new()};
  FiberStacks stacks(2);
  int kept = 0;
  std::vector<std::unique_ptr<Fiber>> fibers;
  for (OSSL_LIB_CTX* const context : own) {
    fibers.push_back(Fiber::Make(stacks, [&kept, &current, context] {
      OSSL_LIB_CTX* const found = OSSL_LIB_CTX_set0_default(context);
      Fiber::Current()->Pause();
      kept += current() == context && ERR_peek_error() == 0 ? 1 : 0;
      OSSL_LIB_CTX_set0_default(found);
    }));
  }
  for (const auto& fiber : fibers) {
    EXPECT_FALSE(fiber->Resume());
    EXPECT_EQ(current(), before);
  }
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);  // somebody else's
  for (const auto& fiber : fibers) {
    EXPECT_TRUE(fiber->Resume());
    EXPECT_EQ(current(), before);
  }
  EXPECT_EQ(kept, 2);
  ERR_clear_error();
  for (OSSL_LIB_CTX* const context : own) OSSL_LIB_CTX_free(context);
}

TEST(FiberDeathTest, AStackHasAGuard) {
  FiberStacks stacks(1);
  char* const stack = stacks.Take();
  ASSERT_NE(stack, nullptr);
  stack[0] = 1;
  EXPECT_DEATH(static_cast<volatile char*>(stack)[-1] = 1, "");
  stacks.Give(stack);
}

}  // namespace
}  // namespace sallyport::dataplane
