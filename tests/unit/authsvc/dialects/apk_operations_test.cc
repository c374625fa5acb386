// Whose changes a request gets: those of the operation that it is, and of no other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "authsvc/dialects/apk/operations.h"
#include "re2/re2.h"
#include "shared/domain/operations.h"
#include "tests/unit/authsvc/dialects/apk_store.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr const char* kKinds[] = {"request", "response", "rewrite"};

// Of the first endpoint that matches and has that kind, as the data plane takes it; empty: nothing
// is changed.
std::string ChangeOf(const v1::ApiVersion& version, absl::string_view kind,
                     const std::string& method, const std::string& path) {
  for (const v1::Endpoint& endpoint : version.endpoints()) {
    const auto& methods = endpoint.rule().methods();
    if (!methods.empty() && methods[0] != method) continue;
    if (!RE2::PartialMatch(path, RE2(endpoint.rule().path()))) continue;
    if (kind == "rewrite") {
      if (!endpoint.has_rewrite()) continue;
      return endpoint.rewrite().pattern() == "^$" ? "" : endpoint.rewrite().target();
    }
    const v1::HeaderChange& change =
        kind == "request" ? endpoint.request_headers() : endpoint.response_headers();
    if (change.set().empty() && change.remove().empty()) continue;
    return change.set().empty() ? "" : change.set().at("x-owner");
  }
  return "";
}

// What is listed, with what is changed of it: kind -> "METHOD path".
class Listed {
 public:
  explicit Listed(v1::ApiVersion* version) : version_(*version), list_(version) {}

  void Add(const std::string& path, const std::string& method, unsigned kinds) {
    if (list_.Add(path, method) == nullptr) return;
    const std::string owner = absl::StrCat(method, " ", path);
    auto& changes = changes_[{path, method}];
    for (size_t i = 0; i < 3; ++i) changes[kKinds[i]] = (kinds >> i & 1U) != 0 ? owner : "";
    if (kinds == 0) return;
    v1::Endpoint* endpoint = list_.Change(path, method);
    if ((kinds & 1U) != 0) (*endpoint->mutable_request_headers()->mutable_set())["x-owner"] = owner;
    if ((kinds & 2U) != 0)
      (*endpoint->mutable_response_headers()->mutable_set())["x-owner"] = owner;
    if ((kinds & 4U) != 0) {
      endpoint->mutable_rewrite()->set_pattern("^/");
      endpoint->mutable_rewrite()->set_target(owner);
    }
  }

  void Finish() {
    list_.Finish();
    for (const v1::Operation& operation : version_.operations()) {
      auto path = domain::PathTemplate::Parse(operation.path());
      ASSERT_TRUE(path.ok()) << path.status();
      found_.Add(*std::move(path), {operation.methods().begin(), operation.methods().end()});
    }
  }

  // "METHOD path" of the operation that it is; empty: none.
  [[nodiscard]] std::string OwnerOf(const std::string& method, const std::string& path) const {
    const auto index = found_.Find(method, path).index;
    if (!index.has_value()) return "";
    const v1::Operation& operation = version_.operations(static_cast<int>(*index));
    const std::string own = operation.methods_size() == 0 ? "" : operation.methods(0);
    const bool listed = changes_.count({operation.path(), own}) > 0;
    return absl::StrCat(own, " ", operation.path(), listed ? "" : "/*");
  }

  void Check(const std::string& method, const std::string& path) const {
    const std::string owner = OwnerOf(method, path);
    if (owner.empty()) return;
    const size_t space = owner.find(' ');
    const auto& changes = changes_.at({owner.substr(space + 1), owner.substr(0, space)});
    for (const char* const kind : kKinds)
      EXPECT_EQ(ChangeOf(version_, kind, method, path), changes.at(kind))
          << kind << " of " << method << " " << path << ", which is " << owner << "\n"
          << version_.ShortDebugString();
  }

 private:
  v1::ApiVersion& version_;
  OperationList list_;
  std::map<std::pair<std::string, std::string>, std::map<std::string, std::string>> changes_;
  domain::Operations found_;
};

struct Lines {
  const char* path;
  const char* method;
  unsigned kinds;
};

void CheckOne(const std::vector<Lines>& listed, const std::string& request,
              const std::string& owner) {
  v1::ApiVersion version;
  Listed list(&version);
  for (const Lines& line : listed) list.Add(line.path, line.method, line.kinds);
  list.Finish();
  EXPECT_EQ(list.OwnerOf("GET", request), owner);
  list.Check("GET", request);
}

TEST(ApkOperationList, ChangesAreThoseOfTheOperation) {
  CheckOne({{"/orders/{id}/*", "", 7}, {"/orders/new/*", "", 0}}, "/orders/new/x",
           " /orders/new/*");
  CheckOne({{"/a/{x}/c", "", 7}, {"/a/b/*", "", 0}}, "/a/b/c", " /a/b/*");
  CheckOne({{"/acme/{id}", "", 0}, {"/{tenant}/users", "", 7}}, "/acme/users", " /acme/{id}");
  CheckOne({{"/a/*", "", 0}, {"/{x}", "", 7}}, "/a", " /a/*");
  CheckOne({{"/a/*", "", 7}, {"/{x}", "", 7}}, "/a", " /a/*");
  CheckOne({{"/a/*", "", 0}, {"/{x}/b/c", "", 7}}, "/a/b/c", " /a/*");
  CheckOne({{"/a", "", 7}, {"/a", "GET", 0}}, "/a", "GET /a");
  CheckOne({{"/a", "", 0}, {"/a/*", "GET", 7}}, "/a", " /a");
  CheckOne({{"/a", "POST", 0}, {"/a/*", "", 7}}, "/a", " /a/*");
}

TEST(ApkOperationList, ChangesAreThoseOfTheOperationWhateverIsListed) {
  std::vector<std::string> paths = {"/", "/*"};
  const std::vector<std::string> parts = {"/a", "/b", "/{x}"};
  std::vector<std::string> requests = {"/", "/c", "/c/"};
  for (const std::string& one : parts) {
    for (const char* const end : {"", "/", "/*"}) paths.push_back(one + end);
    for (const std::string& two : {"/a", "/b", "/{y}"}) {
      for (const char* const end : {"", "/*", "/c"}) paths.push_back(one + two + end);
    }
  }
  for (const std::string one : {"/a", "/b", "/c"}) {
    for (const char* const end : {"", "/", "/a", "/b", "/c", "/a/", "/a/c", "/b/c", "/c/c/c"})
      requests.push_back(one + end);
  }
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same sets each time
  const auto pick = [&](size_t below) {
    return std::uniform_int_distribution<size_t>(0, below - 1)(random);
  };
  constexpr const char* kMethods[] = {"", "GET", "POST"};
  for (int round = 0; round < 200 && !::testing::Test::HasFailure(); ++round) {
    v1::ApiVersion version;
    Listed list(&version);
    const size_t size = 2 + pick(6);
    for (size_t i = 0; i < size; ++i)
      list.Add(paths[pick(paths.size())], kMethods[pick(3)], static_cast<unsigned>(pick(8)));
    list.Finish();
    for (const std::string& request : requests) {
      for (const char* const method : {"GET", "POST", "PUT"}) list.Check(method, request);
    }
  }
}

TEST(ApkOperationList, AParametersNameMakesNoOtherPath) {
  v1::ApiVersion version;
  OperationList list(&version);
  EXPECT_NE(list.Add("/a/{x}", "GET"), nullptr);
  EXPECT_EQ(list.Add("/a/{y}", "GET"), nullptr);
  EXPECT_NE(list.Add("/a/{y}", ""), nullptr);
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apk
