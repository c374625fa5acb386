#include "authsvc/ctl/kube_hash.h"

#include "absl/strings/str_replace.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc::ctl {
namespace {

// What Go escapes in JSON beside what everybody does, or otherwise. One pass: what an escaped
// backslash stands before is no escape.
std::string AsGoEscapes(absl::string_view json) {
  return absl::StrReplaceAll(json, {{"\\\\", "\\\\"},
                                    {"<", "\\u003c"},
                                    {">", "\\u003e"},
                                    {"&", "\\u0026"},
                                    {"\u2028", "\\u2028"},
                                    {"\u2029", "\\u2029"},
                                    {"\\b", "\\u0008"},
                                    {"\\f", "\\u000c"}});
}

}  // namespace

std::string KubeHash(const nlohmann::ordered_json& object) {
  // Sorted by name, as Go writes maps.
  nlohmann::json counted = {{"kind", object.at("kind")},
                            {"name", object.at("metadata").at("name")},
                            {"data", object.at("data")}};
  for (const char* const name : {"binaryData", "type"}) {
    if (object.contains(name)) counted[name] = object.at(name);
  }
  const std::string text = AsGoEscapes(counted.dump());
  std::string hash = base::Hex(crypto::Sha256(text)).substr(0, 10);
  for (char& c : hash) {  // no vowels, and nothing that looks like one
    constexpr char kFrom[] = "013ae", kTo[] = "ghkmt";
    if (const char* const found = std::char_traits<char>::find(kFrom, 5, c)) c = kTo[found - kFrom];
  }
  return hash;
}

}  // namespace sallyport::authsvc::ctl
