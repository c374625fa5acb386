#include "dataplane/exchange/http2_connection.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/exchange/exchange.h"
#include "dataplane/exchange/http2_request.h"
#include "dataplane/exchange/linger.h"
#include "dataplane/http2/error_name.h"
#include "dataplane/http2/session.h"
#include "dataplane/loop/signal.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {
namespace {

using boost::asio::awaitable;

constexpr size_t kPumpBytes = 64 * 1024;
// A connection without requests gives back what it held for them.
constexpr absl::Duration kIdleSoon = absl::Seconds(1);
constexpr size_t kSpareSlots = 8;
constexpr absl::Duration kMostSweep = absl::Seconds(5);
constexpr absl::Duration kLeastSweep = absl::Milliseconds(50);
constexpr absl::Duration kLastWords = absl::Seconds(2);
constexpr absl::Duration kLogEvery = absl::Seconds(1);

// A place for a request; used for one after the other.
struct Slot final : Http2Stream {
  Slot(Client& client, Http2Session& session)
      : Http2Stream(client.services.loop),
        request(*this, session, client.services.loop, client.services.settings.write_idle),
        exchange(client, request),
        next(client.services.loop) {}

  Http2Request request;
  Exchange exchange;
  Signal next;             // a request is here, or the end
  bool taken = false;      // until its request is over on both sides
  bool serving = false;    // its exchange runs, or is about to
  bool requested = false;  // it is about to
  bool running = false;    // its coroutine does
  bool ending = false;
};

// Shared by its coroutines: when a loop is thrown away, the last of them takes it along.
class Http2Connection final : public Http2Events,
                              public Multiplexed,
                              public std::enable_shared_from_this<Http2Connection> {
 public:
  explicit Http2Connection(Client& client)
      : client_(client),
        services_(client.services),
        loop_(services_.loop),
        work_(loop_),
        over_(loop_) {}
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;

  [[nodiscard]] bool Start();
  [[nodiscard]] awaitable<void> Read();
  [[nodiscard]] awaitable<void> End();

 private:
  Http2Stream* OnBegin() override;
  void OnRequest(Http2Stream* stream) override;
  void OnClosed(Http2Stream* stream) override { FreeIfOver(static_cast<Slot*>(stream)); }
  void OnWork() override { work_.Set(); }
  void OnReset(bool by_client, uint32_t code) override;
  void OnLastRequest() override { session_->WindUp(/*at_once=*/!services_.draining); }

  [[nodiscard]] IoResult TryFeed();
  [[nodiscard]] Deadline ReadDeadline() const;
  [[nodiscard]] absl::Duration SweepInterval() const;
  [[nodiscard]] bool TimeIsUp();
  static awaitable<void> Write(std::shared_ptr<Http2Connection> self);
  [[nodiscard]] awaitable<bool> WriteAllThereIs();
  static awaitable<void> Run(std::shared_ptr<Http2Connection> self, Slot* slot);
  [[nodiscard]] awaitable<void> ServeOne(Slot* slot);
  void FreeIfOver(Slot* slot);
  void EndFreeSlots();
  void Remove(Slot* slot);
  void Ended();
  void SayGoodbye();
  void ReportFailure();

  Client& client_;
  LoopServices& services_;
  Loop& loop_;
  std::unique_ptr<Http2Session> session_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::string out_;
  Signal work_;          // for the writer
  Signal over_;          // for the end: a coroutine ended, or a request
  Deadline idle_until_;  // while no request is in flight
  Deadline idle_soon_;
  Deadline next_sweep_;  // while one is
  size_t taken_ = 0;
  size_t running_ = 0;  // coroutines beside the reader
  uint32_t requests_ = 0;
  FairShare read_share_;
  bool pause_ = false;      // the reader has had its share
  bool writing_ = false;    // the writer is there
  bool mid_write_ = false;  // and may have written half a frame
  bool fed_up_ = false;     // the session takes no more
  bool ending_ = false;
};

bool Http2Connection::Start() {
  session_ = Http2Session::Create(services_.settings.http2, loop_, *this);
  if (session_ == nullptr) return false;
  client_.registered.multiplexed = this;
  idle_until_ = loop_.After(services_.settings.head_time);
  writing_ = true;
  ++running_;
  boost::asio::co_spawn(loop_.context(), Write(shared_from_this()), boost::asio::detached);
  if (client_.registered.last_request) OnLastRequest();
  work_.Set();  // our settings
  return true;
}

// Reader ------------------------------------------------------------------------------------------

// One read, and what comes of it.
IoResult Http2Connection::TryFeed() {
  Stream& stream = client_.stream;
  IoResult result;
  if (!stream.readiness().MayTry(Direction::kRead) && !stream.HasBuffered()) {
    result.kind = IoResult::Kind::kWantRead;
    return result;
  }
  std::unique_ptr<char[]> block = loop_.buffers().Take();
  result = stream.TryRead({block.get(), BufferPool::kBlockBytes});
  if (result.ok() && result.bytes > 0) fed_up_ = !session_->Feed({block.get(), result.bytes});
  loop_.buffers().Give(std::move(block));
  return result;
}

awaitable<void> Http2Connection::Read() {
  Stream& stream = client_.stream;
  while (!stream.readiness().cancelled() && !fed_up_ && !session_->done()) {
    if (loop_.Passed(ReadDeadline()) && TimeIsUp()) co_return;  // also while bytes keep coming
    const IoResult result = TryFeed();
    if (result.ok() && result.bytes > 0) {
      if (!std::exchange(pause_, false) && !read_share_.Relay(result.bytes)) continue;
      co_await Yield(loop_);
      continue;
    }
    if (!result.wants()) co_return;
    const Deadline deadline = ReadDeadline();
    const IoResult waited = co_await WaitFor(stream, result.kind, deadline);
    read_share_.Renew();
    if (waited.kind == IoResult::Kind::kCancelled) co_return;
  }
}

// So that what does not get on is noticed, and the end of the last request, by a quarter of the
// time it may take.
absl::Duration Http2Connection::SweepInterval() const {
  const ExchangeSettings& settings = services_.settings;
  const absl::Duration quarter =
      std::min({settings.keep_alive, settings.write_idle, settings.head_time}) / 4;
  return std::clamp(quarter, kLeastSweep, kMostSweep);
}

Deadline Http2Connection::ReadDeadline() const {
  const Deadline by = session_->sweep_by();
  return taken_ > 0 ? by.Earlier(next_sweep_) : by.Earlier(idle_until_).Earlier(idle_soon_);
}

bool Http2Connection::TimeIsUp() {
  session_->Sweep();
  next_sweep_ = loop_.After(SweepInterval());
  if (!session_->failure().empty()) return true;
  if (free_.size() > taken_ + kSpareSlots) EndFreeSlots();
  if (taken_ > 0) return false;
  if (loop_.Passed(idle_soon_)) {
    idle_soon_ = Deadline::Never();
    EndFreeSlots();
    client_.ForgetRecent();
    if (out_.empty()) out_.shrink_to_fit();
  }
  if (!loop_.Passed(idle_until_)) return false;
  session_->WindUp(/*at_once=*/true);
  return true;
}

// Writer ------------------------------------------------------------------------------------------

awaitable<bool> Http2Connection::WriteAllThereIs() {
  FairShare share;
  for (;;) {
    work_.Reset();
    const Deadline before = session_->sweep_by();
    session_->Pump(&out_, kPumpBytes);
    // The reader waits until then at the latest.
    if (session_->sweep_by().millis() < before.millis()) client_.stream.readiness().Wake();
    if (out_.empty()) co_return true;
    const Deadline deadline = loop_.After(ending_ ? kLastWords : services_.settings.write_idle);
    mid_write_ = true;
    const IoResult written = co_await WriteAll(client_.stream, out_, deadline);
    mid_write_ = false;
    out_.clear();
    if (written.kind == IoResult::Kind::kTimeout)
      session_->Fail("write_stalled", NGHTTP2_ENHANCE_YOUR_CALM);
    if (!written.ok()) co_return false;
    if (share.Relay(written.bytes)) co_await Yield(loop_);
  }
}

awaitable<void> Http2Connection::Write(std::shared_ptr<Http2Connection> self) {
  bool going = true;
  while (going) {
    (void)co_await self->work_.Wait(Deadline::Never());
    going = co_await self->WriteAllThereIs();
    if (!going) self->client_.stream.Cancel();
    if (self->ending_ || self->session_->done()) going = false;
  }
  self->writing_ = false;
  self->client_.stream.readiness().Wake();  // the reader looks
  self->Ended();
}

// Requests ----------------------------------------------------------------------------------------

// A request that was taken back counts until its exchange is over: else a client could have as many
// as it likes (CVE-2023-44487).
Http2Stream* Http2Connection::OnBegin() {
  if (taken_ >= services_.settings.http2.max_concurrent_streams || ending_) return nullptr;
  if (free_.empty()) {
    slots_.push_back(std::make_unique<Slot>(client_, *session_));
    free_.push_back(slots_.back().get());
  }
  Slot* const slot = free_.back();
  free_.pop_back();
  slot->taken = true;
  if (taken_++ == 0) next_sweep_ = loop_.After(SweepInterval());
  client_.registered.idle = client_.registered.fresh = false;
  return slot;
}

void Http2Connection::OnRequest(Http2Stream* stream) {
  auto* const slot = static_cast<Slot*>(stream);
  slot->serving = slot->requested = true;
  const uint32_t most = services_.settings.requests_per_connection;
  if (++requests_ == most) session_->WindUp(/*at_once=*/false);
  if (read_share_.Serve()) pause_ = true;
  if (slot->running) return slot->next.Set();
  slot->running = true;
  ++running_;
  boost::asio::co_spawn(loop_.context(), Run(shared_from_this(), slot), boost::asio::detached);
}

void Http2Connection::OnReset(bool by_client, uint32_t code) {
  services_.metrics.Http2StreamReset(by_client, Http2ErrorName(code));
}

awaitable<void> Http2Connection::Run(std::shared_ptr<Http2Connection> self, Slot* slot) {
  for (;;) {
    while (!slot->requested && !slot->ending) (void)co_await slot->next.Wait(Deadline::Never());
    if (!slot->requested) break;
    slot->requested = false;
    co_await self->ServeOne(slot);
    slot->serving = false;
    self->FreeIfOver(slot);
  }
  self->Remove(slot);
  self->Ended();
}

awaitable<void> Http2Connection::ServeOne(Slot* slot) {
  const HeadVerdict& verdict = slot->verdict;
  if (verdict.kind == HeadVerdict::Kind::kFine) {
    co_await slot->exchange.Run();
  } else {
    co_await slot->exchange.RefuseHead(verdict.reason, verdict.detail);
  }
  slot->AnswerOver();
}

void Http2Connection::FreeIfOver(Slot* slot) {
  if (!slot->taken || slot->serving || !slot->closed()) return;
  slot->taken = false;
  free_.push_back(slot);
  if (ending_) over_.Set();
  if (--taken_ > 0) return;
  client_.registered.idle = true;
  idle_until_ = loop_.After(services_.settings.keep_alive);
  idle_soon_ = loop_.After(kIdleSoon);
}

void Http2Connection::EndFreeSlots() {
  for (Slot* const slot : std::exchange(free_, {})) {
    slot->ending = true;
    if (slot->running) {
      slot->next.Set();
    } else {
      Remove(slot);
    }
  }
}

void Http2Connection::Remove(Slot* slot) {
  const auto is_it = [slot](const std::unique_ptr<Slot>& one) { return one.get() == slot; };
  slots_.erase(std::find_if(slots_.begin(), slots_.end(), is_it));
}

// The end -----------------------------------------------------------------------------------------

void Http2Connection::Ended() {
  --running_;
  over_.Set();
}

// To a client that was cut off: which of its requests can be sent again. Never waits.
void Http2Connection::SayGoodbye() {
  if (mid_write_) return;
  session_->WindUp(/*at_once=*/true);
  session_->Pump(&out_, kPumpBytes);
  (void)client_.stream.TryWrite(out_);
  out_.clear();
}

// Last words, every exchange's end, the client's.
awaitable<void> Http2Connection::End() {
  Stream& stream = client_.stream;
  ending_ = true;
  const bool failed = fed_up_ || !session_->failure().empty();
  const bool listening =
      !stream.readiness().cancelled() && (failed || session_->done() || taken_ == 0);
  if (stream.readiness().cancelled()) SayGoodbye();
  work_.Set();
  const Deadline last_words = loop_.After(kLastWords);
  while (listening && writing_) {
    if (co_await over_.Wait(last_words) == WaitResult::kTimeout) break;
  }
  const bool half_written = writing_;
  if (half_written) stream.Cancel();
  session_->Abort();
  // The client learns of the end now: an exchange may still wait for a connection to its upstream.
  if (!half_written) stream.TryShutdown();
  for (;;) {
    EndFreeSlots();
    if (running_ == 0) break;
    (void)co_await over_.Wait(Deadline::Never());
  }
  ReportFailure();
  client_.registered.multiplexed = nullptr;
  const bool cut = stream.readiness().cancelled();
  if (half_written) stream.TryShutdown();
  if (!cut)
    co_await Linger(stream);  // a request may be under way: it must find our GOAWAY, not a reset
}

void Http2Connection::ReportFailure() {
  const absl::string_view failure = session_->failure();
  if (failure.empty()) return;
  services_.metrics.Http2Failed(failure);
  if (!loop_.Passed(services_.next_http2_log)) return;
  services_.next_http2_log = loop_.After(kLogEvery);
  base::Log(base::Level::kWarning, "http2.connection_failed",
            {{"reason", failure},
             {"detail", session_->failure_detail()},
             {"client", client_.address},
             {"listener", client_.listener.id},
             {"sni", client_.peer.sni}});
}

}  // namespace

boost::asio::awaitable<void> ServeHttp2(Client& client) {
  const auto connection = std::make_shared<Http2Connection>(client);
  if (!connection->Start()) co_return;
  co_await connection->Read();
  co_await connection->End();
}

}  // namespace sallyport::dataplane
