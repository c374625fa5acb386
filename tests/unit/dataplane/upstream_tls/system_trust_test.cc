#include "dataplane/upstream_tls/system_trust.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dataplane/upstream_tls/pem_file.h"
#include "tests/unit/dataplane/upstream_tls/pki_for_tests.h"

namespace sallyport::dataplane {
namespace {

using testing::Pair;

// While it lives no descriptor can be opened.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(lowest);
    const rlimit none = {static_cast<rlim_t>(lowest), before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_ = {};
};

class SystemTrustTest : public ::testing::Test {
 protected:
  SystemTrustTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "trust.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~SystemTrustTest() override { std::filesystem::remove_all(directory_); }

  void Put(const std::string& name, const std::string& text) {
    // As tools do it: a new file moved over the old one.
    std::ofstream(directory_ + "/.new") << text;
    std::filesystem::rename(directory_ + "/.new", directory_ + "/" + name);
  }
  SystemTrustOptions Options() {
    return {.directories = {directory_}, .poll = absl::Milliseconds(20)};
  }
  static bool WaitForSize(const SystemTrust& trust, size_t size) {
    for (const absl::Time end = absl::Now() + absl::Seconds(20); absl::Now() < end;) {
      if (trust.current()->size() == size) return true;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return false;
  }

  std::string directory_;
};

TEST_F(SystemTrustTest, EveryPemWhateverItsName) {
  Put("a.crt", testing::Root("a").Pem());
  Put("no-suffix", testing::Root("b").Pem());
  Put("bundle.txt", "some text\n" + testing::Root("c").Pem() + "more\n" + testing::Root("d").Pem());
  SystemTrust trust(Options());
  EXPECT_TRUE(trust.Refresh());
  EXPECT_EQ(trust.current()->size(), 4u);
  EXPECT_FALSE(trust.Refresh()) << "nothing changed";
}

TEST_F(SystemTrustTest, DuplicatesCountOnce) {
  const Pair root = testing::Root("a");
  Put("one", root.Pem());
  Put("two", root.Pem() + root.Pem());
  SystemTrust trust(Options());
  trust.Refresh();
  EXPECT_EQ(trust.current()->size(), 1u);
}

TEST_F(SystemTrustTest, BrokenFilesAndBlocksAreSkipped) {
  const std::string good = testing::Root("a").Pem();
  Put("empty", "");
  Put("garbage", std::string(1000, '\xff'));
  Put("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  Put("cut.pem", good.substr(0, good.size() / 2));
  Put("mixed.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n" +
                       good.substr(0, good.size() / 2) + "\n" + good +
                       "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  std::filesystem::create_directory(directory_ + "/sub");
  std::filesystem::create_symlink("/nonexistent", directory_ + "/dangling");
  SystemTrust trust(Options());
  trust.Refresh();
  EXPECT_EQ(trust.current()->size(), 1u);
}

TEST_F(SystemTrustTest, LinksAreFollowed) {
  Put("a", testing::Root("a").Pem());
  std::filesystem::create_directory(directory_ + "/d");
  std::filesystem::create_symlink("../a", directory_ + "/d/link");
  SystemTrust trust({.directories = {directory_ + "/d"}});
  trust.Refresh();
  EXPECT_EQ(trust.current()->size(), 1u);
}

TEST_F(SystemTrustTest, ChangesAreTakenUpByTheWatcher) {
  SystemTrust trust(Options());
  trust.Start();
  const std::string empty = trust.current()->version();
  Put("a", testing::Root("a").Pem());
  EXPECT_TRUE(WaitForSize(trust, 1));
  const std::string one = trust.current()->version();
  EXPECT_NE(one, empty);
  Put("a", testing::Root("a").Pem() + testing::Root("b").Pem());
  EXPECT_TRUE(WaitForSize(trust, 2));
  std::filesystem::remove(directory_ + "/a");
  EXPECT_TRUE(WaitForSize(trust, 0));
  EXPECT_EQ(trust.current()->version(), empty);
}

TEST_F(SystemTrustTest, UnreadableDirectoryKeepsWhatWasRead) {
  Put("a", testing::Root("a").Pem());
  SystemTrust trust(Options());
  trust.Refresh();
  const std::string away = directory_ + ".away";
  std::filesystem::rename(directory_, away);
  EXPECT_FALSE(trust.Refresh());
  EXPECT_EQ(trust.current()->size(), 1u);
  std::filesystem::rename(away, directory_);
}

TEST_F(SystemTrustTest, AFileThatNoDescriptorWasLeftForIsTriedAgain) {
  Put("bundle.pem", testing::Root("a").Pem());
  SystemTrust trust({.files = {directory_ + "/bundle.pem"}});
  {
    const NoDescriptors none;
    EXPECT_FALSE(trust.Refresh());
    EXPECT_EQ(trust.current()->size(), 0u);
  }
  EXPECT_TRUE(trust.Refresh()) << "though it has not changed";
  EXPECT_EQ(trust.current()->size(), 1u);
  Put("bundle.pem", testing::Root("b").Pem() + testing::Root("c").Pem());
  const std::string before = trust.current()->version();
  for (int i = 0; i < 2; ++i) {
    const NoDescriptors none;
    EXPECT_FALSE(trust.Refresh());
    EXPECT_EQ(trust.current()->version(), before) << "what was read last stays meanwhile";
  }
  EXPECT_TRUE(trust.Refresh());
  EXPECT_EQ(trust.current()->size(), 2u);
  EXPECT_FALSE(trust.Refresh());
}

TEST_F(SystemTrustTest, AFileThatIsNoneAnyMoreIsNotKept) {
  Put("bundle.pem", testing::Root("a").Pem());
  SystemTrust trust({.files = {directory_ + "/bundle.pem"}});
  trust.Refresh();
  std::filesystem::resize_file(directory_ + "/bundle.pem", 17 << 20);  // too large
  EXPECT_TRUE(trust.Refresh());
  EXPECT_EQ(trust.current()->size(), 0u);
  EXPECT_FALSE(trust.Refresh());
}

TEST_F(SystemTrustTest, DefaultDirectoryOfTheMachineLoads) {
  SystemTrust trust({});
  trust.Refresh();
  EXPECT_NE(trust.current(), nullptr);
}

TEST(PemFileTest, LargeFilesAreRefused) {
  char name[] = "/tmp/pem_file_test.XXXXXX";
  const int fd = mkstemp(name);
  ASSERT_EQ(write(fd, "0123456789", 10), 10);
  close(fd);
  EXPECT_EQ(*ReadWholeFile(name, 10), "0123456789");
  EXPECT_FALSE(ReadWholeFile(name, 9).ok());
  {
    const NoDescriptors none;
    EXPECT_TRUE(absl::IsResourceExhausted(ReadWholeFile(name, 10).status()));
  }
  unlink(name);
  EXPECT_TRUE(absl::IsUnavailable(ReadWholeFile(name, 9).status()));
  EXPECT_FALSE(ReadWholeFile("/dev/zero", 9).ok());
}

}  // namespace
}  // namespace sallyport::dataplane
