#include "dataplane/forward/tunnel.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>
#include <optional>

#include "dataplane/loop/signal.h"

namespace sallyport::dataplane {
namespace {

using Kind = IoResult::Kind;

constexpr size_t kMostBytes = 16 * 1024;  // that wait in one direction
constexpr absl::Duration kLookAtClient = absl::Milliseconds(500);

class Tunnel {
 public:
  Tunnel(TunnelSide client, TunnelSide upstream, const TunnelSettings& settings)
      : loop_(client.stream.loop()),
        settings_(settings),
        client_(client.stream),
        upstream_(upstream.stream),
        up_{client.stream, upstream.stream, client.buffer},
        down_{upstream.stream, client.stream, upstream.buffer},
        life_(settings.total == absl::InfiniteDuration() ? Deadline::Never()
                                                         : loop_.After(settings.total)),
        up_over_(loop_) {
    Touch();
  }

  static boost::asio::awaitable<void> RunUp(std::shared_ptr<Tunnel> self) {
    co_await self->Relay(self->up_);
    self->up_over_.Set();
  }

  static boost::asio::awaitable<TunnelOutcome> Run(std::shared_ptr<Tunnel> self) {
    boost::asio::co_spawn(self->loop_.context(), RunUp(self), boost::asio::detached);
    co_await self->Relay(self->down_);
    // It uses both streams: nothing goes on before it is over.
    (void)co_await self->up_over_.Wait(Deadline::Never());
    TunnelOutcome outcome;
    outcome.end = self->end_.value_or(TunnelEnd::kClosed);
    outcome.to_upstream = self->up_.bytes;
    outcome.to_client = self->down_.bytes;
    co_return outcome;
  }

 private:
  struct Way {
    Stream& from;
    Stream& to;
    ReadBuffer& buffer;
    uint64_t bytes = 0;
    bool over = false;  // the end has been passed on
  };

  boost::asio::awaitable<void> Relay(Way& way);
  IoResult Step(Way& way, Stream** at);
  // False: the tunnel ends.
  boost::asio::awaitable<bool> WaitAt(Stream& stream, Kind want);
  void PassEnd(Way& way);
  void Failed(const Stream& at);
  void End(TunnelEnd end);
  void Touch() { idle_since_ = loop_.NowMillis(); }
  [[nodiscard]] Deadline IdleUntil() const {
    const bool half = up_.over || down_.over;
    const absl::Duration most =
        half ? std::min(settings_.idle, settings_.half_closed) : settings_.idle;
    return Deadline::AtMillis(idle_since_ + absl::ToInt64Milliseconds(most));
  }

  Loop& loop_;
  const TunnelSettings& settings_;
  Stream& client_;
  Stream& upstream_;
  Way up_;
  Way down_;
  const Deadline life_;
  int64_t idle_since_ = 0;
  int waiting_at_client_ = 0;  // who would notice at once that it is cancelled
  std::optional<TunnelEnd> end_;
  Signal up_over_;
};

boost::asio::awaitable<void> Tunnel::Relay(Way& way) {
  FairShare share;
  while (!end_.has_value()) {
    Stream* at = nullptr;
    const IoResult step = Step(way, &at);
    if (step.wants()) {
      const bool go_on = co_await WaitAt(*at, step.kind);
      if (!go_on) break;
      share.Renew();
    } else if (step.ok()) {
      if (!share.Relay(step.bytes)) continue;
      co_await Yield(loop_);
      if (loop_.Passed(life_)) End(TunnelEnd::kTotal);
    } else if (step.kind == Kind::kEof && at == &way.from) {
      PassEnd(way);
      break;
    } else {
      Failed(*at);
    }
  }
  way.buffer.ReleaseIfEmpty();
}

// Writes what there is, else reads; never waits. `*at`: where it happened.
IoResult Tunnel::Step(Way& way, Stream** at) {
  if (client_.readiness().cancelled()) {  // bytes that flow never wait
    *at = &client_;
    return {Kind::kCancelled};
  }
  if (!way.buffer.empty()) {
    *at = &way.to;
    const IoResult written = way.to.TryWrite(way.buffer.data());
    if (!written.ok()) return written;
    way.buffer.Consume(written.bytes);
    way.bytes += written.bytes;
    Touch();
    if (settings_.passed) settings_.passed(&way == &down_, written.bytes);
    return written;
  }
  *at = &way.from;
  const IoResult read = way.from.TryRead(way.buffer.Space(kMostBytes));
  if (read.ok()) {
    way.buffer.Commit(read.bytes);
  } else {
    way.buffer.ReleaseIfEmpty();
  }
  return read;
}

boost::asio::awaitable<bool> Tunnel::WaitAt(Stream& stream, Kind want) {
  const bool at_client = &stream == &client_;
  for (;;) {
    if (loop_.Passed(life_)) End(TunnelEnd::kTotal);
    if (loop_.Passed(IdleUntil())) End(TunnelEnd::kIdle);
    if (end_.has_value()) co_return false;
    Deadline until = life_.Earlier(IdleUntil());
    if (!at_client && waiting_at_client_ == 0) until = until.Earlier(loop_.After(kLookAtClient));
    waiting_at_client_ += at_client ? 1 : 0;
    const IoResult waited = co_await WaitFor(stream, want, until);
    waiting_at_client_ -= at_client ? 1 : 0;
    if (client_.readiness().cancelled()) End(TunnelEnd::kCut);
    if (end_.has_value()) co_return false;
    if (waited.ok()) co_return true;
  }
}

void Tunnel::PassEnd(Way& way) {
  way.over = true;
  way.to.TryShutdown();
  Touch();
  // The other direction is the only one left now to notice things, and sooner.
  client_.readiness().Wake();
  upstream_.readiness().Wake();
}

void Tunnel::Failed(const Stream& at) {
  if (&at == &client_ && client_.readiness().cancelled()) return End(TunnelEnd::kCut);
  if (&at == &upstream_) return End(TunnelEnd::kUpstream);
  // Clients often leave without a word once they have all that the upstream had to say.
  End(down_.over ? TunnelEnd::kClosed : TunnelEnd::kClient);
}

void Tunnel::End(TunnelEnd end) {
  if (end_.has_value()) return;
  end_ = end;
  client_.Cancel();
  upstream_.Cancel();
}

}  // namespace

absl::string_view TunnelEndName(TunnelEnd end) {
  switch (end) {
    case TunnelEnd::kClosed: return "closed";
    case TunnelEnd::kIdle: return "idle";
    case TunnelEnd::kTotal: return "total";
    case TunnelEnd::kCut: return "cut";
    case TunnelEnd::kClient: return "client";
    case TunnelEnd::kUpstream: break;
  }
  return "upstream";
}

boost::asio::awaitable<TunnelOutcome> RunTunnel(TunnelSide client, TunnelSide upstream,
                                                const TunnelSettings& settings) {
  return Tunnel::Run(std::make_shared<Tunnel>(client, upstream, settings));
}

}  // namespace sallyport::dataplane
