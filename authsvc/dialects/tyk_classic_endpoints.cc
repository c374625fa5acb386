// What a Tyk Classic version changes of requests to some paths: extended_paths (reference tyk.md
// §8.2). Each entry becomes an endpoint; of one kind the first that matches counts, as in Tyk.
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/tyk_classic.h"
#include "authsvc/dialects/tyk_classic_fields.h"
#include "authsvc/dialects/tyk_script.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr double kMostSeconds = 24 * 60 * 60;

// Their members; path, method, disabled and ignore_case are in each.
#define SALLYPORT_PLACE                                                   \
  {"path", Use::kUsed}, {"method", Use::kUsed}, {"disabled", Use::kUsed}, \
      {"ignore_case", Use::kUsed}, {                                      \
    "act_on", Use::kKept                                                  \
  }
constexpr FieldRule kHeaderChange[] = {
    SALLYPORT_PLACE, {"delete_headers", Use::kUsed}, {"add_headers", Use::kUsed}};
constexpr FieldRule kTimeout[] = {SALLYPORT_PLACE, {"timeout", Use::kUsed}};
constexpr FieldRule kSize[] = {SALLYPORT_PLACE, {"size_limit", Use::kUsed}};
constexpr FieldRule kMethod[] = {SALLYPORT_PLACE, {"to_method", Use::kUsed}};
constexpr FieldRule kRewrite[] = {SALLYPORT_PLACE,
                                  {"match_pattern", Use::kUsed},
                                  {"rewrite_to", Use::kUsed},
                                  {"triggers", Use::kUsed},
                                  {"MatchRegexp", Use::kKept}};
constexpr FieldRule kVirtual[] = {SALLYPORT_PLACE,
                                  {"response_function_name", Use::kUsed},
                                  {"function_source_type", Use::kUsed},
                                  {"function_source_uri", Use::kUsed},
                                  {"use_session", Use::kUsed},
                                  {"proxy_on_error", Use::kUsed}};
constexpr FieldRule kMock[] = {
    SALLYPORT_PLACE, {"code", Use::kUsed}, {"body", Use::kUsed}, {"headers", Use::kUsed}};
#undef SALLYPORT_PLACE
constexpr FieldRule kTrigger[] = {
    {"on", Use::kUsed}, {"options", Use::kUsed}, {"rewrite_to", Use::kUsed}};
constexpr FieldRule kOptions[] = {
    {"header_matches", Use::kUsed},
    {"query_val_matches", Use::kUsed},
    {"path_part_matches", Use::kUsed},
    {"session_meta_matches", Use::kUsed},
    {"request_context_matches", Use::kRefused, "request contexts do not exist here"},
    {"payload_matches", Use::kRefused, "bodies are passed on, not read"},
};
constexpr FieldRule kMatch[] = {
    {"match_rx", Use::kUsed}, {"reverse", Use::kUsed}, {"match_regex", Use::kKept}};

struct Kind {
  absl::string_view member;
  absl::string_view source;
};
constexpr Kind kConditionKinds[] = {{"header_matches", "header"},
                                    {"query_val_matches", "query"},
                                    {"path_part_matches", "path_part"},
                                    {"session_meta_matches", "metadata"}};

// Reads "trigger-0-NAME-0" and "trigger-0-NAME-0-1": what the condition on NAME found, or a group
// of it. False: it is neither, or of another trigger.
bool TriggerVariable(absl::string_view variable, int number, std::string* out) {
  if (!absl::ConsumePrefix(&variable, absl::StrCat("trigger-", number, "-"))) return false;
  const auto last = [&](int* value) {
    const size_t dash = variable.rfind('-');
    if (dash == absl::string_view::npos || !absl::SimpleAtoi(variable.substr(dash + 1), value))
      return false;
    variable = variable.substr(0, dash);
    return true;
  };
  int index = 0, before = 0;
  if (!last(&index)) return false;
  const absl::string_view name = variable;
  if (!last(&before)) {  // the whole of the first match
    *out = absl::StrCat("{trigger:", name, ":0}");
    return index == 0;
  }
  *out = absl::StrCat("{trigger:", variable, ":", index + 1, "}");
  return before == 0;
}

// Names of variables and headers; a number behind a '-' is taken along.
size_t VariableLength(absl::string_view text) {
  size_t length = 0;
  while (length < text.size() &&
         (absl::ascii_isalnum(static_cast<unsigned char>(text[length])) ||
          absl::StrContains(absl::string_view("_-."), text.substr(length, 1)))) {
    ++length;
  }
  return length;
}

void Matches(const Fields& options, const Kind& kind, v1::RewriteTrigger* trigger) {
  const Fields matches = options.Object(kind.member);
  if (matches.node() == nullptr) return;
  for (const auto& [name, value] : matches.node()->members) {
    const Fields match = matches.Object(name);
    match.Check({kMatch, true});
    v1::RewriteCondition* condition = trigger->add_conditions();
    condition->set_source(std::string(kind.source));
    condition->set_name(name);
    condition->set_pattern(ReadPathRegex(match, "match_rx", false));
    if (condition->pattern().empty()) match.Refuse("match_rx", "is missing");
    condition->set_reverse(match.Flag("reverse"));
  }
}

void Triggers(const Fields& entry, v1::Rewrite* rewrite) {
  const std::vector<Node>& items = entry.List("triggers");
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields item(&items[i], ItemPath(entry.PathOf("triggers"), i), entry.out());
    item.Check({kTrigger, true});
    v1::RewriteTrigger* trigger = rewrite->add_triggers();
    const std::string on = item.Text("on");
    if (on != "any" && on != "all" && !on.empty()) item.Refuse("on", "must be any or all");
    trigger->set_any(on == "any");
    const Fields options = item.Object("options");
    options.Check({kOptions, true});
    for (const Kind& kind : kConditionKinds) Matches(options, kind, trigger);
    if (trigger->conditions().empty()) item.Refuse("options", "says nothing to look at");
    trigger->set_target(RewriteTemplateOf(item, "rewrite_to", static_cast<int>(i)));
    if (trigger->target().empty()) item.Refuse("rewrite_to", "is missing");
  }
}

void ReadRewrite(const Fields& entry, v1::Endpoint* endpoint) {
  v1::Rewrite* rewrite = endpoint->mutable_rewrite();
  rewrite->set_pattern(ReadPathRegex(entry, "match_pattern", false));
  if (rewrite->pattern().empty()) entry.Refuse("match_pattern", "is missing");
  rewrite->set_target(RewriteTemplateOf(entry, "rewrite_to", -1));
  Triggers(entry, rewrite);
  if (rewrite->target().empty() && rewrite->triggers().empty())
    entry.Refuse("rewrite_to", "is missing");
}

void ReadTimeout(const Fields& entry, v1::Endpoint* endpoint) {
  ReadEndpointTimeout(entry, "timeout", endpoint);
}

void ReadSize(const Fields& entry, v1::Endpoint* endpoint) {
  const int64_t limit = entry.Integer("size_limit");
  if (limit <= 0) return entry.Refuse("size_limit", "must be above 0: bytes");
  endpoint->set_max_body_bytes(limit);
}

void ReadMethod(const Fields& entry, v1::Endpoint* endpoint) {
  endpoint->set_method(absl::AsciiStrToUpper(entry.Text("to_method")));
  if (endpoint->method().empty()) entry.Refuse("to_method", "is missing");
}

void ReadVirtual(const Fields& entry, v1::Endpoint* endpoint) {
  const std::string type = entry.Text("function_source_type");
  if (type == "file") {
    return entry.Refuse("function_source_type",
                        "file: files of the gateway's machine are not read: put the script in "
                        "Base64 into function_source_uri, with blob here");
  }
  if (type != "blob") return entry.Refuse("function_source_type", "must be blob");
  ReadScript(entry,
             {"response_function_name", "function_source_uri", "", "use_session", "proxy_on_error"},
             endpoint->mutable_virtual_endpoint());
}

// After authentication and limits; in Tyk before them.
void ReadClassicMock(const Fields& entry, v1::Endpoint* endpoint) {
  std::map<std::string, std::string> headers;
  const Fields given = entry.Object("headers");
  if (given.node() != nullptr) {
    for (const auto& [name, value] : given.node()->members) headers[name] = given.Text(name);
  }
  ReadMock(entry, headers, endpoint->mutable_virtual_endpoint());
}

struct List {
  absl::string_view member;
  absl::Span<const FieldRule> rules;
  void (*read)(const Fields& entry, v1::Endpoint* endpoint);
};
const List kLists[] = {
    {"url_rewrites", kRewrite, ReadRewrite},
    {"transform_headers", kHeaderChange,
     [](const Fields& entry, v1::Endpoint* endpoint) {
       *endpoint->mutable_request_headers() =
           ReadHeaderChange(entry, "add_headers", "delete_headers");
     }},
    {"transform_response_headers", kHeaderChange,
     [](const Fields& entry, v1::Endpoint* endpoint) {
       *endpoint->mutable_response_headers() =
           ReadHeaderChange(entry, "add_headers", "delete_headers");
     }},
    {"hard_timeouts", kTimeout, ReadTimeout},
    {"size_limits", kSize, ReadSize},
    {"method_transforms", kMethod, ReadMethod},
    {"virtual", kVirtual, ReadVirtual},
    {"mock_response", kMock, ReadClassicMock},
};

}  // namespace

std::string RewriteTemplateOf(const Fields& at, absl::string_view name, int trigger) {
  std::string out;
  const std::string text = at.Text(name);
  if (absl::StartsWith(text, "tyk://"))
    at.Refuse(name, "loops through other APIs (tyk://) do not exist here");
  for (absl::string_view rest = text; !rest.empty();) {
    std::string variable;
    if (absl::ConsumePrefix(&rest, "$tyk_context.headers_")) {
      const size_t length = VariableLength(rest);
      std::string header(rest.substr(0, length));
      for (char& c : header) c = c == '_' ? '-' : c;
      absl::StrAppend(&out, "{header:", header, "}");
      rest.remove_prefix(length);
    } else if (absl::ConsumePrefix(&rest, "$tyk_meta.")) {
      const size_t length = VariableLength(rest);
      absl::StrAppend(&out, "{meta:", rest.substr(0, length), "}");
      rest.remove_prefix(length);
    } else if (absl::ConsumePrefix(&rest, "$tyk_context.")) {
      const size_t length = VariableLength(rest);
      if (!TriggerVariable(rest.substr(0, length), trigger, &variable)) {
        at.Refuse(name, absl::StrCat("$tyk_context.", rest.substr(0, length),
                                     " does not exist here: headers_NAME and what this entry's own "
                                     "trigger found do"));
      }
      out += variable;
      rest.remove_prefix(length);
    } else if (absl::StartsWith(rest, "$secret_")) {
      at.Refuse(name, "secrets in a rewritten URL would stand in upstreams' logs");
      return out;
    } else {
      const char c = rest.front();
      const bool capture =
          c == '$' && rest.size() > 1 && absl::ascii_isdigit(static_cast<unsigned char>(rest[1]));
      out.push_back(c);
      if (c == '{' || c == '}' || (c == '$' && !capture)) out.push_back(c);
      rest.remove_prefix(1);
    }
  }
  return out;
}

v1::HeaderChange ReadHeaderChange(const Fields& at, absl::string_view add,
                                  absl::string_view remove) {
  v1::HeaderChange change;
  const Fields headers = at.Object(add);
  if (headers.node() != nullptr) {
    for (const auto& [name, value] : headers.node()->members) {
      const std::string text = headers.Text(name);
      if (absl::StrContains(text, "$tyk_") || absl::StrContains(text, "$secret_"))
        headers.Refuse(name, "variables in headers do not exist here");
      (*change.mutable_set())[name] = text;
    }
  }
  for (const std::string& name : at.Texts(remove)) change.add_remove(name);
  return change;
}

void ReadEndpointTimeout(const Fields& at, absl::string_view name, v1::Endpoint* endpoint) {
  const double seconds = at.Number(name);
  if (!(seconds > 0) || seconds > kMostSeconds)
    return at.Refuse(name, "must be seconds, above 0 and at most a day");
  endpoint->set_timeout_ms(static_cast<uint32_t>(seconds * 1000));
}

void ClassicEndpoints(const Fields& lists, bool any_case, v1::ApiVersion* version) {
  for (const List& list : kLists) {
    const std::vector<Node>& items = lists.List(list.member);
    for (size_t i = 0; i < items.size(); ++i) {
      const Fields entry(&items[i], ItemPath(lists.PathOf(list.member), i), lists.out());
      entry.Check({list.rules, true});
      if (entry.node() == nullptr || entry.Flag("disabled")) continue;
      v1::Endpoint* endpoint = version->add_endpoints();
      ReadEndpointRule(entry, any_case, endpoint->mutable_rule());
      list.read(entry, endpoint);
    }
  }
}

}  // namespace sallyport::authsvc::dialects
