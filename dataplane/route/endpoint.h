// What is changed of requests to some paths of an API, and of their answers. Values, immutable once
// made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "dataplane/route/path_rule.h"
#include "dataplane/route/route_target.h"
#include "shared/header/rewrite_template.h"

namespace sallyport::dataplane {

struct HeaderChanges {
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::string> remove;

  [[nodiscard]] bool empty() const { return set.empty() && remove.empty(); }
};

struct RewriteCondition {
  enum class Source : uint8_t { kHeader, kQuery, kPathPart, kMetadata };
  Source source = Source::kHeader;
  std::string name;  // as templates call it
  std::shared_ptr<const re2::RE2> pattern;
  bool reverse = false;  // holds where nothing matches
};

struct RewriteTarget {
  header::RewriteTemplate text;
  std::optional<RouteTarget> server;  // nothing: the API's own targets
};

struct RewriteTrigger {
  bool any = false;  // one condition is enough
  std::vector<RewriteCondition> conditions;
  RewriteTarget target;
};

struct RewriteRule {
  std::shared_ptr<const re2::RE2> pattern;  // found in "path?query"; else nothing is rewritten
  std::vector<RewriteTrigger> triggers;     // the first that holds has the target
  std::optional<RewriteTarget> target;      // nothing: only triggers rewrite
};

// JavaScript that answers in place of the upstream (dataplane/script).
struct VirtualEndpoint {
  std::string function;
  std::string source;
  bool use_session = false;     // the script is told who calls
  bool proxy_on_error = false;  // where it fails or answers 400 and above the upstream is asked
  absl::Duration timeout;       // with the calls that it makes
  uint32_t memory_kib = 0;
};

struct Endpoint {
  CompiledPathRule rule;
  HeaderChanges request_headers, answer_headers;
  std::string method;          // empty: the caller's
  int64_t max_body_bytes = 0;  // 0: the version's
  absl::Duration timeout;      // of the whole request; 0: the API's
  std::optional<RewriteRule> rewrite;
  std::optional<VirtualEndpoint> virtual_endpoint;
};

// Of one request: of each kind what the first endpoint has that matches it. Null, zero: nothing.
struct EndpointChanges {
  const HeaderChanges* request_headers = nullptr;
  const HeaderChanges* answer_headers = nullptr;
  const std::string* method = nullptr;
  const RewriteRule* rewrite = nullptr;
  const VirtualEndpoint* virtual_endpoint = nullptr;
  int64_t max_body_bytes = 0;
  absl::Duration timeout;
};

// The result points into `endpoints`. `path`: as rules see it.
[[nodiscard]] EndpointChanges ChangesFor(const std::vector<Endpoint>& endpoints,
                                         absl::string_view method, absl::string_view path);

}  // namespace sallyport::dataplane
