#include "dataplane/sync/subscriber.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/base/mutex.h"
#include "shared/cache/generations.h"

namespace sallyport::dataplane {
namespace {

using base::Level;

bool SameHistory(const ResumeToken& a, const ResumeToken& b) {
  return a.store_id == b.store_id && a.epoch == b.epoch;
}

void Append(RouteChanges from, RouteChanges* to) {
  const auto move_all = [](auto& source, auto* target) {
    std::move(source.begin(), source.end(), std::back_inserter(*target));
  };
  move_all(from.put, &to->put);
  move_all(from.put_listeners, &to->put_listeners);
  if (from.gateway.has_value()) to->gateway = std::move(from.gateway);
}

// The listeners of `now` after `changes`, by id.
std::vector<ListenerSpec> ChangedListeners(std::vector<ListenerSpec> now,
                                           const RouteChanges& changes) {
  std::map<std::string, ListenerSpec> by_id;
  for (ListenerSpec& listener : now) by_id[listener.id] = std::move(listener);
  for (const std::string& id : changes.removed_listener_ids) by_id.erase(id);
  for (const ListenerSpec& listener : changes.put_listeners) by_id[listener.id] = listener;
  std::vector<ListenerSpec> out;
  for (auto& [id, listener] : by_id) out.push_back(std::move(listener));
  return out;
}

template <typename Table>
std::shared_ptr<const Table> TableOf(const std::vector<ListenerSpec>& listeners,
                                     std::vector<typename Table::Names> ListenerSpec::* names) {
  std::vector<typename Table::Listener> with_rules;
  for (const ListenerSpec& listener : listeners) {
    if (!(listener.*names).empty())
      with_rules.push_back({listener.id, listener.address, listener.port, listener.*names});
  }
  return Table::Make(with_rules);
}

FallbackNamesPtr FallbacksOf(const std::vector<ListenerSpec>& listeners) {
  auto names = std::make_shared<FallbackNames>();
  for (const ListenerSpec& listener : listeners) {
    if (!listener.fallback_server_name.empty())
      names->Add(listener.id, listener.address, listener.port, listener.fallback_server_name);
  }
  return names->empty() ? nullptr : names;
}

GatewayViewPtr Changed(const GatewayView& from, const RouteChanges& changes, uint64_t revision) {
  GatewayView view;
  view.routes = changes.put.empty() && changes.removed_api_ids.empty()
                    ? from.routes
                    : from.routes->With(changes.put, changes.removed_api_ids);
  view.listeners = ChangedListeners(from.listeners, changes);
  const bool same_listeners = changes.put_listeners.empty() && changes.removed_listener_ids.empty();
  view.strict =
      same_listeners ? from.strict : TableOf<StrictTable>(view.listeners, &ListenerSpec::strict);
  view.offered_tls = same_listeners
                         ? from.offered_tls
                         : TableOf<OfferedTlsTable>(view.listeners, &ListenerSpec::offered_tls);
  view.fallback_names = same_listeners ? from.fallback_names : FallbacksOf(view.listeners);
  view.gateway = changes.gateway.value_or(from.gateway);
  view.revision = revision;
  return std::make_shared<const GatewayView>(std::move(view));
}

SeverList SeveredBy(const std::vector<Eviction>& evictions) {
  SeverList list;
  for (const Eviction& eviction : evictions) {
    if (!eviction.sever) continue;
    list.leaf_sha256.insert(list.leaf_sha256.end(), eviction.leaf_sha256.begin(),
                            eviction.leaf_sha256.end());
    list.key_ids.insert(list.key_ids.end(), eviction.key_ids.begin(), eviction.key_ids.end());
    list.tags.push_back(eviction.tag);
    if (eviction.denied != nullptr) list.denied.push_back(eviction.denied);
  }
  return list;
}

std::vector<std::string> CertificatesOf(const std::vector<Eviction>& evictions) {
  std::vector<std::string> tags;
  for (const Eviction& eviction : evictions) {
    if (absl::StartsWith(eviction.tag, "cert:")) tags.push_back(eviction.tag);
  }
  return tags;
}

// What a loop does when it has taken up the new view.
struct LoopWork {
  SeverList severed;
  std::vector<std::string> retired;
  std::vector<std::string> redecided;
  bool start_over = false;
};

// Those that only say that a decision may be another one.
std::vector<std::string> RedecidedBy(const std::vector<Eviction>& evictions) {
  std::vector<std::string> tags;
  for (const Eviction& eviction : evictions) {
    if (!eviction.sever) tags.push_back(eviction.tag);
  }
  return tags;
}

}  // namespace

// Shared with work that is posted to loops, which may run after the subscriber is gone.
struct Subscriber::State : std::enable_shared_from_this<Subscriber::State> {
  State(Options opts, const base::Clock* clk, cache::TagGenerations* gens, StreamState* state)
      : options(std::move(opts)), clock(clk), generations(gens), stream(state) {
    GatewayView empty;
    empty.routes = RouteTable::Empty(options.default_ports);
    view = std::make_shared<const GatewayView>(std::move(empty));
  }

  // One revision on its way through the loops.
  struct Round {
    uint64_t epoch;
    uint64_t revision;
    bool snapshot;
    std::atomic<int> left;
  };

  // One lookup on its way through the loops.
  struct Search {
    Lookup lookup;
    std::atomic<int> left;
    std::atomic<bool> answered{false};
  };

  [[nodiscard]] bool OnSnapshotPart(StreamUpdate update) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  [[nodiscard]] bool OnChange(StreamUpdate update) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void OnHeartbeat(const StreamUpdate& update) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Swap(GatewayViewPtr next, const ResumeToken& at, LoopWork work, bool snapshot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void LoopDone(const std::shared_ptr<Round>& round);
  void Look(Lookup lookup);
  void LoopLooked(Search& search, std::optional<AllowedRecord> found);
  // Called on loops' threads: waits for no route table that is being built.
  bool Joined(LoopSink* loop) {
    base::MutexLock lock(&loops_mutex);
    return std::find(loops.begin(), loops.end(), loop) != loops.end();
  }

  const Options options;
  const base::Clock* const clock;
  cache::TagGenerations* const generations;
  StreamState* const stream;

  base::Mutex mutex;
  base::Mutex loops_mutex ABSL_ACQUIRED_AFTER(mutex);
  std::vector<LoopSink*> loops ABSL_GUARDED_BY(loops_mutex);
  GatewayViewPtr view ABSL_GUARDED_BY(mutex);
  // What the view stands for; nothing before the first snapshot.
  std::optional<ResumeToken> position ABSL_GUARDED_BY(mutex);
  bool had_snapshot ABSL_GUARDED_BY(mutex) = false;
  bool speaking ABSL_GUARDED_BY(mutex) = false;  // the stream has said something
  // A snapshot that is coming in, built aside.
  std::optional<RouteChanges> coming ABSL_GUARDED_BY(mutex);
  ResumeToken coming_from ABSL_GUARDED_BY(mutex);
  uint32_t replicas ABSL_GUARDED_BY(mutex) = 0;
  std::atomic<uint64_t> announced{0};
};

void Subscriber::State::Swap(GatewayViewPtr next, const ResumeToken& at, LoopWork work,
                             bool snapshot) {
  view = std::move(next);
  position = at;
  auto round = std::make_shared<Round>();
  round->epoch = at.epoch;
  round->revision = at.revision;
  round->snapshot = snapshot;
  round->left = 1;  // this call
  const auto todo = std::make_shared<const LoopWork>(std::move(work));
  {
    base::MutexLock lock(&loops_mutex);
    round->left += static_cast<int>(loops.size());
    for (LoopSink* loop : loops) {
      loop->Post([self = shared_from_this(), loop, round, applied = view, todo] {
        if (self->Joined(loop)) {
          loop->Apply(applied);
          if (!todo->severed.empty()) loop->Sever(todo->severed);
          if (!todo->retired.empty()) loop->Retire(todo->retired);
          if (!todo->redecided.empty()) loop->Redecide(todo->redecided);
          if (todo->start_over) loop->StartOver();
        }
        self->LoopDone(round);
      });
    }
  }
  LoopDone(round);
}

void Subscriber::State::LoopDone(const std::shared_ptr<Round>& round) {
  if (round->left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  stream->OnApplied(round->revision, round->snapshot);
  if (options.acknowledge) options.acknowledge(round->epoch, round->revision);
}

void Subscriber::State::Look(Lookup lookup) {
  const auto search = std::make_shared<Search>();
  search->lookup = std::move(lookup);
  search->left = 1;  // this call
  {
    base::MutexLock lock(&loops_mutex);
    search->left += static_cast<int>(loops.size());
    for (LoopSink* loop : loops) {
      loop->Post([self = shared_from_this(), loop, search] {
        const bool joined = self->Joined(loop);
        self->LoopLooked(*search,
                         joined ? loop->FindAllowed(search->lookup.request_id) : std::nullopt);
      });
    }
  }
  LoopLooked(*search, std::nullopt);
}

// The first loop that has it answers, else the last of all.
void Subscriber::State::LoopLooked(Search& search, std::optional<AllowedRecord> found) {
  const bool last = search.left.fetch_sub(1, std::memory_order_acq_rel) == 1;
  if ((!found.has_value() && !last) || search.answered.exchange(true) || !options.answer) return;
  options.answer({search.lookup.lookup_id, std::move(found)});
}

bool Subscriber::State::OnSnapshotPart(StreamUpdate update) {
  if (update.first) {
    coming.emplace();
    coming_from = update.position;
    stream->OnBroken();  // until it is in
  }
  if (!coming.has_value() || !SameHistory(coming_from, update.position)) {
    base::Log(Level::kError, "sync.snapshot_out_of_order");
    coming.reset();
    return false;  // changes after it would stand on nothing
  }
  Append(std::move(update.routes), &*coming);
  if (!update.last) return true;
  GatewayView empty;
  empty.routes = RouteTable::Empty(options.default_ports);
  GatewayViewPtr next = Changed(empty, *coming, update.position.revision);
  coming.reset();
  // What was cached belongs to another history, or misses evictions that nobody will send again.
  generations->DropAll(update.position.revision);
  base::Log(Level::kInfo, "sync.snapshot",
            {{"revision", update.position.revision},
             {"epoch", update.position.epoch},
             {"routes", static_cast<uint64_t>(next->routes->size())}});
  LoopWork work;
  work.start_over = had_snapshot;
  had_snapshot = true;
  Swap(std::move(next), update.position, std::move(work), true);
  return true;
}

bool Subscriber::State::OnChange(StreamUpdate update) {
  if (!position.has_value() || !SameHistory(*position, update.position)) {
    base::Log(Level::kError, "sync.change_of_other_history",
              {{"revision", update.position.revision}});
    position.reset();  // the next Subscribe asks for the whole
    stream->OnBroken();
    generations->VoidAll();
    return false;
  }
  // Before the routes: no loop may serve the new view with an old answer.
  for (const Eviction& eviction : update.evictions) {
    generations->Evict(eviction.tag, update.position.revision);
  }
  Swap(Changed(*view, update.routes, update.position.revision), update.position,
       {SeveredBy(update.evictions), CertificatesOf(update.evictions),
        RedecidedBy(update.evictions), false},
       false);
  return true;
}

void Subscriber::State::OnHeartbeat(const StreamUpdate& update) {
  replicas = update.connected_replicas;
  const bool same = position.has_value() && SameHistory(*position, update.position);
  const bool caught_up =
      same && !coming.has_value() && stream->AppliedRevision() >= update.position.revision;
  stream->OnHeartbeat(clock->Monotonic(), update.proof_age, caught_up);
}

Subscriber::Subscriber(Options options, const base::Clock* clock,
                       cache::TagGenerations* generations, StreamState* state)
    : state_(std::make_shared<State>(std::move(options), clock, generations, state)) {}

Subscriber::~Subscriber() {
  base::MutexLock lock(&state_->loops_mutex);
  state_->loops.clear();
}

void Subscriber::AddLoop(LoopSink* loop) {
  base::MutexLock lock(&state_->mutex);
  base::MutexLock loops_lock(&state_->loops_mutex);
  state_->loops.push_back(loop);
  loop->Post([state = state_, loop, view = state_->view] {
    if (state->Joined(loop)) loop->Apply(view);
  });
}

void Subscriber::RemoveLoop(LoopSink* loop) {
  base::MutexLock lock(&state_->loops_mutex);
  std::erase(state_->loops, loop);
}

GatewayViewPtr Subscriber::View() const {
  base::MutexLock lock(&state_->mutex);
  return state_->view;
}

uint32_t Subscriber::ConnectedReplicas() const {
  base::MutexLock lock(&state_->mutex);
  return state_->replicas;
}

uint64_t Subscriber::AnnouncedRevision() const {
  return state_->announced.load(std::memory_order_relaxed);
}

std::optional<ResumeToken> Subscriber::Resume() const {
  base::MutexLock lock(&state_->mutex);
  return state_->position;
}

bool Subscriber::OnUpdate(StreamUpdate update) {
  if (update.kind == StreamUpdate::Kind::kLookup) {  // it says nothing of any revision
    state_->Look(std::move(update.lookup));
    return true;
  }
  base::MutexLock lock(&state_->mutex);
  const bool keys = update.kind == StreamUpdate::Kind::kTicketKeys;  // of no revision, too
  if (!keys) state_->announced.store(update.position.revision, std::memory_order_relaxed);
  if (!std::exchange(state_->speaking, true)) {
    state_->stream->OnAccepted();
  } else if (state_->stream->Refused()) {
    return false;  // a question was refused: does authsvc still accept this replica?
  }
  switch (update.kind) {
    case StreamUpdate::Kind::kSnapshotPart: return state_->OnSnapshotPart(std::move(update));
    case StreamUpdate::Kind::kChange: return state_->OnChange(std::move(update));
    case StreamUpdate::Kind::kHeartbeat: state_->OnHeartbeat(update); break;
    case StreamUpdate::Kind::kTicketKeys:
      if (state_->options.ticket_keys && update.ticket_keys != nullptr)
        state_->options.ticket_keys(*update.ticket_keys);
      break;
    case StreamUpdate::Kind::kLookup: break;  // above
  }
  return true;
}

void Subscriber::OnStreamEnd(const absl::Status& status) {
  {
    base::MutexLock lock(&state_->mutex);
    state_->coming.reset();
    state_->speaking = false;
    if (state_->options.ended) state_->options.ended();
  }
  // From here on evictions may be missed: what is cached is asked again. A stream that authsvc
  // ended in order (the age of its connection) stays healthy until its last heartbeat is too old:
  // resuming takes less.
  if (!status.ok()) state_->stream->OnBroken();
  if (absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) {
    state_->generations->VoidAll();
    state_->stream->OnRefused();
    if (state_->options.refused) state_->options.refused();
  }
}

}  // namespace sallyport::dataplane
