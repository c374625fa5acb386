#include "shared/crypto/password.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace sallyport::crypto {
namespace {

// By another implementation (Python's crypt), of "sesame".
constexpr char kBcrypt[] = "$2b$08$abcdefghijklmnopqrstuu5o6c51BSX/KPQ0o000X4ljwXauTuVtC";

TEST(Password, OnlyTheRightOneVerifies) {
  const auto hash = HashPassword("sesame");
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_EQ(hash->find("sesame"), std::string::npos);
  EXPECT_TRUE(CheckPasswordHash(*hash).ok()) << *hash;
  EXPECT_TRUE(VerifyPassword("sesame", *hash));
  for (const char* const wrong : {"Sesame", "sesame ", "sesam", "sesamee", ""})
    EXPECT_FALSE(VerifyPassword(wrong, *hash)) << wrong;
  EXPECT_FALSE(VerifyPassword(absl::string_view("sesame\0x", 8), *hash));
}

TEST(Password, TwoHashesOfOnePasswordDiffer) {
  EXPECT_NE(*HashPassword("sesame"), *HashPassword("sesame"));
}

TEST(Password, TakesBcryptOfElsewhere) {
  EXPECT_TRUE(CheckPasswordHash(kBcrypt).ok());
  EXPECT_TRUE(VerifyPassword("sesame", kBcrypt));
  EXPECT_FALSE(VerifyPassword("sesame1", kBcrypt));
}

// bcrypt looks at 72 bytes: a longer one must not pass by its beginning.
TEST(Password, NoneThatBcryptWouldCut) {
  constexpr char kOf72[] = "$2b$08$abcdefghijklmnopqrstuuvaEsTKnGvvuQfm0.2bnpozliHvN3bja";
  const std::string text(72, 'a');
  EXPECT_TRUE(VerifyPassword(text, kOf72));
  EXPECT_FALSE(VerifyPassword(text + "b", kOf72));
}

TEST(Password, RefusesWhatCannotBeOne) {
  EXPECT_FALSE(HashPassword("").ok());
  EXPECT_FALSE(HashPassword(std::string(kMostPasswordBytes, 'a')).ok());
  EXPECT_FALSE(HashPassword(absl::string_view("a\0b", 3)).ok());
  EXPECT_TRUE(HashPassword(std::string(kMostPasswordBytes - 1, 'a')).ok());
}

TEST(Password, RefusesHashesThatAreGuessedEasilyOrKeepTheCpuBusy) {
  const std::string salted = "abcdefghijklmnopqrstuu0123456789012345678901234567890";
  for (const std::string& hash :
       {std::string(), std::string("sesame"), std::string("*0"), std::string("$1$salt$hash"),
        std::string("$6$rounds=999999999$salt$hash"), absl::StrCat("$2b$04$", salted),
        absl::StrCat("$2b$31$", salted), absl::StrCat("$2x$10$", salted),
        absl::StrCat("$2b$10$", salted.substr(1)), absl::StrCat("$2b$10$", salted.substr(1), ":"),
        std::string("$y$jFT$salt$") + std::string(43, 'a'),
        std::string("$y$j9T$salt$") + std::string(42, 'a'), std::string("$y$j9T$"),
        std::string("$y$j9T$$") + std::string(43, 'a')}) {
    EXPECT_FALSE(CheckPasswordHash(hash).ok()) << hash;
    EXPECT_FALSE(VerifyPassword("sesame", hash)) << hash;
  }
}

}  // namespace
}  // namespace sallyport::crypto
