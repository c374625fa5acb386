// What a script's process says may be anything: it must not crash the data plane, nor make it
// allocate more than came, and what is taken must be what would be written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dataplane/script/wire/message.h"
#include "dataplane/script/wire/text.h"

namespace script = sallyport::script;

template <typename Message>
void Check(const std::optional<Message>& message, const std::string& rest) {
  if (!message.has_value()) return;
  const auto frame = script::Encode(*message);
  if (!frame.has_value() || frame->substr(script::kFrameHeadBytes) != rest) abort();
  if (script::FrameRest(*frame) != rest.size()) abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string rest(reinterpret_cast<const char*>(data), size);
  Check(script::DecodeFromScript(rest), rest);
  Check(script::DecodeToScript(rest), rest);
  (void)script::FrameRest(rest);
  const std::string engine = script::ToEngine(rest);
  const std::string utf8 = script::FromEngine(engine);
  if (script::FromEngine(script::ToEngine(utf8)) != utf8) abort();
  if (script::ToEngine(utf8) != engine) abort();
  (void)script::FromEngine(rest);
  return 0;
}
