// Dumps of APISIX, and documents of its Admin API as `schema/validate` looks at them: no input may
// crash or hang, and no object keeps a private key in what would be stored. Most inputs are edits
// of a good document or dump.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/apisix/change.h"
#include "authsvc/ctl/apisix_dump.h"
#include "authsvc/dialects/apisix/differences.h"
#include "authsvc/dialects/apisix/keyring.h"
#include "authsvc/dialects/apisix/material.h"
#include "authsvc/dialects/reader.h"
#include "tests/fakes/test_ca.h"
#include "tests/fuzz/edits.h"

namespace {

using namespace sallyport::authsvc;
namespace dialect = sallyport::authsvc::dialects::apisix;
using dialect::Json;

constexpr int64_t kNow = 1780272000;

std::vector<Json> GoodDocuments() {
  const auto root = sallyport::testing::CertBuilder("CN=R").Ca().SelfSign();
  const auto leaf = sallyport::testing::CertBuilder("CN=x").Dns("a.test").SignBy(root);
  const Json client = {{"ca", root.Pem()}, {"depth", 1}, {"skip_mtls_uri_regex", {"/free$"}}};
  const Json upstream = {{"scheme", "https"},
                         {"nodes", {{"127.0.0.1:9", 1}}},
                         {"checks", {{"active", {{"http_path", "/"}}}}},
                         {"tls", {{"client_cert", leaf.Pem()}, {"client_key", leaf.KeyPem()}}}};
  const std::string secret(40, 's');
  return {
      {{"cert", leaf.Pem()}, {"key", leaf.KeyPem()}, {"snis", {"a.test"}}, {"client", client}},
      {{"uri", "/a/*"},
       {"client", client},
       {"vars", {{"arg_x", "==", "1"}}},
       {"plugins", {{"key-auth", {{"header", "x"}}}, {"jwt-auth", Json::object()}}},
       {"upstream", upstream}},
      upstream,
      {{"username", "jack"},
       {"plugins",
        {{"key-auth", {{"key", "$env://A"}}},
         {"jwt-auth", {{"key", "k"}, {"secret", secret}, {"private_key", leaf.KeyPem()}}}}}},
  };
}

// Each document, and dumps that hold all of them: in lines, as answers, as JSON of etcdctl.
std::vector<std::string> GoodTexts() {
  std::vector<std::string> texts;
  std::string lines, answers;
  Json pairs = Json::array();
  for (const Json& document : GoodDocuments()) {
    const std::string key = absl::StrCat("/apisix/routes/", texts.size());
    texts.push_back(document.dump());
    absl::StrAppend(&lines, key, "\n", texts.back(), "\n");
    const Json item = {{"key", key}, {"value", document}};
    absl::StrAppend(&answers, Json{{"list", Json::array({item})}, {"total", 1}}.dump(), "\n");
    pairs.push_back(
        {{"key", absl::Base64Escape(key)}, {"value", absl::Base64Escape(texts.back())}});
  }
  texts.insert(texts.end(), {lines, answers, Json{{"kvs", pairs}}.dump()});
  return texts;
}

void LookAt(const dialect::Collection& collection, const std::string& text) {
  if (!dialects::ReadJson(text).ok()) return;
  auto document = Json::parse(text, nullptr, false);
  apisix::Surroundings surroundings;
  surroundings.environment["A"] = "a secret of its own";
  if (!document.is_object() ||
      !apisix::CheckDocument(collection, document, kNow, surroundings).ok())
    return;
  static_cast<void>(dialect::Differences(collection, document));
  static_cast<void>(surroundings.keyring.OpenPrivateKeys(collection.name, &document));
  sallyport::v1::DialectObject object;
  dialects::Conversion out;
  const auto status = dialect::TakeMaterial(collection, "1", nullptr, kNow,
                                            surroundings.environment, &document, &object, &out);
  if (!status.ok() || absl::StrContains(document.dump(), "PRIVATE KEY-----")) std::abort();
}

std::string TextOf(const uint8_t* data, size_t size) {
  static const auto* const good = new std::vector<std::string>(GoodTexts());
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t chosen = data[0] % (good->size() + 1);
  return chosen == good->size() ? rest : sallyport::fuzz::Edited(good->at(chosen), rest);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 64 * 1024) return 0;
  const std::string text = TextOf(data, size);
  for (const dialect::Collection& collection : dialect::Collections()) LookAt(collection, text);
  const auto objects = ctl::ReadApisixDump(text, "/apisix");
  if (!objects.ok()) return 0;
  const dialect::Keyring keyring;
  for (const ctl::DumpedObject& object : *objects) {
    Json json = Json::parse(object.json, nullptr, false);
    const std::string collection = object.name.substr(0, object.name.find('/'));
    for (const std::string& path : keyring.OpenPrivateKeys(collection, &json))
      static_cast<void>(dialect::LooksSealed(dialect::TextAt(json, path)));
    static_cast<void>(keyring.OpenSecrets(collection, &json));
  }
  return 0;
}
