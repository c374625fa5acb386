// Stands for a process of scripts that somebody has taken over: says what the function that it is
// asked for is called after. No sandbox, no engine.
#include <unistd.h>

#include <csignal>
#include <string>

#include "dataplane/script/wire/message.h"

namespace script = sallyport::script;

namespace {

void Write(const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t count = write(0, bytes.data() + at, bytes.size() - at);
    if (count <= 0) _exit(0);
    at += static_cast<size_t>(count);
  }
}

void Say(const script::FromScript& message) { Write(script::Encode(message).value_or("")); }

std::string Read(size_t size) {
  std::string bytes(size, '\0');
  for (size_t at = 0; at < size;) {
    const ssize_t count = read(0, bytes.data() + at, size - at);
    if (count <= 0) _exit(0);
    at += static_cast<size_t>(count);
  }
  return bytes;
}

std::string AskedFor() {
  const std::string head = Read(script::kFrameHeadBytes);
  const auto message = script::DecodeToScript(Read(*script::FrameRest(head)));
  return std::get<script::Run>(*message).function;
}

void Misbehave(const std::string& how) {
  if (how == "ends") _exit(0);
  if (how == "is_killed") raise(SIGKILL);
  if (how == "nonsense") Write("GET / HTTP/1.1\r\n\r\n");
  if (how == "empty") Write(std::string(4, '\0'));
  if (how == "unknown") Write(std::string("\0\0\0\1\x7f", 5));
  if (how == "half") Write(std::string("\0\x10\0\0\0", 5));
  if (how == "talks") {
    for (;;) Say(script::LogLine{"again"});
  }
  if (how == "asks") {
    for (;;) Say(script::Calls());
  }
  if (how == "status") Say(script::Answer{101, "", {}, false});
  if (how == "large_status") Say(script::Answer{0xFFFFFFFF, "", {}, false});
  if (how == "fields") {
    script::Answer answer{200, "", {}, false};
    answer.fields.resize(300, {"A", "b"});
    Say(answer);
  }
  if (how == "field_bytes") Say(script::Answer{200, "", {{"A", std::string(100'000, 'b')}}, false});
  if (how == "long_failure")
    Say(script::Failure{script::Failure::Kind::kScript, std::string(1'000'000, 'x'), 0xFFFFFFFF});
}

}  // namespace

int main() {
  for (;;) Misbehave(AskedFor());
}
