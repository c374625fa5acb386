#include "authsvc/dialects/apk/route_rewrite.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "re2/re2.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kQuery = R"((\?.*)?$)";

constexpr FieldRule kUrlRewrite[] = {
    {"path", Use::kUsed},
    {"hostname", Use::kRefused, "the host that an endpoint is told is its own"},
};
constexpr FieldRule kUrlRewritePath[] = {
    {"type", Use::kUsed},
    {"replaceFullPath", Use::kUsed},
    {"replacePrefixMatch", Use::kUsed},
};

std::string Quoted(absl::string_view text) { return RE2::QuoteMeta({text.data(), text.size()}); }

// As fixed text of a template.
std::string Literal(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"$", "$$"}, {"{", "{{"}, {"}", "}}"}});
}

absl::string_view WithoutSlashes(absl::string_view path) {
  while (absl::ConsumeSuffix(&path, "/")) {
  }
  return path;
}

// "\1" of Envoy's substitutions is "$1". False: a group that is not there, or one that is followed
// by a digit and would be another.
bool Template(absl::string_view text, int groups, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      absl::StrAppend(out, Literal(text.substr(i, 1)));
      continue;
    }
    const bool digit = i + 1 < text.size() && absl::ascii_isdigit(text[i + 1]);
    const int group = digit ? text[i + 1] - '0' : 0;
    if (group < 1 || group > groups) return false;
    if (i + 2 < text.size() && absl::ascii_isdigit(text[i + 2])) return false;
    absl::StrAppend(out, "$", group);
    ++i;
  }
  return true;
}

}  // namespace

RoutePath ExpressionPath(absl::string_view regex) {
  RoutePath out;
  out.pattern = "^";
  const bool below = absl::ConsumeSuffix(&regex, "((/.*)*)");
  const std::vector<absl::string_view> segments =
      absl::StrSplit(absl::StripPrefix(regex, "/"), '/');
  // "[^/]" has a slash of its own: it splits in two.
  for (size_t i = 0; i < segments.size(); ++i) {
    const absl::string_view segment = segments[i];
    const bool one = segment == "([^" && i + 1 < segments.size() &&
                     (segments[i + 1] == "]+)" || segments[i + 1] == "]*)");
    if (one) ++i;
    const bool last = i + 1 == segments.size();
    if (segment == "(.*)" && last && !below) {
      out.path += "/*";
      // "/a/*" is "/a" as well.
      out.pattern += "(?:/([^?]*))?";
      absl::StrAppend(&out.same, "/\\", ++out.groups);
    } else if (one || segment == "(.*)") {
      absl::StrAppend(&out.path, "/{p", ++out.groups, "}");
      absl::StrAppend(&out.same, "/\\", out.groups);
      out.pattern += "/([^/?]+)";
    } else {
      if (segment.empty() && segments.size() == 1 && below) continue;  // "((/.*)*)" alone
      absl::StrAppend(&out.path, "/", segment);
      absl::StrAppend(&out.same, "/", segment);
      absl::StrAppend(&out.pattern, "/", Quoted(segment));
    }
  }
  if (below) {
    out.path += "/*";
    out.pattern += "((/[^?]*)?)";
    absl::StrAppend(&out.same, "\\", out.groups + 1);
    out.groups += 2;
  }
  absl::StrAppend(&out.pattern, kQuery);
  return out;
}

RoutePath ExactPath(absl::string_view path) {
  return {std::string(path), absl::StrCat("^", Quoted(path), kQuery), 0, false, std::string(path)};
}

RoutePath PrefixPath(absl::string_view prefix) {
  const absl::string_view base = WithoutSlashes(prefix);
  return {absl::StrCat(base, "/*"), absl::StrCat("^", Quoted(base), "(/[^?]*)?", kQuery), 1, true,
          ""};
}

PathChange ReadUrlRewrite(const Fields& rewrite) {
  rewrite.Check(UrlRewriteRules());
  const Fields path = rewrite.Object("path");
  path.Check(UrlRewritePathRules());
  if (path.node() == nullptr) {
    rewrite.Refuse("path", "is missing: it says what becomes of the path");
    return {};
  }
  PathChange change;
  const std::string type = path.Text("type");
  absl::string_view field;
  if (type == "ReplaceFullPath") {
    change.kind = PathChange::Kind::kFull;
    field = "replaceFullPath";
  } else if (type == "ReplacePrefixMatch") {
    change.kind = PathChange::Kind::kPrefix;
    field = "replacePrefixMatch";
  } else {
    path.Refuse("type", "must be ReplaceFullPath or ReplacePrefixMatch");
    return {};
  }
  for (const absl::string_view other : {"replaceFullPath", "replacePrefixMatch"}) {
    if (other != field && path.Has(other))
      path.Refuse(other, absl::StrCat("does not go with type ", type));
  }
  change.text = path.Text(field);
  // As APK's tools write the part that "/*" stands for.
  const size_t slashes = change.text.rfind("///");
  if (slashes != std::string::npos && slashes + 4 == change.text.size())
    change.text.replace(slashes, 3, "\\");
  if (!absl::StartsWith(change.text, "/") && !absl::StartsWith(change.text, "\\"))
    path.Refuse(field, change.text.empty() ? "is missing" : "must begin with /");
  const auto wrong = [](char c) { return c <= 0x20 || c >= 0x7F || c == '?' || c == '#'; };
  if (std::any_of(change.text.begin(), change.text.end(), wrong))
    path.Refuse(field, "must be a path: without blanks, ? and #");
  return change;
}

bool PutRewrite(const RoutePath& path, const PathChange& change, const std::string& server,
                const Fields& where, v1::Endpoint* endpoint) {
  const bool full = change.kind == PathChange::Kind::kFull && change.text != path.same;
  const bool prefix_match = change.kind == PathChange::Kind::kPrefix;
  if (!full && !prefix_match && server.empty()) return true;
  std::string pattern = path.pattern;
  std::string target = Literal(WithoutSlashes(server));
  int query = path.groups + 1;
  if (full) {
    if (!absl::StartsWith(change.text, "/")) {
      where.Refuse("filters", "replaceFullPath must begin with /");
      return false;
    }
    if (!Template(change.text, path.prefix ? 0 : path.groups, &target)) {
      where.Refuse("filters",
                   "replaceFullPath: \\1 to \\9 are what the match's expression captured, and no "
                   "digit is behind one");
      return false;
    }
  } else if (prefix_match) {
    if (!path.prefix) {
      where.Refuse("filters", "replacePrefixMatch goes with matches of type PathPrefix alone");
      return false;
    }
    const absl::string_view prefix = WithoutSlashes(change.text);
    if (!Template(prefix, 0, &target)) {
      where.Refuse("filters", "replacePrefixMatch has a \\");
      return false;
    }
    // At the root what is left of "/a" is "/".
    if (prefix.empty()) {
      pattern = absl::StrReplaceAll(pattern, {{"(/[^?]*)?", "(?:/([^?]*))?"}});
      target += "/";
    }
    target += "$1";
  } else {
    pattern = absl::StrCat("^/([^?]*)", kQuery);
    target += "/$1";
    query = 2;
  }
  v1::Rewrite* rewrite = endpoint->mutable_rewrite();
  rewrite->set_pattern(std::move(pattern));
  rewrite->set_target(absl::StrCat(target, "$", query));
  return true;
}

ObjectRules UrlRewriteRules() { return {kUrlRewrite, true}; }
ObjectRules UrlRewritePathRules() { return {kUrlRewritePath, true}; }

}  // namespace sallyport::authsvc::dialects::apk
