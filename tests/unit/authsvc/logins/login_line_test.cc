#include "authsvc/logins/login_line.h"

#include <list>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "authsvc/logins/login_checker.h"
#include "gtest/gtest.h"

namespace sallyport::authsvc {
namespace {

class LoginLineTest : public ::testing::Test {
 protected:
  void Start(size_t threads) {
    LoginOptions options;
    options.threads = threads;
    options.most_waiting = 8;
    options.most_waiting_of_one = 2;
    options.most_nobodies = 5;
    options.most_nobodies_of_org = 3;
    line_.emplace(options);
  }
  bool Add(const std::string& org, const std::string& name, const std::string& key_id) {
    LoginJob job;
    job.digest = name;
    job.key_id = key_id;
    job.org_id = org;
    job.name = absl::StrCat(org, "/", name);
    const bool has_place = line_->HasPlaceFor(job);
    if (has_place) line_->Add(std::move(job));
    return has_place;
  }
  bool AddKey(const std::string& name) { return Add("org", name, absl::StrCat("key of ", name)); }
  bool AddNobody(const std::string& name, const std::string& org = "org") {
    return Add(org, name, "");
  }
  // All that may begin now.
  std::string Taken() {
    std::string names;
    while (auto job = line_->Next()) {
      absl::StrAppend(&names, job->digest, " ");
      begun_.push_back(*std::move(job));
    }
    return names;
  }
  void End(const std::string& name) {
    for (auto job = begun_.begin(); job != begun_.end(); ++job) {
      if (job->digest != name) continue;
      line_->End(*job);
      begun_.erase(job);
      return;
    }
    FAIL() << name << " is not under way";
  }

  std::optional<LoginLine> line_;
  std::list<LoginJob> begun_;
};

TEST_F(LoginLineTest, EachInItsTurnWhileThereAreFew) {
  Start(3);
  EXPECT_EQ(Taken(), "");
  AddKey("a");
  AddNobody("x");
  AddKey("b");
  AddNobody("y");
  AddKey("c");
  EXPECT_EQ(Taken(), "a x b y c ");
}

TEST_F(LoginLineTest, NobodysNamesLeaveAThreadToOthers) {
  Start(3);
  for (const char* name : {"x", "y", "z"}) EXPECT_TRUE(AddNobody(name));
  EXPECT_EQ(Taken(), "x y ");
  AddKey("a");
  EXPECT_EQ(Taken(), "a ");
  End("a");
  EXPECT_EQ(Taken(), "");
  End("x");
  EXPECT_EQ(Taken(), "z ");
}

TEST_F(LoginLineTest, OneThreadTakesThoseThatSomebodyHasFirst) {
  for (const size_t threads : {0, 1}) {
    Start(threads);
    AddNobody("x");
    AddNobody("y");
    AddKey("a");
    EXPECT_EQ(Taken(), "a x ");
    End("a");
    EXPECT_EQ(Taken(), "");
    End("x");
    EXPECT_EQ(Taken(), "y ");
    End("y");
  }
}

TEST_F(LoginLineTest, NobodysNamesHaveAShareOfThePlacesOfAnOrganisationToo) {
  Start(2);
  EXPECT_TRUE(AddNobody("x1"));
  EXPECT_EQ(Taken(), "x1 ");
  EXPECT_TRUE(AddNobody("x2"));
  EXPECT_TRUE(AddNobody("x3"));
  EXPECT_FALSE(AddNobody("x4")) << "one under way and two that wait are three";
  for (const char* name : {"y1", "y2", "y3"}) EXPECT_TRUE(AddNobody(name, "second"));
  EXPECT_FALSE(AddNobody("z1", "third")) << "five wait";
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(AddKey(name));
  EXPECT_FALSE(AddKey("d")) << "eight wait";
  EXPECT_EQ(Taken(), "a b c ");
  End("x1");
  EXPECT_EQ(Taken(), "y1 ") << "the organisations take turns";
  EXPECT_TRUE(AddNobody("x4"));
  EXPECT_FALSE(AddNobody("y4", "second"));
  std::string order;
  for (std::string name = "y1"; !name.empty();) {
    End(name);
    name = Taken();
    order += name;
    if (!name.empty()) name.pop_back();
  }
  EXPECT_EQ(order, "x2 y2 x3 y3 x4 ");
}

TEST_F(LoginLineTest, OfOneNameFewWaitWhoseverItIs) {
  for (const std::string key_id : {"key", ""}) {
    Start(2);
    EXPECT_TRUE(Add("org", "n", key_id));
    EXPECT_TRUE(Add("org", "n", key_id));
    EXPECT_FALSE(Add("org", "n", key_id));
    EXPECT_TRUE(Add("second", "n", key_id)) << "another organisation's is another";
    std::optional<LoginJob> job = line_->Next();
    ASSERT_TRUE(job.has_value());
    EXPECT_FALSE(Add("org", "n", key_id)) << "what is under way counts";
    line_->End(*job);
    EXPECT_TRUE(Add("org", "n", key_id));
  }
}

}  // namespace
}  // namespace sallyport::authsvc
