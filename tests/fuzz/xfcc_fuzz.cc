// XFCC from anyone must not crash the parser, and what the builder makes must come back as it went
// in.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "shared/header/xfcc.h"

namespace {

using sallyport::header::BuildXfcc;
using sallyport::header::CheckXfcc;
using sallyport::header::ParseRightmostXfcc;
using sallyport::header::XfccFacts;

// Bytes outside printable ASCII are percent-encoded on the way out: compare only texts without
// them.
bool Printable(const std::string& text) {
  for (char c : text) {
    if (c < 0x20 || c >= 0x7f) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)ParseRightmostXfcc(text);
  // An element behind what was found clear is read as it was written.
  if (CheckXfcc(text).ok() && text.size() < 60'000) {
    const auto ours = ParseRightmostXfcc(text + ",Hash=00ff;Subject=\"a,b\"");
    if (!ours.ok() || ours->hash != "00ff" || ours->subject != "a,b" || !ours->uri.empty()) abort();
  }
  const std::vector<std::string> sans = {text.substr(0, size / 2)};
  const std::string subject = text.substr(size / 2);
  XfccFacts facts;
  facts.hash = "00ff";
  facts.subject = subject;
  facts.uri_sans = sans;
  facts.dns_sans = sans;
  const std::string built = BuildXfcc(facts);
  if (built.size() > 60'000) return 0;
  const auto parsed = ParseRightmostXfcc(built);
  if (!CheckXfcc(built).ok()) abort();
  if (!parsed.ok() || parsed->hash != "00ff" || parsed->uri.size() != 1 || parsed->dns.size() != 1)
    abort();
  if (Printable(subject) && parsed->subject != subject) abort();
  if (Printable(sans[0]) && parsed->uri[0] != sans[0]) abort();
  return 0;
}
