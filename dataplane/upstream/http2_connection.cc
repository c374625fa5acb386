#include "dataplane/upstream/http2_connection.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

constexpr size_t kGatheredBytes = 64 * 1024;  // of frames, for one write

// What the upstream said before it stopped reading can still be read, an alert as well.
constexpr absl::Duration kAfterFailedWrite = absl::Seconds(1);

// What the constants of a session say to an operator.
absl::string_view Explain(absl::string_view fault) {
  if (fault == "http1") return "the upstream speaks HTTP/1.1";
  if (fault == "no_pong") return "no answer to PING";
  if (fault == "write_stalled") return "takes no bytes";
  return fault;
}

}  // namespace

UpstreamHttp2::UpstreamHttp2(std::unique_ptr<UpstreamConnection> connection, Loop& loop,
                             const Http2ClientSettings& settings, OnChange on_change)
    : loop_(loop),
      settings_(settings),
      on_change_(std::move(on_change)),
      connection_(std::move(connection)),
      work_(loop),
      idle_since_(loop.Now()) {}

UpstreamHttp2::~UpstreamHttp2() = default;

std::shared_ptr<UpstreamHttp2> UpstreamHttp2::Start(std::unique_ptr<UpstreamConnection> connection,
                                                    Loop& loop, const Http2ClientSettings& settings,
                                                    OnChange on_change) {
  std::shared_ptr<UpstreamHttp2> made(
      new UpstreamHttp2(std::move(connection), loop, settings, std::move(on_change)));
  made->session_ = Http2ClientSession::Create(settings, loop, *made);
  if (made->session_ == nullptr) return nullptr;
  boost::asio::co_spawn(loop.context(), Read(made), boost::asio::detached);
  boost::asio::co_spawn(loop.context(), Write(made), boost::asio::detached);
  made->work_.Set();  // preface and settings
  return made;
}

// Requests ----------------------------------------------------------------------------------------

bool UpstreamHttp2::serving() const {
  return !over_ && !retired_ && !closing_ && !session_->going_away();
}

void UpstreamHttp2::Take() {
  ++taken_;
  ++connection_->uses;
}

void UpstreamHttp2::Release() {
  --taken_;
  if (taken_ == 0) idle_since_ = loop_.Now();
  if (taken_ == 0 && (retired_ || session_->going_away())) Close();
  on_change_(*this, Change::kRoom);
}

void UpstreamHttp2::WasRefused() {
  answered_ = 0;
  most_ = std::max<size_t>(1, std::min(most_, taken_) - 1);
}

// A refusal is of its moment, and some are of requests that left before the upstream had said how
// many it takes: one more is tried for as many answers as there may be requests.
void UpstreamHttp2::WasAnswered() {
  if (most_ == SIZE_MAX || ++answered_ < most_) return;
  answered_ = 0;
  ++most_;
}

bool UpstreamHttp2::Request(const OutgoingHead& head, Http2ClientStream* stream) {
  const bool idle = session_->open_streams() == 0;
  if (over_ || closing_ || !session_->Request(head, stream)) return false;
  if (idle) connection_->stream->readiness().Wake();  // the reader has a deadline now
  return true;
}

void UpstreamHttp2::Retire() {
  retired_ = true;
  if (taken_ == 0) Close();
}

void UpstreamHttp2::Close() {
  if (closing_ || over_) return;
  closing_ = true;
  session_->WindUp();
  work_.Set();
}

// Reader ------------------------------------------------------------------------------------------

IoResult UpstreamHttp2::TryFeed() {
  Stream& stream = *connection_->stream;
  IoResult result;
  if (!stream.readiness().MayTry(Direction::kRead) && !stream.HasBuffered()) {
    result.kind = IoResult::Kind::kWantRead;
    return result;
  }
  std::unique_ptr<char[]> block = loop_.buffers().Take();
  result = stream.TryRead({block.get(), BufferPool::kBlockBytes});
  if (result.ok() && result.bytes > 0) {
    heard_ = true;
    fed_up_ = !session_->Feed({block.get(), result.bytes});
    proven_ = proven_ || session_->settled();
  }
  loop_.buffers().Give(std::move(block));
  return result;
}

boost::asio::awaitable<void> UpstreamHttp2::Read(std::shared_ptr<UpstreamHttp2> self) {
  Stream& stream = *self->connection_->stream;
  FairShare share;
  while (!self->fed_up_ && !self->session_->done()) {
    if (self->loop_.Passed(self->session_->sweep_by())) self->session_->Sweep();
    if (!self->session_->failure().empty()) break;
    const IoResult result = self->TryFeed();
    if (result.ok() && result.bytes > 0) {
      if (share.Relay(result.bytes)) co_await Yield(self->loop_);
      continue;
    }
    if (!result.wants() || self->loop_.Passed(self->last_look_)) {
      self->NoteEnd(result);
      break;
    }
    const Deadline deadline = self->session_->sweep_by().Earlier(self->last_look_);
    const IoResult waited = co_await WaitFor(stream, result.kind, deadline);
    share.Renew();
    if (waited.kind == IoResult::Kind::kCancelled) break;
  }
  self->Ended();
}

void UpstreamHttp2::NoteEnd(const IoResult& result) {
  SSL* const ssl = connection_->stream->ssl();
  if (ssl != nullptr && !heard_ && result.tls_error != 0) {
    // TLS 1.3: the server refuses our certificate only after our side of the handshake is over.
    failure_.reason = ClientTlsContext::Failed(result.tls_error, &connection_->tls);
    failure_.detail = connection_->tls.failure;
    return;
  }
  failure_.reason = Reason::kUpstreamReset;
  failure_.detail = result.ToString();
  if (!session_->goaway().empty()) absl::StrAppend(&failure_.detail, " after ", session_->goaway());
}

void UpstreamHttp2::NoteFault() {
  const absl::string_view fault = session_->failure();
  if (fault.empty()) return;
  const bool silent = fault == "no_pong" || fault == "write_stalled";
  failure_.reason = silent ? Reason::kUpstreamTimeout : Reason::kUpstreamProtocol;
  failure_.detail = absl::StrCat("HTTP/2: ", Explain(fault));
  const std::string& more = session_->failure_detail();
  if (!silent && fault != "http1" && !more.empty()) absl::StrAppend(&failure_.detail, ": ", more);
}

// Never waits.
void UpstreamHttp2::SayGoodbye() {
  if (mid_write_) return;
  std::string last_words;
  session_->Pump(&last_words, kGatheredBytes);
  if (!last_words.empty()) (void)connection_->stream->TryWrite(last_words);
}

void UpstreamHttp2::Ended() {
  if (failure_.detail.empty()) {
    IoResult end;
    end.kind = IoResult::Kind::kEof;
    NoteEnd(end);
  }
  SayGoodbye();
  NoteFault();
  over_ = true;
  session_->Abort();
  connection_->stream->TryShutdown();
  connection_->stream->Cancel();
  work_.Set();
  on_change_(*this, Change::kOver);
}

// Writer ------------------------------------------------------------------------------------------

boost::asio::awaitable<bool> UpstreamHttp2::WriteAllThereIs() {
  FairShare share;
  std::string& out = connection_->out;
  for (;;) {
    work_.Reset();
    session_->Pump(&out, kGatheredBytes);
    if (out.empty()) co_return true;
    const Deadline deadline = loop_.After(settings_.write_idle);
    mid_write_ = true;
    const IoResult written = co_await WriteAll(*connection_->stream, out, deadline);
    if (over_) co_return false;
    if (written.kind == IoResult::Kind::kTimeout) session_->Fail("write_stalled", NGHTTP2_NO_ERROR);
    if (!written.ok()) {
      last_look_ = loop_.After(kAfterFailedWrite);
      co_return false;
    }
    mid_write_ = false;
    out.clear();
    if (share.Relay(written.bytes)) co_await Yield(loop_);
    if (over_) co_return false;
  }
}

boost::asio::awaitable<void> UpstreamHttp2::Write(std::shared_ptr<UpstreamHttp2> self) {
  bool going = true;
  while (going && !self->over_) {
    (void)co_await self->work_.Wait(Deadline::Never());
    if (self->over_) break;
    going = co_await self->WriteAllThereIs();
    if (self->session_->done() || !self->session_->failure().empty()) going = false;
  }
  Stream& stream = *self->connection_->stream;
  if (!self->over_ &&
      (self->closing_ || self->session_->done() || !self->session_->failure().empty()))
    stream.Cancel();
  stream.readiness().Wake();
}

}  // namespace sallyport::dataplane
