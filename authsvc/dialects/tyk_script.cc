#include "authsvc/dialects/tyk_script.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/utf8.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kNoFile =
    "names a file of the gateway's machine, which is not read: put the script itself there, in "
    "Base64";

bool NamesSecret(const Node& data) {
  for (const Node& item : data.items) {
    if (NamesSecret(item)) return true;
  }
  for (const auto& [name, value] : data.members) {
    const std::string lower = absl::AsciiStrToLower(name);
    const bool secret = absl::StrContains(lower, "secret") || absl::StrContains(lower, "password");
    if ((secret && !value.text.empty()) || NamesSecret(value)) return true;
  }
  return false;
}

}  // namespace

void ReadScript(const Fields& entry, const ScriptNames& names, v1::VirtualEndpoint* endpoint) {
  endpoint->set_function(entry.Text(names.function));
  if (endpoint->function().empty()) entry.Refuse(names.function, "is missing");
  endpoint->set_use_session(entry.Flag(names.session));
  endpoint->set_proxy_on_error(entry.Flag(names.proxy_on_error));
  std::string source;
  const std::string blob = entry.Text(names.source);
  if (blob.empty()) {
    const bool file = !names.file.empty() && !entry.Text(names.file).empty();
    entry.Refuse(file ? names.file : names.source,
                 file ? absl::StrCat(kNoFile, ", as ", names.source) : "is missing");
  } else if (!absl::Base64Unescape(blob, &source)) {
    entry.Refuse(names.source, "is not Base64");
  } else if (!base::IsUtf8(source)) {
    entry.Refuse(names.source, "is not UTF-8 once it is decoded");
  } else {
    endpoint->set_source(source);
  }
}

void ReadMock(const Fields& mock, const std::map<std::string, std::string>& headers,
              v1::VirtualEndpoint* endpoint) {
  const int64_t code = mock.Integer("code");
  if (code < 200 || code > 599) mock.Refuse("code", "must be between 200 and 599");
  const nlohmann::json answer = {{"Code", code}, {"Body", mock.Text("body")}, {"Headers", headers}};
  endpoint->set_function("mockResponse");
  // Everything beyond ASCII is escaped: a literal of JSON is one of the script's language, too.
  const std::string text = answer.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  endpoint->set_source(
      absl::StrCat("function mockResponse() { return TykJsResponse(", text, ", {}); }"));
}

void ReadScriptConfig(const Fields& at, absl::string_view name, v1::Api* api) {
  const Node* const data = at.Get(name);
  if (data == nullptr) return;
  if (!data->IsObject()) return at.Refuse(name, "must be an object");
  if (NamesSecret(*data)) {
    at.Warn(name,
            "has what looks like a secret: it is not sealed, and whoever may read the API sees it");
  }
  if (!data->members.empty()) api->set_script_config_json(ToJson(*data));
}

}  // namespace sallyport::authsvc::dialects
