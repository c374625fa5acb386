// Tyk's uptime tests as health checks of the targets. What has no equivalent here is said as a
// warning and leaves the targets unchecked, never half checked.
#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tyk_classic.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kTests = "uptime_tests";
constexpr uint32_t kIntervalMillis =
    10'000;  // Tyk's defaults, which a gateway's file sets for all APIs
constexpr uint32_t kFailures = 3;
constexpr uint32_t kOk = 200;  // the only status that counts

struct Test {
  std::string place;  // scheme://authority
  std::string path;   // with query
  bool head = false;
  uint32_t timeout_millis = 0;
};

// "http://host/path" into both parts; false: another scheme.
bool SplitUrl(absl::string_view url, Test* test) {
  const bool http = absl::StartsWithIgnoreCase(url, "http://");
  if (!http && !absl::StartsWithIgnoreCase(url, "https://")) return false;
  const size_t end = url.find_first_of("/?#", http ? 7 : 8);
  test->place = absl::AsciiStrToLower(url.substr(0, end));
  const absl::string_view rest =
      end == absl::string_view::npos ? absl::string_view() : url.substr(end);
  test->path = absl::StrCat(absl::StartsWith(rest, "/") ? "" : "/", rest.substr(0, rest.find('#')));
  return true;
}

bool HasSet(const Fields& object, absl::string_view name) {
  const Node* const value = object.Get(name);
  return value != nullptr && IsSet(*value);
}

// Empty: `test` is what the entry asks for.
std::string WhyNot(const Fields& entry, Test* test) {
  const std::string protocol = entry.Text("protocol");
  if (!protocol.empty() && protocol != "http" && protocol != "https")
    return "only HTTP checks exist here";
  for (const absl::string_view name : {"commands", "body", "headers", "enable_proxy_protocol"}) {
    if (HasSet(entry, name)) return absl::StrCat(name, " does not exist in health checks here");
  }
  const std::string method = absl::AsciiStrToUpper(entry.Text("method"));
  if (!method.empty() && method != "GET" && method != "HEAD")
    return "health checks are GET or HEAD here";
  test->head = method == "HEAD";
  const double nanoseconds = entry.Number("timeout");
  if (nanoseconds > 0)
    test->timeout_millis = static_cast<uint32_t>(std::clamp(nanoseconds / 1e6, 50.0, 60e3));
  return SplitUrl(entry.Text("url"), test) ? "" : "its url is not http:// or https://";
}

bool Read(const Fields& top, const Fields& tests, std::vector<Test>* out) {
  size_t index = 0;
  for (const Node& item : tests.List("check_list")) {
    const std::string path = ItemPath(JoinPath(kTests, "check_list"), index++);
    Test test;
    std::string why;
    if (item.IsString()) {
      why = SplitUrl(item.text, &test) ? "" : "its url is not http:// or https://";
    } else {
      why = WhyNot(Fields(&item, path, top.out()), &test);
    }
    if (!why.empty()) {
      top.Warn(kTests, absl::StrCat("targets are not checked: ", path, ": ", why));
      return false;
    }
    out->push_back(std::move(test));
  }
  return true;
}

// One check for all targets: what differs between them cannot be said here.
bool AreOne(const Fields& top, const std::vector<Test>& tests, const v1::Upstream& upstream) {
  std::set<std::string> places;
  for (const v1::Target& target : upstream.targets()) {
    Test split;
    if (SplitUrl(target.url(), &split)) places.insert(split.place);
  }
  for (const Test& test : tests) {
    if (test.path != tests.front().path || test.head != tests.front().head) {
      top.Warn(
          kTests,
          "targets are not checked: all must be asked for the same path by the same method here");
      return false;
    }
    if (!places.contains(test.place)) {
      top.Warn(kTests, absl::StrCat("targets are not checked: ", test.place,
                                    " is none of proxy.target_list"));
      return false;
    }
    places.erase(test.place);
  }
  if (!places.empty())
    top.Warn(kTests, absl::StrCat(*places.begin(), " is checked like the others"));
  return true;
}

}  // namespace

void ClassicHealthChecks(const Fields& top, const Fields& proxy, v1::Upstream* upstream) {
  const Fields tests = top.Object(kTests);
  if (!HasSet(tests, "check_list")) return;
  if (!proxy.Flag("check_host_against_uptime_tests")) {
    return top.Warn(
        kTests,
        "is not run: proxy.check_host_against_uptime_tests is off, and nothing else uses it here");
  }
  if (upstream->targets_size() < 2) {
    return top.Warn(kTests,
                    "is not run: without a second target every request goes to the only one");
  }
  std::vector<Test> wanted;
  if (!Read(top, tests, &wanted) || !AreOne(top, wanted, *upstream)) return;
  v1::HealthCheck* const check = upstream->mutable_health_check();
  check->set_enabled(true);
  check->set_path(wanted.front().path);
  check->set_method(wanted.front().head ? "HEAD" : "GET");
  check->set_interval_ms(kIntervalMillis);
  check->set_timeout_ms(wanted.front().timeout_millis);
  check->set_unhealthy_after(kFailures);
  check->set_healthy_after(kFailures);
  check->add_statuses(kOk);
}

}  // namespace sallyport::authsvc::dialects
