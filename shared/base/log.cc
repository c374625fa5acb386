#include "shared/base/log.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "shared/base/clock.h"
#include "shared/base/text.h"
#include "spdlog/async.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace sallyport::base {
namespace {

constexpr size_t kQueueLines = 8192;

struct State {
  std::shared_ptr<spdlog::logger> owned;
  std::shared_ptr<spdlog::logger> audit;         // of the same sink, without a queue
  std::atomic<spdlog::logger*> logger{nullptr};  // null: not set up, or at its end
  std::atomic<int> users{0};                     // threads that may have found `logger`
  std::string service = "sallyport";
  std::atomic<Level> least{Level::kInfo};
};

State& GetState() {
  static auto* const state = new State;
  return *state;
}

absl::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kError: return "error";
  }
  return "error";
}

std::string Named(absl::string_view name, absl::string_view json_value) {
  return absl::StrCat(JsonQuote(name), ":", json_value);
}

std::string Line(Level level, absl::string_view event, std::initializer_list<LogField> fields) {
  std::string line = absl::StrCat(
      "{\"time\":\"",
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", SystemClock().Now(), absl::UTCTimeZone()),
      "\",\"level\":\"", LevelName(level), "\",\"service\":", JsonQuote(GetState().service),
      ",\"event\":", JsonQuote(event));
  for (const LogField& field : fields) absl::StrAppend(&line, ",", field.json());
  line.push_back('}');
  return line;
}

void Write(spdlog::logger* logger, std::string line) {
  if (logger == nullptr) {
    line.push_back('\n');
    fwrite(line.data(), 1, line.size(), stderr);
    return;
  }
  // As an argument, not a format: a brace in a value must not be read as one.
  logger->info("{}", line);
}

}  // namespace

LogField::LogField(absl::string_view name, absl::string_view value)
    : json_(Named(name, JsonQuote(value))) {}
LogField::LogField(absl::string_view name, int64_t value)
    : json_(Named(name, absl::StrCat(value))) {}
LogField::LogField(absl::string_view name, uint64_t value)
    : json_(Named(name, absl::StrCat(value))) {}
LogField::LogField(absl::string_view name, bool value)
    : json_(Named(name, value ? "true" : "false")) {}
LogField::LogField(absl::string_view name, double value)
    : json_(Named(name, absl::StrFormat("%.6g", value))) {}
LogField::LogField(absl::string_view name, const absl::Status& status)
    : json_(Named(name, JsonQuote(status.ToString()))) {}

void InitLog(absl::string_view service, Level least) {
  State& state = GetState();
  state.service = std::string(service);
  state.least.store(least, std::memory_order_relaxed);
  spdlog::init_thread_pool(kQueueLines, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  state.owned = std::make_shared<spdlog::async_logger>(
      "service", sink, spdlog::thread_pool(), spdlog::async_overflow_policy::overrun_oldest);
  state.audit = std::make_shared<spdlog::logger>("audit", sink);
  state.owned->set_pattern("%v");
  state.owned->set_level(spdlog::level::trace);
  state.logger.store(state.owned.get());
}

void SetLogLevel(Level least) { GetState().least.store(least, std::memory_order_relaxed); }

bool ParseLevel(absl::string_view text, Level* level) {
  for (Level candidate : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (text == LevelName(candidate)) {
      *level = candidate;
      return true;
    }
  }
  return false;
}

void FlushLog() {
  State& state = GetState();
  if (state.logger.exchange(nullptr) == nullptr) return;
  // None of them waits for anything.
  while (state.users.load() > 0) std::this_thread::yield();
  state.owned->flush();
  spdlog::shutdown();  // writes out what is queued
}

void Log(Level level, absl::string_view event, std::initializer_list<LogField> fields) {
  State& state = GetState();
  if (level < state.least.load(std::memory_order_relaxed)) return;
  std::string line = Line(level, event, fields);
  state.users.fetch_add(1);
  Write(state.logger.load(), std::move(line));
  state.users.fetch_sub(1);
}

void Audit(Level level, std::initializer_list<LogField> fields) {
  Write(GetState().audit.get(), Line(level, "audit", fields));
}

}  // namespace sallyport::base
