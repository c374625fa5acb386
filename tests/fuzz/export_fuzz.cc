// The file of `sallyctl export`: hostile bytes, and good files with edits, are read or refused;
// what is read is as much as was written.
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/ctl/export_file.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "tests/fuzz/edits.h"

namespace sallyport::authsvc::ctl {
namespace {

const std::string& Good() {
  static const std::string& good = *new std::string([] {
    auto writer = ExportWriter::Begin("\"store\":\"s\",\"revision\":1", "");
    v1::Resource resource;
    resource.set_id("k");
    resource.mutable_key()->set_id("k");
    if (!writer.ok() || !writer->Add(resource, {}).ok()) std::abort();
    auto file = std::move(*writer).Finish();
    if (!file.ok()) std::abort();
    return *std::move(file);
  }());
  return good;
}

// As somebody would state it who can count and hash: what is in the lines is looked at then.
std::string Restated(const std::string& edited) {
  std::string text =
      edited.substr(0, edited.rfind("{\"apiVersion\":\"sallyport/v1\",\"kind\":\"ExportEnd"));
  if (text.empty() || text.back() != '\n') text += '\n';
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  const std::string digest = base::Hex(crypto::Sha256(text));
  return absl::StrCat(text,
                      "{\"apiVersion\":\"sallyport/v1\",\"kind\":\"ExportEnd\",\"resources\":",
                      lines.empty() ? 0 : lines.size() - 1, ",\"sha256\":\"", digest, "\"}\n");
}

}  // namespace
}  // namespace sallyport::authsvc::ctl

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sallyport::authsvc::ctl::ReadExport;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)sallyport::authsvc::ctl::IsExport(text);
  (void)ReadExport(text, "");
  const std::string edited = sallyport::fuzz::Edited(sallyport::authsvc::ctl::Good(), text);
  const auto read = ReadExport(edited, "");
  if (read.ok() && read->size() != 1) std::abort();
  (void)ReadExport(sallyport::authsvc::ctl::Restated(edited), "");
  return 0;
}
