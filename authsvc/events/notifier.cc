#include "authsvc/events/notifier.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/decide/key_rights.h"
#include "authsvc/events/certificate_events.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/transfers/transfers.h"
#include "sallyport/v1/telemetry.pb.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMostAnswerBytes = 64 * 1024;
constexpr absl::Duration kMessageTimeout = absl::Seconds(5);
constexpr size_t kMostExpiring = 100'000;
constexpr int64_t kDelayGrowth = 5;

// A message that has a place: it is being sent, or waits to be sent again.
struct Placed {
  MessageResult result;
  Transfer transfer;
  bool waiting = false;
  v1::EventHandler handler;  // that it was made for
};

// Whether both send the same of an event, to the same place.
bool SendTheSame(const v1::EventHandler& a, const v1::EventHandler& b) {
  return a.event() == b.event() && a.url() == b.url() && a.method() == b.method() &&
         a.body() == b.body() && a.log_only() == b.log_only() &&
         a.headers().size() == b.headers().size() &&
         a.sealed_headers().size() == b.sealed_headers().size() &&
         absl::c_all_of(a.headers(),
                        [&](const auto& header) {
                          const auto found = b.headers().find(header.first);
                          return found != b.headers().end() && found->second == header.second;
                        }) &&
         // What is sealed anew is another value.
         absl::c_all_of(a.sealed_headers(), [&](const auto& header) {
           const auto found = b.sealed_headers().find(header.first);
           return found != b.sealed_headers().end() &&
                  found->second.ciphertext() == header.second.ciphertext();
         });
}

bool HasHandler(const Snapshot& snapshot, const std::string& api_id,
                const v1::EventHandler& wanted) {
  const ApiEntry* const entry = snapshot.FindApi(api_id);
  return entry != nullptr &&
         absl::c_any_of(entry->api.event_handlers(), [&](const v1::EventHandler& handler) {
           return SendTheSame(handler, wanted);
         });
}

absl::Duration UsualCooldown(const Snapshot& snapshot, EventKind kind) {
  const uint32_t seconds = snapshot.settings().settings.expiry_monitor().cooldown_seconds();
  const bool expiry =
      kind == EventKind::kCertificateExpiringSoon || kind == EventKind::kCertificateExpired;
  return expiry && seconds != 0 ? absl::Seconds(seconds) : DefaultCooldown(kind);
}

std::string PresentedHex(const v1::Refusal& refusal) {
  return refusal.question().chain_der().empty()
             ? std::string()
             : base::Hex(crypto::Sha256(refusal.question().chain_der(0)));
}

Event RefusalEvent(EventKind kind, base::Reason reason, const v1::Refusal& refusal) {
  Event event;
  event.kind = kind;
  event.api_id = refusal.api_id();
  const std::string leaf = PresentedHex(refusal);
  // Not the leaf: whoever is refused makes as many of those as he likes.
  event.subject = absl::StrCat(refusal.client_address(), " ", static_cast<unsigned>(reason));
  event.message = absl::StrCat(base::ReasonMessage(reason), ": ", refusal.method(), " ",
                               refusal.host(), refusal.path(), " from ", refusal.client_address());
  event.facts = {{"reason", std::string(base::ReasonName(reason))},
                 {"method", refusal.method()},
                 {"host", refusal.host()},
                 {"path", refusal.path()},
                 {"client_address", refusal.client_address()},
                 {"request_id", refusal.request_id()},
                 {"leaf_sha256", leaf}};
  return event;
}

}  // namespace

struct Notifier::Impl {
  Impl(NotifierOptions its_options, const base::Clock* its_clock, Current its_current,
       std::function<void(const MessageResult&)> its_report)
      : options(std::move(its_options)),
        clock(its_clock),
        current(std::move(its_current)),
        report(std::move(its_report)),
        transfers(
            [this](const std::string& key, const absl::StatusOr<std::string>& answer) {
              Ended(key, answer.status());
            },
            kMessageTimeout, kMostAnswerBytes, options.ca_path, clock) {}

  // False: the same was told a short while ago.
  bool IsNew(const std::string& what, absl::Duration cooldown) ABSL_LOCKS_EXCLUDED(mutex) {
    const absl::Duration now = clock->Monotonic();
    const base::MutexLock lock(&mutex);
    while (!order.empty() &&
           (order.front().second <= now || order.size() > options.most_cooldowns)) {
      const auto found = cooldowns.find(order.front().first);
      if (found != cooldowns.end() && found->second <= order.front().second) cooldowns.erase(found);
      order.pop_front();
    }
    absl::Duration& until = cooldowns[what];
    if (until > now) return false;
    until = now + cooldown;
    order.emplace_back(what, until);
    return true;
  }

  // The same is not told again for `at_least`, however short the handler's cooldown is.
  void Tell(const Snapshot& snapshot, const Event& event,
            absl::Duration at_least = absl::ZeroDuration()) {
    const ApiEntry* const entry = snapshot.FindApi(event.api_id);
    if (entry == nullptr) return;
    int place = 0;
    for (const v1::EventHandler& handler : entry->api.event_handlers()) {
      ++place;
      if (handler.event() != EventName(event.kind)) continue;
      const absl::Duration cooldown = handler.cooldown_seconds() != 0
                                          ? absl::Seconds(handler.cooldown_seconds())
                                          : UsualCooldown(snapshot, event.kind);
      const std::string what =
          crypto::Sha256(absl::StrCat(event.api_id, "\n", place, "\n", handler.event(), "\n",
                                      handler.url(), "\n", event.subject));
      const std::string who = absl::StrCat(event.api_id, "\n", place, "\n", handler.url());
      // What found no place was not told: it may be the next time.
      if (IsNew(what, std::max(cooldown, at_least)) && !Send(entry->api, handler, event, who))
        Forget(what);
    }
  }

  // False: the handler has had its share of this minute.
  bool MayTell(const std::string& handler) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const absl::Duration now = clock->Monotonic();
    if (now - minute >= absl::Minutes(1)) {
      told.clear();
      minute = now;
    }
    return ++told[handler] <= options.most_a_minute;
  }

  void Forget(const std::string& what) ABSL_LOCKS_EXCLUDED(mutex) {
    const base::MutexLock lock(&mutex);
    cooldowns.erase(what);
  }

  // Whether one more of that API may be sent, or wait, as `waiting` says.
  bool HasPlace(const std::string& api_id, bool waiting) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const size_t most = waiting ? options.most_waiting : options.most_under_way;
    size_t all = 0;
    size_t of_api = 0;
    for (const auto& [key, one] : placed) {
      if (one.waiting != waiting) continue;
      ++all;
      of_api += one.result.api_id == api_id ? 1 : 0;
    }
    return all < most && of_api < std::max<size_t>(1, most / 4);
  }

  absl::Status AddHeaders(const v1::Api& api, const v1::EventHandler& handler,
                          std::vector<std::string>* headers) const {
    bool typed = false;
    for (const auto& [name, value] : handler.headers()) {
      headers->push_back(absl::StrCat(name, ": ", value));
      typed = typed || absl::EqualsIgnoreCase(name, "content-type");
    }
    if (!typed) headers->push_back("Content-Type: application/json");
    for (const auto& [name, sealed] : handler.sealed_headers()) {
      if (options.open_header == nullptr) return absl::FailedPreconditionError("nothing opens it");
      const auto value = options.open_header(api, handler, name);
      if (!value.ok())
        return absl::Status(value.status().code(),
                            absl::StrCat("header ", name, ": ", value.status().message()));
      headers->push_back(absl::StrCat(name, ": ", value->Reveal()));
    }
    return absl::OkStatus();
  }

  // False: dropped.
  bool Send(const v1::Api& api, const v1::EventHandler& handler, const Event& event,
            const std::string& who) {
    MessageResult result;
    result.kind = event.kind;
    result.api_id = event.api_id;
    result.url = handler.url();
    result.message = event.message;
    if (handler.log_only()) {
      result.outcome = MessageResult::Outcome::kLogged;
      report(result);
      return true;
    }
    Transfer transfer;
    transfer.url = handler.url();
    transfer.method = handler.method().empty() ? "POST" : handler.method();
    transfer.body = EventBody(event, handler.body(), clock->Now());
    transfer.timeout = absl::Milliseconds(handler.timeout_ms());
    result.status = AddHeaders(api, handler, &transfer.headers);
    if (!result.status.ok()) {
      result.outcome = MessageResult::Outcome::kFailed;
      report(result);
      return true;  // and not tried again at each event
    }
    std::string key;
    {
      const base::MutexLock lock(&mutex);
      if (MayTell(who) && HasPlace(event.api_id, false)) {
        key = absl::StrCat(++last);
        result.attempts = 1;
        placed[key] = {result, transfer, false, handler};
      }
    }
    if (key.empty()) {
      result.outcome = MessageResult::Outcome::kDropped;
      report(result);
      return false;
    }
    transfers.Add(key, transfer);
    return true;
  }

  void Ended(const std::string& key, const absl::Status& status) {
    MessageResult result;
    std::optional<Transfer> again;
    {
      const base::MutexLock lock(&mutex);
      const auto found = placed.find(key);
      if (found == placed.end()) return;
      again = Again(status, &found->second);
      result = found->second.result;
      if (again.has_value())
        ++found->second.result.attempts;
      else
        placed.erase(found);
    }
    using Outcome = MessageResult::Outcome;
    result.outcome = again.has_value() ? Outcome::kRetried
                     : status.ok()     ? Outcome::kSent
                                       : Outcome::kFailed;
    result.status = status;
    if (again.has_value()) transfers.Add(key, *again);
    report(result);
  }

  // What is to be sent after a while; nothing: that was the end of it. A hook that refuses the
  // message itself (most of 4xx) would refuse it again.
  std::optional<Transfer> Again(const absl::Status& status, Placed* one)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const bool waited = std::exchange(one->waiting, false);
    if (!absl::IsUnavailable(status) || one->result.attempts >= options.most_attempts)
      return std::nullopt;
    // What waited has given up its place among those only now: it has it again.
    if (!waited && !HasPlace(one->result.api_id, true)) return std::nullopt;
    one->waiting = true;
    Transfer again = one->transfer;
    again.delay = options.first_delay;
    for (int i = 1; i < one->result.attempts; ++i) again.delay *= kDelayGrowth;
    // Whoever took the handler away, or changed its credential, does not want to be told as before.
    again.wanted = [this, api_id = one->result.api_id, handler = one->handler] {
      return HasHandler(*current(), api_id, handler);
    };
    return again;
  }

  // A key has used more of its quota than one of its triggers says.
  void LookAtQuota(const Snapshot& snapshot, const v1::Use& use) {
    if (use.quota_used() <= 0 || use.key_id().empty()) return;
    const KeyEntry* const key = snapshot.FindKey(use.key_id());
    const ApiEntry* const api = snapshot.FindApi(use.api_id());
    if (key == nullptr || api == nullptr || api->api.event_handlers().empty()) return;
    KeyRights rights;
    ApplyPolicies(snapshot, key->key, api->api, clock->Now(), &rights);
    if (rights.refusal.has_value() || rights.limit.quota_max <= 0) return;
    std::vector<double> triggers(key->key.quota_triggers().begin(),
                                 key->key.quota_triggers().end());
    for (const v1::Policy* policy : rights.policies) {
      triggers.insert(triggers.end(), policy->quota_triggers().begin(),
                      policy->quota_triggers().end());
    }
    const double percent =
        100.0 * static_cast<double>(use.quota_used()) / static_cast<double>(rights.limit.quota_max);
    for (const double trigger : triggers) {
      if (percent < trigger) continue;
      Event event;
      event.kind = EventKind::kQuotaTrigger;
      event.api_id = use.api_id();
      event.subject = absl::StrCat(use.key_id(), " ", trigger, " ", use.quota_window_end_unix());
      event.message =
          absl::StrCat("key ", use.key_id(), " has used ", trigger, " percent of its quota");
      event.facts = {{"key_id", use.key_id()},
                     {"alias", key->key.alias()},
                     {"percent", absl::StrCat(trigger)},
                     {"quota_used", absl::StrCat(use.quota_used())},
                     {"quota_max", absl::StrCat(rights.limit.quota_max)}};
      // Once in each window of the quota, which may never end.
      const int64_t end = use.quota_window_end_unix();
      Tell(snapshot, event,
           end == 0 ? absl::InfiniteDuration() : absl::FromUnixSeconds(end) - clock->Now());
    }
  }

  const NotifierOptions options;
  const base::Clock* const clock;
  const Current current;
  const std::function<void(const MessageResult&)> report;
  base::Mutex mutex;
  uint64_t last ABSL_GUARDED_BY(mutex) = 0;
  absl::Duration minute ABSL_GUARDED_BY(mutex);
  absl::flat_hash_map<std::string, size_t> told ABSL_GUARDED_BY(mutex);  // in this minute
  absl::flat_hash_map<std::string, Placed> placed ABSL_GUARDED_BY(mutex);
  absl::flat_hash_map<std::string, absl::Duration> cooldowns ABSL_GUARDED_BY(mutex);
  std::deque<std::pair<std::string, absl::Duration>> order ABSL_GUARDED_BY(mutex);
  Transfers transfers;  // last: its thread uses the others
};

Notifier::Notifier(NotifierOptions options, const base::Clock* clock, Current current,
                   std::function<void(const MessageResult&)> report)
    : impl_(std::make_unique<Impl>(std::move(options), clock, std::move(current),
                                   std::move(report))) {}

Notifier::~Notifier() { impl_->transfers.Stop(); }

void Notifier::Take(const v1::ReportRequest& report) {
  const std::shared_ptr<const Snapshot> snapshot = impl_->current();
  for (const v1::Refusal& refusal : report.refusals()) {
    const base::Reason reason = base::ReasonFromNumber(refusal.reason());
    const std::optional<EventKind> kind = EventOf(reason);
    const ApiEntry* const api = kind ? snapshot->FindApi(refusal.api_id()) : nullptr;
    if (api != nullptr && !api->api.event_handlers().empty())
      impl_->Tell(*snapshot, RefusalEvent(*kind, reason, refusal));
  }
  for (const v1::Use& use : report.uses()) impl_->LookAtQuota(*snapshot, use);
}

void Notifier::LookAtCertificates() {
  const std::shared_ptr<const Snapshot> snapshot = impl_->current();
  const absl::Time now = impl_->clock->Now();
  const uint32_t days = snapshot->settings().settings.expiry_monitor().warning_days();
  const absl::Duration within =
      days != 0 ? absl::Hours(24 * static_cast<int64_t>(days)) : impl_->options.expiring_within;
  for (const CertificateEntry* entry : snapshot->ExpiringBefore(now + within, kMostExpiring)) {
    for (const Event& event : CertificateEvents(*snapshot, *entry, now))
      impl_->Tell(*snapshot, event);
  }
}

void Notifier::Tell(const Event& event) { impl_->Tell(*impl_->current(), event); }

}  // namespace sallyport::authsvc
