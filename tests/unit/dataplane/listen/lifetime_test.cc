// With a process that only notes what it is told, and shells as successors.
#include "dataplane/listen/lifetime.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/listen/listening_socket.h"

namespace sallyport::dataplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class NotingProcess final : public DataplaneProcess {
 public:
  void Start() override {
    notes.emplace_back("start");
    raise_next();
  }
  bool Ready() const override { return ready; }
  bool AwaitsTakeOver() const override { return awaits; }
  absl::Status TakeOver() override {
    notes.emplace_back("take over");
    raise_next();
    return take_over;
  }
  absl::StatusOr<std::vector<int>> CopySockets() override {
    notes.emplace_back("copy");
    if (!copy.ok()) {
      raise_next();
      return copy;
    }
    return std::vector<int>{*OpenListener("127.0.0.1", 0)};
  }
  void DrainAndStop() override { notes.emplace_back("drain"); }
  void HandOverAndStop() override { notes.emplace_back("hand over"); }
  void Reload() override {
    notes.emplace_back("reopen");
    raise_next();
  }
  // The next of `signals` to this process.
  void raise_next() {
    if (signals.empty()) return;
    const int number = signals.front();
    signals.erase(signals.begin());
    kill(getpid(), number);
  }

  bool ready = true;
  bool awaits = false;
  absl::Status take_over;
  absl::Status copy;
  std::vector<int> signals;
  std::vector<std::string> notes;
};

// Where systemd would listen.
class FakeManager {
 public:
  FakeManager() : path_(absl::StrCat(::testing::TempDir(), "/notify-", getpid())) {
    unlink(path_.c_str());
    fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_un where = {};
    where.sun_family = AF_UNIX;
    std::memcpy(where.sun_path, path_.data(), path_.size());
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&where), sizeof(where)), 0);
  }
  ~FakeManager() {
    close(fd_);
    unlink(path_.c_str());
  }
  [[nodiscard]] std::string variable() const { return absl::StrCat("NOTIFY_SOCKET=", path_); }
  [[nodiscard]] std::vector<std::string> Told() const {
    std::vector<std::string> all;
    char text[256];
    for (;;) {
      const ssize_t size = recv(fd_, text, sizeof(text), 0);
      if (size <= 0) return all;
      all.emplace_back(text, static_cast<size_t>(size));
    }
  }

 private:
  const std::string path_;
  int fd_;
};

class LifetimeTest : public ::testing::Test {
 protected:
  // Those that were handed over to are children of this process still.
  void TearDown() override {
    while (waitpid(-1, nullptr, 0) > 0) {
    }
  }
  // What the successor does, as a shell's script.
  int Run(const std::string& script, absl::Duration upgrade = absl::Seconds(60)) {
    Program program;
    program.file = "/bin/sh";
    program.arguments = {"sh", "-c", script};
    program.environment = {manager_.variable(), "PATH=/bin:/usr/bin"};
    Lifetime lifetime(program, upgrade, &base::SystemClock());
    return lifetime.Run(process_);
  }
  FakeManager manager_;
  NotingProcess process_;
};

TEST_F(LifetimeTest, EndsOnSigtermAndReopensLogsOnSighup) {
  process_.signals = {SIGHUP, SIGTERM};
  EXPECT_EQ(Run("exit 1"), 0);
  EXPECT_THAT(process_.notes, ElementsAre("start", "reopen", "drain"));
  EXPECT_THAT(manager_.Told(), ElementsAre("READY=1", "STOPPING=1"));
}

TEST_F(LifetimeTest, HandsOverToASuccessorThatIsReady) {
  process_.signals = {SIGUSR2};
  EXPECT_EQ(Run("printf R >&3; exec sleep 0"), 0);
  EXPECT_THAT(process_.notes, ElementsAre("start", "copy", "hand over"));
  EXPECT_THAT(manager_.Told(), ElementsAre("READY=1", MatchesRegex("MAINPID=[0-9]+")));
}

// Each leaves one that serves as before; the signal that ends the test comes from the successor.
TEST_F(LifetimeTest, ASuccessorThatFailsChangesNothing) {
  const std::string end = absl::StrCat("kill -TERM ", getpid(), "; ");
  for (const std::string script : {"exit 0", "exit 3", "printf X >&3; exec sleep 600",
                                   "exec 3>&-; exec sleep 600", "kill -9 $$"}) {
    process_.notes.clear();
    process_.signals = {SIGUSR2};
    EXPECT_EQ(Run(end + script), 0) << script;
    EXPECT_THAT(process_.notes, ElementsAre("start", "copy", "drain")) << script;
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "none is left: " << script;
    EXPECT_THAT(manager_.Told(), ElementsAre("READY=1", "STOPPING=1")) << script;
  }
}

TEST_F(LifetimeTest, ASuccessorThatIsNotReadyInTimeIsKilled) {
  process_.signals = {SIGUSR2};
  const std::string file = absl::StrCat(::testing::TempDir(), "/late-", getpid());
  // Its child holds no end of the pipe, and ends the test when its parent is gone.
  const std::string script =
      absl::StrCat("(exec 3>&-; while kill -0 $$ 2>/dev/null; do sleep 0.01; done; kill -TERM ",
                   getpid(), ") & exec sleep 600");
  EXPECT_EQ(Run(script, absl::Milliseconds(200)), 0);
  EXPECT_THAT(process_.notes, ElementsAre("start", "copy", "drain"));
}

TEST_F(LifetimeTest, AProgramThatIsNotThereChangesNothing) {
  Program program;
  program.file = "/no/such/program";
  program.arguments = {program.file};
  process_.signals = {SIGUSR2};
  Lifetime lifetime(program, absl::Seconds(60), &base::SystemClock());
  kill(getpid(), SIGHUP);  // taken before SIGUSR2 or after it, then the end
  process_.signals.push_back(SIGTERM);
  EXPECT_EQ(lifetime.Run(process_), 0);
  EXPECT_EQ(process_.notes.back(), "drain");
}

TEST_F(LifetimeTest, SocketsThatCannotBeCopiedChangeNothing) {
  process_.copy = absl::ResourceExhaustedError("none");
  process_.signals = {SIGUSR2, SIGTERM};
  EXPECT_EQ(Run("printf R >&3"), 0);
  EXPECT_THAT(process_.notes, ElementsAre("start", "copy", "drain"));
}

TEST_F(LifetimeTest, OneUpgradeAtATime) {
  process_.signals = {SIGUSR2};
  const std::string parent = absl::StrCat("kill -USR2 ", getpid(), "; ");
  EXPECT_EQ(Run(parent + "printf R >&3"), 0);
  EXPECT_THAT(process_.notes, ElementsAre("start", "copy", "hand over"));
}

TEST_F(LifetimeTest, SigtermEndsASuccessorThatIsNotReady) {
  process_.signals = {SIGUSR2};
  EXPECT_EQ(Run(absl::StrCat("kill -TERM ", getpid(), "; exec sleep 600")), 0);
  EXPECT_THAT(process_.notes, ElementsAre("start", "copy", "drain"));
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "none is left";
}

TEST_F(LifetimeTest, TakesOverWhenItIsReady) {
  process_.awaits = true;
  process_.signals = {SIGHUP, SIGTERM};
  EXPECT_EQ(Run("exit 1"), 0);
  EXPECT_THAT(process_.notes, ElementsAre("start", "take over", "reopen", "drain"));
  EXPECT_THAT(manager_.Told(), ElementsAre("STOPPING=1")) << "it was ready all the time";
}

TEST_F(LifetimeTest, WhatIsNotReadyTakesNothingOver) {
  process_.awaits = true;
  process_.ready = false;
  process_.signals = {SIGHUP, SIGUSR2};
  // SIGUSR2 is refused: who waits for the place of another has none to give. Then the end.
  process_.raise_next();
  process_.signals.push_back(SIGTERM);
  EXPECT_EQ(Run("printf R >&3"), 0);
  EXPECT_THAT(process_.notes, Not(::testing::Contains("take over")));
  EXPECT_THAT(process_.notes, Not(::testing::Contains("copy")));
}

TEST_F(LifetimeTest, EndsWhenItCannotTakeOver) {
  process_.awaits = true;
  process_.take_over = absl::UnavailableError("the port of /metrics is in use");
  EXPECT_EQ(Run("exit 1"), 1);
  EXPECT_THAT(process_.notes, ElementsAre("start", "take over"));
}

TEST(Successor, HasTheSocketsAndNothingElse) {
  const std::string file = absl::StrCat(::testing::TempDir(), "/descriptors-", getpid());
  const int secret = open("/dev/null", O_RDONLY);  // not close-on-exec
  ASSERT_GE(secret, 0);
  const std::vector<int> sockets = {*OpenListener("127.0.0.1", 0), *OpenListener("127.0.0.1", 0)};
  Program program;
  program.file = "/bin/sh";
  program.arguments = {"sh", "-c",
                       absl::StrCat("{ env; for f in /proc/$$/fd/*; do readlink $f; done; } >",
                                    file, ".new; mv ", file, ".new ", file, "; printf R >&3")};
  program.environment = {"PATH=/bin:/usr/bin", "A=b"};
  auto started = Successor::Start(program, sockets);
  ASSERT_TRUE(started.ok()) << started.status();
  while ((*started)->Look() == Successor::State::kStarting) {
  }
  EXPECT_EQ((*started)->Look(), Successor::State::kReady);
  std::stringstream read;
  read << std::ifstream(file).rdbuf();
  const std::string text = read.str();
  EXPECT_THAT(text, HasSubstr("SALLYPORT_INHERITED_SOCKETS=v1:3:4:2\n"));
  EXPECT_THAT(text, HasSubstr("A=b\n"));
  EXPECT_THAT(text, Not(HasSubstr("/dev/null\n/dev/null\n/dev/null\n/dev/null")));
  size_t links = 0;
  for (size_t at = text.find("socket:"); at != std::string::npos; at = text.find("socket:", at + 1))
    ++links;
  EXPECT_EQ(links, 2u) << text;
  close(secret);
  for (const int fd : sockets) {
    EXPECT_TRUE(IsListening(fd)) << "ours are open still";
    close(fd);
  }
  unlink(file.c_str());
}

TEST(ProgramFile, IsAPathAsItStands) {
  EXPECT_EQ(ProgramFile("/usr/sbin/x"), "/usr/sbin/x");
  EXPECT_THAT(ProgramFile("./x"), MatchesRegex("/.*/\\./x"));
  EXPECT_THAT(ProgramFile("unit_dataplane_listen"), MatchesRegex("/.*unit_dataplane_listen"));
}

}  // namespace
}  // namespace sallyport::dataplane
