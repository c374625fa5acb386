// The service log: one JSON object a line on standard error, written by a thread of its own; when
// its queue is full the oldest lines are dropped, a caller never waits (except for Audit).
// Thread-safe after InitLog.
//
//   base::Log(base::Level::kWarning, "store.slow", {{"took_ms", 12}, {"path", path}});
//
// Never pass a secret, a token or a private key as a value.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sallyport::base {

enum class Level : uint8_t { kDebug, kInfo, kWarning, kError };

class LogField {
 public:
  LogField(absl::string_view name, absl::string_view value);  // NOLINT(google-explicit-constructor)
  LogField(absl::string_view name, const char* value) : LogField(name, absl::string_view(value)) {}
  LogField(absl::string_view name, const std::string& value)
      : LogField(name, absl::string_view(value)) {}
  LogField(absl::string_view name, int64_t value);
  LogField(absl::string_view name, int value) : LogField(name, static_cast<int64_t>(value)) {}
  LogField(absl::string_view name, unsigned value) : LogField(name, static_cast<int64_t>(value)) {}
  LogField(absl::string_view name, uint64_t value);
  LogField(absl::string_view name, bool value);
  LogField(absl::string_view name, double value);
  LogField(absl::string_view name, const absl::Status& status);

  [[nodiscard]] const std::string& json() const { return json_; }  // "name":value

 private:
  std::string json_;
};

// Call once at the start of main; `service` is in every line. Until then lines go to standard error
// as they come.
void InitLog(absl::string_view service, Level least);
void SetLogLevel(Level least);
[[nodiscard]] bool ParseLevel(absl::string_view text, Level* level);  // debug|info|warning|error
// Writes out what is queued; call before exit. What other threads say from then on goes to standard
// error as it comes.
void FlushLog();

// An audit line (event "audit"): never dropped and of every level, so it is written before this
// returns, by the calling thread, past the queue; it waits while standard error takes nothing. Not
// for event loops.
void Audit(Level level, std::initializer_list<LogField> fields);

// `event` is a dotted constant name; the fields say the rest.
void Log(Level level, absl::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace sallyport::base
