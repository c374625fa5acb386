// One script for one request: from a process of its own to an answer, or to why there is none. What
// the process says is taken for what it is: bytes of something that may be hostile. One loop's
// thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/loop/loop.h"
#include "dataplane/script/pool.h"
#include "dataplane/script/wire/message.h"

namespace sallyport::dataplane {

// What a script can have done outside.
class ScriptHost {
 public:
  // What it is run for; asked once, when a process is there for it.
  [[nodiscard]] virtual script::Run Question() = 0;
  // The requests that it waits for, before the deadline: a result for each.
  [[nodiscard]] virtual boost::asio::awaitable<script::Results> Make(script::Calls calls,
                                                                     Deadline deadline) = 0;
  // A line for the log; bounded in number and size.
  virtual void Log(absl::string_view line) = 0;
  // Nobody waits for its answer any more. Never waits; asked about once a second.
  [[nodiscard]] virtual bool Abandoned() const = 0;

 protected:
  ~ScriptHost() = default;
};

struct ScriptEnd {
  enum class Kind : uint8_t {
    kAnswered,
    kFailed,     // it threw, answered nonsense or killed its process
    kLimit,      // time, memory, or no process was free
    kAbandoned,  // by its host
  };
  Kind kind = Kind::kFailed;
  script::Answer answer;
  std::string detail;   // operators only: what was thrown may be anything
  uint32_t line = 0;    // of the source; 0: not known
  absl::Duration took;  // in the process, with what it waited for
};
[[nodiscard]] absl::string_view ScriptEndName(ScriptEnd::Kind kind);

// `timeout`: of the script with all that it waits for, from when a process takes it up. All that is
// referred to outlives the call.
[[nodiscard]] boost::asio::awaitable<ScriptEnd> RunScript(Loop& loop, ScriptPool& pool,
                                                          std::string api_id,
                                                          absl::Duration timeout, ScriptHost& host);

}  // namespace sallyport::dataplane
