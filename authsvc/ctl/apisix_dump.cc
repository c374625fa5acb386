#include "authsvc/ctl/apisix_dump.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sallyport::authsvc::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kAdminPrefix = "/apisix";
constexpr absl::string_view kDirectory = "init_dir";
constexpr int kMostDepth = 64;

absl::Status Bad(absl::string_view why) { return absl::InvalidArgumentError(why); }

// The end of the JSON object or array that begins at `from`; npos: it has none.
size_t EndOfValue(absl::string_view text, size_t from) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = from; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMostDepth) return absl::string_view::npos;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return absl::string_view::npos;
}

class Dump {
 public:
  explicit Dump(absl::string_view prefix) : prefix_(absl::StripSuffix(prefix, "/")) {}

  // Several values, one behind the other.
  absl::Status Values(absl::string_view text) {
    size_t number = 0;
    for (text = absl::StripLeadingAsciiWhitespace(text); !text.empty();
         text = absl::StripLeadingAsciiWhitespace(text)) {
      ++number;
      const size_t end = EndOfValue(text, 0);
      const Json value = end == absl::string_view::npos
                             ? Json(Json::value_t::discarded)
                             : Json::parse(text.substr(0, end), nullptr, false);
      if (value.is_discarded()) return Bad(absl::StrCat("JSON value ", number, " cannot be read"));
      if (auto status = Value(value, 0); !status.ok())
        return Bad(absl::StrCat("JSON value ", number, ": ", status.message()));
      text.remove_prefix(end);
    }
    return absl::OkStatus();
  }

  // A line with a key, a line with its value, and so on; empty ones do not count.
  absl::Status Lines(absl::string_view text) {
    std::string key;
    size_t number = 0;
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      ++number;
      const absl::string_view given = absl::StripAsciiWhitespace(line);
      if (given.empty()) continue;
      if (key.empty()) {
        if (given[0] != '/')
          return Bad(absl::StrCat("line ", number, ": a key is needed, such as /apisix/routes/1"));
        key = std::string(given);
        continue;
      }
      if (auto status = Stored(key, given, prefix_); !status.ok())
        return Bad(absl::StrCat("line ", number, ": ", status.message()));
      key.clear();
    }
    return key.empty() ? absl::OkStatus()
                       : Bad(absl::StrCat("the last key, ", key, ", has no value"));
  }

  std::vector<DumpedObject> Take() { return std::move(objects_); }

 private:
  absl::Status Value(const Json& value, int depth) {
    if (depth > kMostDepth) return Bad("too deep");
    if (value.is_array()) {
      for (const Json& item : value) {
        if (auto status = Value(item, depth + 1); !status.ok()) return status;
      }
      return absl::OkStatus();
    }
    if (!value.is_object()) return Bad("an object is needed");
    // Without what comes last, such as SSL objects, the rest would mean something else.
    if (value.contains("more") && value["more"] == true)
      return Bad("it is cut off (more: true): get all keys, without --limit");
    if (value.contains("kvs")) return Etcd(value["kvs"]);
    if (value.contains("header")) return absl::OkStatus();      // of nothing
    for (const char* const list : {"list", "node", "nodes"}) {  // "node": of APISIX 2
      if (!value.contains(list)) continue;
      return value[list].is_structured() ? Value(value[list], depth + 1) : absl::OkStatus();
    }
    if (value.contains("key") && value["key"].is_string() && value.contains("value"))
      return Answered(value["key"].get<std::string>(), value["value"]);
    if (value.contains("key") && value.contains("dir")) return absl::OkStatus();
    return Bad("it has neither kvs nor list, nor key and value");
  }

  // etcdctl -w json: keys and values in base64.
  absl::Status Etcd(const Json& pairs) {
    if (pairs.is_null()) return absl::OkStatus();
    if (!pairs.is_array()) return Bad("kvs is no list");
    for (const Json& pair : pairs) {
      std::string key, value;
      const bool good = pair.is_object() && pair.contains("key") && pair["key"].is_string() &&
                        absl::Base64Unescape(pair["key"].get<std::string>(), &key);
      if (!good) return Bad("a key in kvs is not base64");
      const bool has_value = pair.contains("value") && pair["value"].is_string();
      if (has_value && !absl::Base64Unescape(pair["value"].get<std::string>(), &value))
        return Bad(absl::StrCat(key, ": its value is not base64"));
      if (auto status = Stored(key, value, prefix_); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Answered(const std::string& key, const Json& value) {
    if (value.is_string()) return Stored(key, value.get<std::string>(), kAdminPrefix);
    if (!value.is_object()) return Bad(absl::StrCat(key, ": its value is no object"));
    std::string name;
    if (auto status = Name(key, kAdminPrefix, &name); !status.ok()) return status;
    objects_.push_back(
        {std::move(name), value.dump(-1, ' ', false, Json::error_handler_t::replace)});
    return absl::OkStatus();
  }

  absl::Status Stored(absl::string_view key, absl::string_view value, absl::string_view prefix) {
    std::string name;
    if (auto status = Name(key, prefix, &name); !status.ok()) return status;
    if (value == kDirectory || name.empty()) return absl::OkStatus();
    objects_.push_back({std::move(name), std::string(value)});
    return absl::OkStatus();
  }

  static absl::Status Name(absl::string_view key, absl::string_view prefix, std::string* name) {
    for (const char c : key) {
      if (absl::ascii_iscntrl(static_cast<unsigned char>(c)))
        return Bad("a key with a control character");
    }
    absl::string_view rest = key;
    if (!absl::ConsumePrefix(&rest, prefix) || (!rest.empty() && !absl::ConsumePrefix(&rest, "/")))
      return Bad(absl::StrCat(key, " is not below ", prefix, ": say --prefix"));
    *name = std::string(absl::StripSuffix(rest, "/"));
    return absl::OkStatus();
  }

  const std::string prefix_;
  std::vector<DumpedObject> objects_;
};

}  // namespace

absl::StatusOr<std::vector<DumpedObject>> ReadApisixDump(absl::string_view text,
                                                         absl::string_view prefix) {
  const absl::string_view given = absl::StripAsciiWhitespace(text);
  if (given.empty()) return absl::InvalidArgumentError("it is empty");
  Dump dump(prefix);
  const bool json = given[0] == '{' || given[0] == '[';
  if (auto status = json ? dump.Values(given) : dump.Lines(given); !status.ok()) return status;
  return dump.Take();
}

}  // namespace sallyport::authsvc::ctl
