// The file of `sallyctl export`: hostile bytes, and good files with edits, are read or refused;
// what is read is as much as was written.
#include <cstdlib>
#include <string>

#include "authsvc/ctl/export_file.h"
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

}  // namespace
}  // namespace sallyport::authsvc::ctl

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sallyport::authsvc::ctl::ReadExport;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)sallyport::authsvc::ctl::IsExport(text);
  (void)ReadExport(text, "");
  const auto read = ReadExport(sallyport::fuzz::Edited(sallyport::authsvc::ctl::Good(), text), "");
  if (read.ok() && read->size() != 1) std::abort();
  return 0;
}
