#include "dataplane/listen/certificate_watch.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "tests/fakes/temp_folder.h"

namespace sallyport::dataplane {
namespace {

class CertificateWatchTest : public ::testing::Test {
 protected:
  static void Write(const std::string& path, const std::string& text) {
    const std::string aside = path + ".new";
    std::ofstream(aside) << text;
    ASSERT_EQ(rename(aside.c_str(), path.c_str()), 0);
  }
  uint64_t Watch(CertificateWatch& watch, const std::string& signature) {
    return watch.Add(paths_, signature, [this](const absl::StatusOr<CertificateTextsPtr>& read) {
      const base::MutexLock lock(&mutex_);
      last_ = read;
      ++reads_;
      changed_.SignalAll();
    });
  }
  // Waits for a reading with this chain.
  bool Comes(const std::string& chain) {
    const base::MutexLock lock(&mutex_);
    for (int i = 0; i < 6000; ++i) {
      if (reads_ > 0 && last_.ok() && (*last_)->chain_pem == chain) return true;
      changed_.WaitWithTimeout(&mutex_, absl::Milliseconds(10));
    }
    return false;
  }
  int reads() {
    const base::MutexLock lock(&mutex_);
    return reads_;
  }

  const sallyport::testing::TempFolder folder_;
  const CertificatePaths paths_ = {folder_.File("tls.crt"), folder_.File("tls.key")};
  base::Mutex mutex_;
  base::CondVar changed_;
  absl::StatusOr<CertificateTextsPtr> last_ ABSL_GUARDED_BY(mutex_) = absl::UnknownError("none");
  int reads_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST_F(CertificateWatchTest, ReadsAgainWhatChanges) {
  EXPECT_TRUE(absl::IsNotFound(ReadCertificateFiles(paths_).status()));
  Write(paths_.certificate_file, "one");
  Write(paths_.key_file, "key");
  const auto first = ReadCertificateFiles(paths_);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ((*first)->key_pem.Reveal(), "key");
  CertificateWatch watch(absl::Milliseconds(5));
  (void)Watch(watch, (*first)->signature);
  Write(paths_.certificate_file, "another");
  EXPECT_TRUE(Comes("another"));
  EXPECT_EQ(reads(), 1) << "once for each change";
}

TEST_F(CertificateWatchTest, WaitsForFilesAndForgetsWhatIsRemoved) {
  CertificateWatch watch(absl::Milliseconds(5));
  const uint64_t id = Watch(watch, "");
  Write(paths_.certificate_file, "late");
  Write(paths_.key_file, "key");
  EXPECT_TRUE(Comes("late"));
  watch.Remove(id);
  const int before = reads();
  Write(paths_.certificate_file, "unseen, and longer");
  // Another one of the same files is seen: so the removed one was passed over.
  (void)Watch(watch, "");
  EXPECT_TRUE(Comes("unseen, and longer"));
  EXPECT_EQ(reads(), before + 1);
}

}  // namespace
}  // namespace sallyport::dataplane
