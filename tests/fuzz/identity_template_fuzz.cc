// Templates and facts of anyone: what is rendered is a legal field value, and a fact never makes a
// part of its own.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "shared/header/identity_template.h"
#include "shared/header/names.h"

using sallyport::header::CallerFacts;
using sallyport::header::IdentityTemplate;

namespace {

void CheckValue(const std::string& value) {
  if (!sallyport::header::IsFieldValue(value)) abort();
  for (const char c : value) {
    if (c < 0x20 || c >= 0x7f) abort();
  }
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t half = size / 2;
  const std::vector<std::string> list = {text.substr(0, half), text.substr(half)};
  CallerFacts facts;
  facts.identity = text;
  facts.subject = list[0];
  facts.key_id = list[1];
  facts.key_tags = list;
  if (const auto any = IdentityTemplate::Parse(list[0]); any.ok()) CheckValue(any->Render(facts));
  static const auto* const kAlone = new IdentityTemplate(*IdentityTemplate::Parse("{identity}"));
  CheckValue(kAlone->Render(facts));
  static const auto* const kParts = new IdentityTemplate(
      *IdentityTemplate::Parse("sub={cert.subject}; id={key.id}; tags={key.tags}"));
  const std::string parts = kParts->Render(facts);
  CheckValue(parts);
  if (parts.empty()) return 0;
  if (Count(parts, "; ") != 2 || Count(parts, "=") != 3 || Count(parts, ",") != 1) abort();
  return 0;
}
