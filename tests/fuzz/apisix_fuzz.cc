// Dumps of APISIX, and documents of its Admin API as `schema/validate` looks at them: no input may
// crash or hang, and no SSL object keeps a key in what would be stored.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "authsvc/ctl/apisix_dump.h"
#include "authsvc/ctl/apisix_keyring.h"
#include "authsvc/dialects/apisix/differences.h"
#include "authsvc/dialects/apisix/material.h"
#include "authsvc/dialects/reader.h"

namespace {

using namespace sallyport::authsvc;
namespace apisix = sallyport::authsvc::dialects::apisix;

void LookAt(const apisix::Collection& collection, const std::string& text) {
  if (!dialects::ReadJson(text).ok()) return;
  auto document = apisix::Json::parse(text, nullptr, false);
  if (!document.is_object() || !apisix::CheckFields(collection, document).ok()) return;
  static_cast<void>(apisix::Differences(collection, document));
  sallyport::v1::DialectObject object;
  dialects::Conversion out;
  const auto status = apisix::TakeMaterial(collection, "1", nullptr, 1780272000, {{"A", "b"}},
                                           &document, &object, &out);
  if (status.ok() && collection.name == "ssls" &&
      (document.contains("key") || document.contains("keys")))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 64 * 1024) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const apisix::Collection& collection : apisix::Collections()) LookAt(collection, text);
  const auto objects = ctl::ReadApisixDump(text, "/apisix");
  if (!objects.ok()) return 0;
  const ctl::ApisixKeyring keyring({});
  for (const ctl::DumpedObject& object : *objects) {
    std::string json = object.json;
    static_cast<void>(keyring.Open(object.name.substr(0, object.name.find('/')), &json));
  }
  return 0;
}
