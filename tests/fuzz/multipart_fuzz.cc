// Forms of the admin listener: no input may crash; what was found was there.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "authsvc/admin/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  const absl::string_view type = text.substr(0, line);
  const absl::string_view body = line == text.npos ? "" : text.substr(line + 1);
  for (const absl::string_view one : {type, absl::string_view("multipart/form-data; boundary=b")}) {
    const auto parts = sallyport::authsvc::admin::ParseMultipart(one, body);
    if (!parts.ok()) continue;
    for (const auto& part : *parts) {
      if (part.name.empty() || part.content.size() > body.size()) std::abort();
    }
  }
  return 0;
}
