#include "authsvc/rpc/tls_credentials.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using testing::TestCert;

// What is written to standard error meanwhile: the log.
class CapturedLog {
 public:
  CapturedLog() : saved_(dup(STDERR_FILENO)) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe(ends), 0);
    reading_ = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
  }
  ~CapturedLog() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    close(reading_);
  }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  // Up to and with the next line that says how a reload went; empty when none comes in time.
  std::string NextReload() {
    for (;;) {
      const size_t end = text_.find('\n');
      if (end != std::string::npos) {
        const std::string line = text_.substr(0, end);
        text_.erase(0, end + 1);
        if (line.find("rpc.certificate_reload") != std::string::npos) return line;
        continue;
      }
      pollfd pipe{reading_, POLLIN, 0};
      if (poll(&pipe, 1, 20'000) != 1) return {};
      char block[4096];
      const ssize_t count = read(reading_, block, sizeof(block));
      if (count <= 0) return {};
      text_.append(block, static_cast<size_t>(count));
    }
  }

 private:
  const int saved_;
  int reading_ = -1;
  std::string text_;
};

// No file can be opened meanwhile, though all are there.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &saved_), 0);
    const rlimit few{3, saved_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &saved_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit saved_{};
};

class TlsCredentialsTest : public ::testing::Test {
 protected:
  TlsCredentialsTest() : ca_(CertBuilder("CN=Control CA").Ca().SelfSign()) {
    char name[] = "/tmp/sallyport_tls_XXXXXX";
    directory_.path = mkdtemp(name);
    PutPair("first");
    Put(directory_.authorities(), ca_.Pem());
  }
  ~TlsCredentialsTest() override { std::filesystem::remove_all(directory_.path); }

  static void Put(const std::string& path, const std::string& text) {
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  }
  void PutPair(const std::string& name) {
    const TestCert leaf = CertBuilder("CN=" + name).SignBy(ca_);
    Put(directory_.key(), leaf.KeyPem());
    Put(directory_.certificate(), leaf.Pem());
  }
  void ExpectTaken(const std::string& line) {
    EXPECT_NE(line.find("\"info\""), std::string::npos) << line;
  }
  void ExpectRefused(const std::string& line) {
    EXPECT_NE(line.find("\"error\""), std::string::npos) << line;
  }
  static constexpr absl::Duration kOften = absl::Milliseconds(1);

  const TestCert ca_;
  config::TlsDirectory directory_;
};

TEST_F(TlsCredentialsTest, WhatCouldNotBeReadIsTriedAgainThoughNoFileChanges) {
  CapturedLog log;
  const auto files = ServerTlsFiles::Start(directory_, kOften);
  ASSERT_TRUE(files.ok()) << files.status();
  {
    const NoDescriptors none;
    std::filesystem::rename(directory_.path + "/tls.crt", directory_.path + "/tls.old");
    std::filesystem::rename(directory_.path + "/tls.old", directory_.path + "/tls.crt");
    ExpectRefused(log.NextReload());
  }
  ExpectTaken(log.NextReload());
}

TEST_F(TlsCredentialsTest, AMissingFileIsSaidOnceAndAgainWhenItIsAnother) {
  CapturedLog log;
  const auto files = ServerTlsFiles::Start(directory_, kOften);
  ASSERT_TRUE(files.ok()) << files.status();
  std::filesystem::remove(directory_.authorities());
  const std::string first = log.NextReload();
  ExpectRefused(first);
  EXPECT_NE(first.find("ca.crt"), std::string::npos) << first;
  std::filesystem::remove(directory_.certificate());
  const std::string second = log.NextReload();
  ExpectRefused(second);
  EXPECT_NE(second.find("tls.crt"), std::string::npos) << "not the first once more: " << second;
  Put(directory_.authorities(), ca_.Pem());
  PutPair("second");
  ExpectTaken(log.NextReload());
}

TEST_F(TlsCredentialsTest, FilesOfNoUseAreSaidEachTimeAndTheNextGoodOnesTaken) {
  CapturedLog log;
  const auto files = ServerTlsFiles::Start(directory_, kOften);
  ASSERT_TRUE(files.ok()) << files.status();
  for (const char* text : {"no certificate", "nor this"}) {
    Put(directory_.authorities(), text);
    ExpectRefused(log.NextReload());
  }
  Put(directory_.authorities(), ca_.Pem());
  ExpectTaken(log.NextReload());
}

TEST_F(TlsCredentialsTest, WhatIsWrongAtTheStartIsAnError) {
  std::filesystem::remove(directory_.key());
  EXPECT_FALSE(ServerTlsFiles::Start(directory_, kOften).ok());
  EXPECT_FALSE(ServerTlsFiles::Start({}, kOften).ok());
}

}  // namespace
}  // namespace sallyport::authsvc
