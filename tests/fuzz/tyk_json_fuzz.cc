// Documents of every dialect: no input may crash, hang or take much memory; what was converted must
// read back as JSON, and a certificate never with its private key.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "authsvc/dialects/conversion.h"
#include "authsvc/dialects/native.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_oas_versions.h"

namespace {

using namespace sallyport::authsvc::dialects;

void Demand(bool condition) {
  if (!condition) std::abort();
}

std::string Shown(const v1::Resource& resource) {
  if (resource.has_api()) return TykClassicJson(resource);
  if (resource.has_key()) return TykSessionJson(resource);
  if (resource.has_policy()) return TykPolicyJson(resource);
  return NativeJson(resource);
}

void Check(const Conversion& conversion) {
  for (const Problem& error : conversion.errors) Demand(!error.ToString().empty());
  if (!conversion.ok()) return;
  for (const Converted& converted : conversion.resources) {
    const std::string text = Shown(converted.resource);
    Demand(nlohmann::json::accept(text));
    Demand(!converted.resource.has_certificate() ||
           text.find("PRIVATE KEY-----") == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReadLimits limits;
  limits.max_bytes = 64 * 1024;
  limits.max_values = 20'000;
  const auto documents = ReadDocuments({reinterpret_cast<const char*>(data), size}, limits);
  if (!documents.ok()) return 0;
  ConvertOptions options;
  options.org_id = "org";
  options.now_unix = 1780272000;
  OasBases bases;
  for (const Node& document : *documents) {
    if (IsTykOas(document)) bases.Put(document);
  }
  options.oas_bases = &bases;
  for (const Node& document : *documents) {
    std::string why;
    static_cast<void>(RecogniseDialect(document, &why));
    for (const Dialect& dialect : Dialects()) Check(dialect.convert(document, options));
  }
  return 0;
}
