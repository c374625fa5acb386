// What the data plane and a script's process say to each other, over one socket: frames of a
// length, a kind and fields. Only the standard library is used here, since the process that runs
// scripts links nothing else of ours. What comes from there is not trusted: every length is held
// against what is there, and nothing is allocated before that. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sallyport::script {

constexpr uint32_t kProtocol = 1;  // of both sides, which come from one build
constexpr size_t kFrameHeadBytes = 4;
constexpr size_t kMostFrameBytes = 8u << 20;

using Fields = std::vector<std::pair<std::string, std::string>>;

// Who calls. Nothing that could be shown elsewhere as a credential.
struct Session {
  bool told = false;  // false: the script is not to know
  std::string name;   // alias or id of the key, else a name of the certificate
  std::string org_id;
  std::string fingerprint, subject;  // of the caller's certificate; empty: none
  std::vector<std::string> policy_ids, tags;
  Fields metadata;
};

// To the script: one request to answer.
struct Run {
  uint32_t protocol = kProtocol;
  std::string file;  // what errors call the source
  std::string source, function;
  uint32_t memory_kib = 0;
  std::string api_id, org_id;
  std::string config_json;  // an object; empty: none
  std::string method, url, scheme, body;
  Fields fields, params;
  Session session;
};
// What came of its calls, in their order.
struct Result {
  bool answered = false;
  uint32_t code = 0;
  std::string body;
  Fields fields;
};
struct Results {
  std::vector<Result> results;
};
using ToScript = std::variant<Run, Results>;

// From the script: its answer, ...
struct Answer {
  uint32_t code = 0;
  std::string body;
  Fields fields;
  bool session_changed = false;  // it wants something kept of the caller, which nobody does
};
// ... why there is none, ...
struct Failure {
  enum class Kind : uint8_t {
    kScript,  // it threw, or answered nonsense; another one can be run here
    kMemory,  // it wanted more than it may have
    kBroken,  // the process itself is of no further use
  };
  Kind kind = Kind::kScript;
  std::string message;
  uint32_t line = 0;  // of the source; 0: not known
};
// ... a line for the log, which nobody answers, ...
struct LogLine {
  std::string text;
};
// ... or HTTP requests that it waits for.
struct Call {
  std::string method, url, body;
  Fields fields;
};
struct Calls {
  bool in_turn = false;  // one after the other
  std::vector<Call> calls;
};
using FromScript = std::variant<Answer, Failure, LogLine, Calls>;

// A whole frame. Nothing: it would be larger than a frame may be.
[[nodiscard]] std::optional<std::string> Encode(const ToScript& message);
[[nodiscard]] std::optional<std::string> Encode(const FromScript& message);

// From the first kFrameHeadBytes of a frame: how many bytes follow. Nothing: no frame begins so.
[[nodiscard]] std::optional<size_t> FrameRest(std::string_view head);
// Of those. Nothing: they are not as they must be.
[[nodiscard]] std::optional<ToScript> DecodeToScript(std::string_view rest);
[[nodiscard]] std::optional<FromScript> DecodeFromScript(std::string_view rest);

}  // namespace sallyport::script
