// The listeners of a loop: which are opened and closed as definitions change, and what is said of
// those that cannot be.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/listen/listening_socket.h"
#include "dataplane/listen/loop_server.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {

absl::Status LoopServer::Open() {
  const std::vector<PlannedListener> plan = FileListeners(process_.config);
  for (const PlannedListener& listener : plan) {
    const absl::Status opened = OpenOne(listener, RedirectPort(plan), {});
    if (!opened.ok()) return opened;
  }
  return absl::OkStatus();
}

absl::StatusOr<ServerTls*> LoopServer::TlsFor(const PlannedListener& plan) {
  const std::string key = absl::StrCat(plan.min_version, "-", plan.max_version);
  std::unique_ptr<ServerTls>& held = tls_[key];
  if (held == nullptr) {
    ServerTlsSettings settings;
    settings.min_version = plan.min_version;
    settings.max_version = plan.max_version;
    settings.ticket_max_age = process_.config.ticket_keys == "off"
                                  ? absl::ZeroDuration()
                                  : process_.config.timeouts.ticket_max_age;
    auto made = ServerTls::Create(settings, loop_, *library_, sni_, process_.ticket_keys,
                                  process_.chains, &strict_);
    if (!made.ok()) return made.status();
    held = *std::move(made);
  }
  return held.get();
}

absl::StatusOr<ListenerContextPtr> LoopServer::MakeContext(const PlannedListener& plan,
                                                           uint16_t redirect_port) {
  auto context = std::make_shared<ListenerContext>();
  const std::string socket = ListenerPlace(plan.address, plan.port);
  context->style = {plan.id,       plan.route_place, plan.style,   plan.plain,
                    plan.redirect, redirect_port,    plan.streams, socket};
  context->facts = {plan.id, plan.route_place, process_.config.http2 && plan.http2, !plan.streams,
                    socket};
  for (const std::string& text : plan.proxy_protocol_from) {
    const auto range = ParseAddressRange(text);
    if (!range.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("proxy_protocol_from: \"", text, "\" is neither an address nor a CIDR"));
    }
    context->proxies.push_back(*range);
  }
  if (!plan.plain) {
    const absl::Status files = sni_.AddFiles(plan.id, plan.certificates);
    if (!files.ok()) return files;
    if (plan.streams) sni_.AddStreams(plan.id, plan.route_place);
    auto tls = TlsFor(plan);
    if (!tls.ok()) return tls.status();
    context->tls = *tls;
  }
  return context;
}

std::unique_ptr<Acceptor> LoopServer::MakeAcceptor(const ListenerContextPtr& context, int fd) {
  return std::make_unique<Acceptor>(
      loop_, fd,
      [this, context](int client, std::string address) {
        OnConnection(context, client, std::move(address));
      },
      [this] { NoteNotTaken(NotTaken::kDescriptors); });
}

absl::StatusOr<std::vector<int>> LoopServer::SocketsFor(const PlannedListener& plan) {
  if (process_.inherited != nullptr) {
    const auto loops = static_cast<size_t>(process_.loops);
    std::vector<int> taken = process_.inherited->Take(plan.address, plan.port, index_, loops);
    if (!taken.empty()) return taken;
  }
  // While it is held back it must not get connections, which would be lost if it came to nothing.
  const absl::StatusOr<int> fd =
      held_back_ ? BindListener(plan.address, plan.port) : OpenListener(plan.address, plan.port);
  if (!fd.ok()) return fd.status();
  return std::vector<int>{*fd};
}

absl::Status LoopServer::OpenOne(const PlannedListener& plan, uint16_t redirect_port,
                                 std::vector<int> sockets) {
  OpenedListener opened;
  opened.plan = plan;
  auto context = MakeContext(plan, redirect_port);
  if (context.ok()) opened.context = *context;
  if (sockets.empty() && context.ok()) {
    auto found = SocketsFor(plan);
    if (!found.ok()) return found.status();
    sockets = *std::move(found);
  }
  for (const int fd : sockets) opened.acceptors.push_back(MakeAcceptor(opened.context, fd));
  if (!context.ok()) return context.status();  // and the sockets are closed
  const absl::Status begun = held_back_ ? absl::OkStatus() : opened.Begin();
  if (begun.ok()) listeners_.push_back(std::move(opened));
  return begun;
}

absl::Status LoopServer::OpenedListener::Begin() {
  for (const auto& acceptor : acceptors) {
    absl::Status begun = acceptor->Begin();
    if (!begun.ok()) return begun;
  }
  return absl::OkStatus();
}

std::vector<int> LoopServer::ReleaseSockets(const PlannedListener& plan) {
  std::vector<int> sockets;
  const auto same_place = [&plan](const OpenedListener& opened) {
    return opened.plan.address == plan.address && opened.plan.port == plan.port;
  };
  const auto found = std::find_if(listeners_.begin(), listeners_.end(), same_place);
  if (found == listeners_.end()) return sockets;
  for (const auto& acceptor : found->acceptors) sockets.push_back(acceptor->Release());
  listeners_.erase(found);
  return sockets;
}

void LoopServer::Reconcile() {
  if (services_.draining) return;
  std::vector<PlannedListener> plan = PlanListeners(process_.config, *services_.view);
  const uint16_t redirect_port = RedirectPort(plan);
  StreamPlan streams = PlanStreams(process_.config, *services_.view, plan);
  std::move(streams.listeners.begin(), streams.listeners.end(), std::back_inserter(plan));
  const auto is_in_use = [&plan](const OpenedListener& opened) {
    return std::any_of(plan.begin(), plan.end(), [&opened](const PlannedListener& listener) {
      return listener.address == opened.plan.address && listener.port == opened.plan.port;
    });
  };
  const auto gone =
      std::remove_if(listeners_.begin(), listeners_.end(),
                     [&](const OpenedListener& opened) { return !is_in_use(opened); });
  if (gone != listeners_.end()) streams_checked_by_ = nullptr;
  listeners_.erase(gone, listeners_.end());
  for (const PlannedListener& listener : plan) {
    const bool is_open =
        std::any_of(listeners_.begin(), listeners_.end(),
                    [&](const OpenedListener& opened) { return opened.plan == listener; });
    if (is_open) continue;
    streams_checked_by_ = nullptr;
    const absl::Status opened = OpenOne(listener, redirect_port, ReleaseSockets(listener));
    std::string& said = reported_[listener.id];
    const std::string message = opened.ok() ? std::string() : std::string(opened.message());
    if (said == message) continue;
    said = message;
    base::Log(
        opened.ok() ? base::Level::kInfo : base::Level::kError, "listen.open",
        {{"listener", listener.id}, {"port", static_cast<int>(listener.port)}, {"result", opened}});
  }
  if (loop_.index() == 0) ShowStreams(plan, streams.problems);
}

// One loop speaks for all.
void LoopServer::ShowStreams(const std::vector<PlannedListener>& plan,
                             const std::vector<StreamPlan::Problem>& problems) {
  std::map<absl::string_view, int64_t> states = {
      {"open", 0}, {"not_allowed", 0}, {"conflict", 0}, {"failed", 0}};
  for (const PlannedListener& listener : plan) {
    if (!listener.streams) continue;
    const bool open = std::any_of(listeners_.begin(), listeners_.end(),
                                  [&](const OpenedListener& one) { return one.plan == listener; });
    ++states[open ? "open" : "failed"];
  }
  std::map<uint16_t, std::string> said;
  for (const StreamPlan::Problem& problem : problems) {
    ++states[problem.state];
    said[problem.port] = problem.text;
    const auto before = closed_ports_.find(problem.port);
    if (before != closed_ports_.end() && before->second == problem.text) continue;
    base::Log(base::Level::kError, "listen.tcp_port",
              {{"port", static_cast<int>(problem.port)}, {"closed", problem.text}});
  }
  closed_ports_ = std::move(said);
  for (const auto& [state, count] : states)
    metrics_.sheet().Gauge(metrics::Id::kTcpPorts, {state})->Set(count);
}

// Of a socket that is closed: everything, since its streams end for that.
OfferedTls LoopServer::OfferedAt(absl::string_view socket) const {
  OfferedTls offered;
  for (const OpenedListener& listener : listeners_) {
    if (listener.context->style.socket != socket) continue;
    offered.min_version = listener.plan.min_version;
    offered.max_version = listener.plan.max_version;
  }
  return offered;
}

// An API that was switched off, or that has moved, or whose clients must make another handshake
// than these did: they have the time of a drain.
void LoopServer::EndGoneStreams() {
  if (services_.draining) return;
  const bool changed = services_.view != streams_checked_by_;
  const GatewayView& view = *services_.view;
  const auto is_gone = [&](const LivingStream& stream) {
    const Route& old = *stream.api;
    const RoutePtr now = view.routes->FindApi(old.api_id);
    if (now == nullptr || now->protocol != old.protocol || now->listen_port != old.listen_port)
      return true;
    return !HandshakeStands(stream, view, OfferedAt(stream.listener->socket));
  };
  const size_t ended =
      connections_.EndStreams(is_gone, /*all=*/changed, process_.config.timeouts.drain);
  streams_checked_by_ = services_.view;
  if (ended > 0) metrics_.Severed(ended);
}

std::vector<uint16_t> LoopServer::BoundPorts() const {
  std::vector<uint16_t> ports;
  for (const OpenedListener& listener : listeners_)
    ports.push_back(BoundPort(listener.acceptors.front()->fd()));
  return ports;
}

}  // namespace sallyport::dataplane
