#include "dataplane/script/run.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/loop/stream.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

constexpr int kMostLogLines = 64;
constexpr size_t kMostLogLine = 1024;
// Of one script: one that never stops talking must not keep the loop to itself.
constexpr int kMostMessages = 256;
constexpr size_t kMostDetail = 512;
constexpr absl::Duration kLookAtHost = absl::Seconds(1);
constexpr size_t kMostAnswerFields = 256;
constexpr size_t kMostAnswerFieldBytes = 64 * 1024;

constexpr char kEnded[] = "the script's process ended, or says what is not understood";

// What our own program would never say is said by one that is not ours any more.
bool IsGood(const script::Answer& answer) {
  size_t bytes = 0;
  for (const auto& [name, value] : answer.fields) bytes += name.size() + value.size();
  return answer.code >= 200 && answer.code <= 599 && answer.fields.size() <= kMostAnswerFields &&
         bytes <= kMostAnswerFieldBytes;
}

// The talk with one process.
class Conversation {
 public:
  Conversation(Loop& loop, ScriptHelper& helper, ScriptHost& host, Deadline deadline)
      : helper_(helper), host_(host), deadline_(deadline), stream_(loop, helper.TakeSocket()) {}
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // True: the process waits for the next request.
  [[nodiscard]] boost::asio::awaitable<bool> Run(ScriptEnd* end);
  void GiveSocketBack() { helper_.GiveSocket(stream_.readiness().Release()); }

 private:
  enum class Step : uint8_t { kGoOn, kKeep, kEnd };
  [[nodiscard]] boost::asio::awaitable<bool> Send(script::ToScript message, ScriptEnd* end);
  [[nodiscard]] boost::asio::awaitable<bool> ReadExactly(size_t size);
  [[nodiscard]] boost::asio::awaitable<std::optional<script::FromScript>> Receive();
  [[nodiscard]] boost::asio::awaitable<Step> Attend(script::FromScript message, ScriptEnd* end);
  // True: the end says so.
  [[nodiscard]] bool TimeIsUp(ScriptEnd* end) const;
  [[nodiscard]] bool IsAbandoned(ScriptEnd* end) const;
  static Step Take(script::Failure failure, ScriptEnd* end);

  ScriptHelper& helper_;
  ScriptHost& host_;
  const Deadline deadline_;
  PlainStream stream_;
  std::string bytes_;
  int log_lines_ = 0;
  bool timed_out_ = false;
};

boost::asio::awaitable<bool> Conversation::Send(script::ToScript message, ScriptEnd* end) {
  const std::optional<std::string> frame = script::Encode(message);
  if (!frame.has_value()) {
    end->detail = "more than a script can be told";
    co_return false;
  }
  const IoResult written = co_await WriteAll(stream_, *frame, deadline_);
  timed_out_ = written.kind == IoResult::Kind::kTimeout;
  if (!written.ok() && !TimeIsUp(end)) end->detail = kEnded;
  co_return written.ok();
}

boost::asio::awaitable<bool> Conversation::ReadExactly(size_t size) {
  bytes_.resize(size);
  for (size_t at = 0; at < size;) {
    const Deadline look = deadline_.Earlier(stream_.loop().After(kLookAtHost));
    const IoResult read =
        co_await Read(stream_, absl::MakeSpan(bytes_.data() + at, size - at), look);
    const bool late = read.kind == IoResult::Kind::kTimeout;
    timed_out_ = late && stream_.loop().Passed(deadline_);
    if (late && !timed_out_ && !host_.Abandoned()) continue;
    if (!read.ok()) co_return false;
    at += read.bytes;
  }
  co_return true;
}

boost::asio::awaitable<std::optional<script::FromScript>> Conversation::Receive() {
  if (!co_await ReadExactly(script::kFrameHeadBytes)) co_return std::nullopt;
  const std::optional<size_t> rest = script::FrameRest(bytes_);
  if (!rest.has_value() || !co_await ReadExactly(*rest)) co_return std::nullopt;
  co_return script::DecodeFromScript(bytes_);
}

bool Conversation::TimeIsUp(ScriptEnd* end) const {
  if (!timed_out_ && !stream_.loop().Passed(deadline_)) return false;
  end->kind = ScriptEnd::Kind::kLimit;
  end->detail = "time";
  return true;
}

bool Conversation::IsAbandoned(ScriptEnd* end) const {
  if (!host_.Abandoned()) return false;
  end->kind = ScriptEnd::Kind::kAbandoned;
  return true;
}

Conversation::Step Conversation::Take(script::Failure failure, ScriptEnd* end) {
  using Kind = script::Failure::Kind;
  const bool memory = failure.kind == Kind::kMemory;
  end->kind = memory ? ScriptEnd::Kind::kLimit : ScriptEnd::Kind::kFailed;
  end->detail = memory ? absl::StrCat("memory: ", failure.message) : std::move(failure.message);
  if (end->detail.size() > kMostDetail) end->detail.resize(kMostDetail);
  end->line = failure.line;
  return failure.kind == Kind::kScript ? Step::kKeep : Step::kEnd;
}

boost::asio::awaitable<Conversation::Step> Conversation::Attend(script::FromScript message,
                                                                ScriptEnd* end) {
  if (auto* const answer = std::get_if<script::Answer>(&message)) {
    if (!IsGood(*answer)) {
      end->detail = "an answer that cannot be sent";
      co_return Step::kEnd;
    }
    end->kind = ScriptEnd::Kind::kAnswered;
    end->answer = std::move(*answer);
    co_return Step::kKeep;
  }
  if (auto* const failure = std::get_if<script::Failure>(&message))
    co_return Take(std::move(*failure), end);
  if (auto* const line = std::get_if<script::LogLine>(&message)) {
    if (log_lines_++ < kMostLogLines) host_.Log(base::ToAbsl(line->text).substr(0, kMostLogLine));
    co_return Step::kGoOn;
  }
  if (IsAbandoned(end)) co_return Step::kEnd;
  script::Results results =
      co_await host_.Make(std::get<script::Calls>(std::move(message)), deadline_);
  if (IsAbandoned(end)) co_return Step::kEnd;
  co_return co_await Send(std::move(results), end) ? Step::kGoOn : Step::kEnd;
}

boost::asio::awaitable<bool> Conversation::Run(ScriptEnd* end) {
  script::ToScript question = host_.Question();
  if (!co_await Send(std::move(question), end)) co_return false;
  for (int messages = 0;; ++messages) {
    std::optional<script::FromScript> message = co_await Receive();
    stream_.loop().RefreshNow();
    if (TimeIsUp(end)) co_return false;
    if (!message.has_value() && IsAbandoned(end)) co_return false;
    if (!message.has_value() || messages >= kMostMessages) {
      end->detail = message.has_value() ? "more messages than a script may send" : kEnded;
      co_return false;
    }
    const Step step = co_await Attend(*std::move(message), end);
    if (step != Step::kGoOn) co_return step == Step::kKeep;
  }
}

}  // namespace

absl::string_view ScriptEndName(ScriptEnd::Kind kind) {
  switch (kind) {
    case ScriptEnd::Kind::kAnswered: return "answered";
    case ScriptEnd::Kind::kFailed: return "failed";
    case ScriptEnd::Kind::kLimit: return "limit";
    case ScriptEnd::Kind::kAbandoned: return "abandoned";
  }
  return "failed";
}

boost::asio::awaitable<ScriptEnd> RunScript(Loop& loop, ScriptPool& pool, std::string api_id,
                                            absl::Duration timeout, ScriptHost& host) {
  ScriptEnd end;
  absl::StatusOr<ScriptPool::Lease> lease =
      co_await pool.Acquire(loop, std::move(api_id), loop.After(timeout));
  loop.RefreshNow();
  if (!lease.ok()) {
    const bool busy = absl::IsResourceExhausted(lease.status());
    end.kind = busy ? ScriptEnd::Kind::kLimit : ScriptEnd::Kind::kFailed;
    end.detail = std::string(lease.status().message());
    co_return end;
  }
  if (host.Abandoned()) {
    lease->Keep(absl::ZeroDuration());
    end.kind = ScriptEnd::Kind::kAbandoned;
    co_return end;
  }
  const absl::Duration began = loop.clock().Monotonic();
  bool keep = false;
  {
    Conversation conversation(loop, lease->helper(), host, loop.After(timeout));
    keep = co_await conversation.Run(&end);
    if (keep) conversation.GiveSocketBack();
  }
  end.took = loop.clock().Monotonic() - began;
  if (keep) lease->Keep(end.took);
  co_return end;
}

}  // namespace sallyport::dataplane
