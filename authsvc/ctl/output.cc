#include "authsvc/ctl/output.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "shared/base/text.h"

namespace sallyport::authsvc::ctl {
namespace {

using Json = nlohmann::ordered_json;

void Emit(const Json& value, YAML::Emitter* out) {
  if (value.is_object()) {
    *out << YAML::BeginMap;
    for (const auto& [name, member] : value.items()) {
      *out << YAML::Key << name << YAML::Value;
      Emit(member, out);
    }
    *out << YAML::EndMap;
  } else if (value.is_array()) {
    *out << YAML::BeginSeq;
    for (const Json& item : value) Emit(item, out);
    *out << YAML::EndSeq;
  } else if (value.is_string()) {
    // Quoted where plain text would be read as something else.
    const std::string text = value.get<std::string>();
    bool plain = !text.empty();
    if (plain)
      plain = Json::parse(text, nullptr, false).is_discarded() && text != "null" && text != "~" &&
              text != "yes" && text != "no" && text != "on" && text != "off";
    if (!plain) *out << YAML::DoubleQuoted;
    *out << text;
  } else if (value.is_null()) {
    *out << YAML::Null;
  } else if (value.is_boolean()) {
    *out << value.get<bool>();
  } else {
    *out << value.dump();
  }
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string printable(text);
  for (char& c : printable) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = '?';
  }
  return printable;
}

void PrintTable(std::ostream& out, const std::vector<std::string>& head,
                const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const std::string& cell : head) widths.push_back(cell.size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (size_t i = 0; i < row.size(); ++i) {
      text += Printable(row[i]);
      if (i + 1 < row.size()) text.append(widths[i] - row[i].size() + 2, ' ');
    }
    out << std::string(absl::StripTrailingAsciiWhitespace(text)) << '\n';
  };
  line(head);
  for (const auto& row : rows) line(row);
}

void PrintJson(std::ostream& out, absl::string_view json) {
  const Json value = Json::parse(json.begin(), json.end(), nullptr, false);
  out << (value.is_discarded() ? std::string(json) : value.dump(2)) << '\n';
}

void PrintYaml(std::ostream& out, absl::string_view json) {
  const Json value = Json::parse(json.begin(), json.end(), nullptr, false);
  if (value.is_discarded()) {
    out << std::string(json) << '\n';
    return;
  }
  YAML::Emitter emitter;
  Emit(value, &emitter);
  out << emitter.c_str() << '\n';
}

std::string Date(int64_t unix_seconds) {
  if (unix_seconds == 0) return "-";
  return absl::FormatTime("%Y-%m-%d", absl::FromUnixSeconds(unix_seconds), absl::UTCTimeZone());
}

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk: return kDone;
    case absl::StatusCode::kNotFound: return kMissing;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded: return kUnreachable;
    default: return kRefused;
  }
}

}  // namespace sallyport::authsvc::ctl
