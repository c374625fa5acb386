#include "authsvc/dialects/apisix/differences.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/dialects/apisix/objects.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

// Of no consequence, though they are kept and not looked at.
bool OnlyDescribes(absl::string_view path) {
  static constexpr absl::string_view kPaths[] = {"create_time", "update_time", "labels", "desc",
                                                 "name"};
  return std::find(std::begin(kPaths), std::end(kPaths), path) != std::end(kPaths);
}

const Json* At(const Json& document, absl::string_view path) {
  const Json* at = &document;
  for (const absl::string_view part : absl::StrSplit(path, '.')) {
    at = Get(*at, part);
    if (at == nullptr) return nullptr;
  }
  return at;
}

void Ignored(absl::string_view where, absl::Span<const Field> fields, const Json& document,
             std::vector<std::string>* out) {
  for (const Field& field : fields) {
    if (field.use != Field::Use::kKept || field.note.empty() || OnlyDescribes(field.path)) continue;
    if (At(document, field.path) != nullptr)
      out->push_back(absl::StrCat(where, field.path, " is ignored: ", field.note));
  }
}

void Plugins(const Json& document, bool on_consumer, std::vector<std::string>* out) {
  const Json* const plugins = Get(document, "plugins");
  if (plugins == nullptr || !plugins->is_object()) return;
  for (const Plugin& plugin : apisix::Plugins()) {
    const Json* const conf =
        plugin.on_consumer == on_consumer ? Get(*plugins, plugin.name) : nullptr;
    if (conf != nullptr)
      Ignored(absl::StrCat("plugins.", plugin.name, "."), plugin.fields, *conf, out);
  }
}

// Each plugin finds a consumer; APISIX goes on with the last one's.
void OneConsumer(const Json& document, std::vector<std::string>* out) {
  const Json* const plugins = Get(document, "plugins");
  if (plugins == nullptr || Get(*plugins, "key-auth") == nullptr ||
      Get(*plugins, "jwt-auth") == nullptr) {
    return;
  }
  out->push_back(
      "plugins key-auth and jwt-auth: credentials of two consumers are refused, where key-auth's "
      "consumer counted");
}

void Verified(const Json& upstream, absl::string_view where, std::vector<std::string>* out) {
  const std::string scheme = Text(upstream, "scheme");
  if ((scheme != "https" && scheme != "grpcs") || At(upstream, "tls.verify") != nullptr) return;
  out->push_back(
      absl::StrCat(where, "tls.verify is left out: the upstream's certificate is verified"));
}

void OneLabel(const Json& document, std::vector<std::string>* out) {
  for (const char* const name : {"hosts", "host"}) {
    const Json* const value = Get(document, name);
    if (value == nullptr) continue;
    std::vector<std::string> texts;
    if (value->is_string()) texts.push_back(value->get<std::string>());
    if (value->is_array() && !Texts(document, name, &texts).ok()) continue;
    const bool wildcard = std::any_of(texts.begin(), texts.end(), [](const std::string& text) {
      return absl::StartsWith(text, "*");
    });
    if (wildcard)
      out->push_back(absl::StrCat(name, ": a wildcard stands for one label, not for any number"));
  }
}

}  // namespace

std::vector<std::string> Differences(const Collection& collection, const Json& document) {
  std::vector<std::string> out;
  Ignored("", collection.fields, document, &out);
  Plugins(document, collection.name == "consumers", &out);
  if (collection.name != "consumers") OneConsumer(document, &out);
  OneLabel(document, &out);
  if (collection.name == "upstreams") Verified(document, "", &out);
  if (const Json* const upstream = Get(document, "upstream"); upstream != nullptr)
    Verified(*upstream, "upstream.", &out);
  return out;
}

}  // namespace sallyport::authsvc::dialects::apisix
