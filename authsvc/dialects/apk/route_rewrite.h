// What HTTPRoute's filter URLRewrite and a Backend of a rule's own become: a rewrite of path, query
// and server. Pure, thread-safe. Private to this folder.
#pragma once

#include <string>

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects::apk {

// The paths of a match, and how each finds its parts again: "^/a/([^/?]+)(\?.*)?$".
struct RoutePath {
  std::string path;     // of an operation: "/a/{p1}"
  std::string pattern;  // RE2 on "path?query"; the last group is the query with its '?'
  int groups = 0;       // without that one
  bool prefix = false;  // PathPrefix: the only group is what is behind it
  std::string same;     // replaceFullPath that changes nothing: "/a/\1"
};

// An expression as APK's own tools write them: segments, `(.*)`, `([^/]+)` and, last, `((/.*)*)`.
[[nodiscard]] RoutePath ExpressionPath(absl::string_view regex);
[[nodiscard]] RoutePath ExactPath(absl::string_view path);
[[nodiscard]] RoutePath PrefixPath(absl::string_view prefix);

// What a rule's filters say of paths. Nothing said: the path stays.
struct PathChange {
  enum class Kind : uint8_t { kNone, kFull, kPrefix };
  Kind kind = Kind::kNone;
  std::string text;
};
// `urlRewrite` of a filter.
[[nodiscard]] PathChange ReadUrlRewrite(const Fields& rewrite);

// Sets `rewrite` where anything changes. `server`: "https://host:port/base" of a Backend of the
// rule's own; empty: the API's targets. False after a refusal.
bool PutRewrite(const RoutePath& path, const PathChange& change, const std::string& server,
                const Fields& where, v1::Endpoint* endpoint);

[[nodiscard]] ObjectRules UrlRewriteRules();
[[nodiscard]] ObjectRules UrlRewritePathRules();

}  // namespace sallyport::authsvc::dialects::apk
