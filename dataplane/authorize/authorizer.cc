#include "dataplane/authorize/authorizer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "dataplane/authorize/chain_variants.h"
#include "dataplane/authorize/miss_limit.h"
#include "dataplane/authorize/permit_office.h"
#include "dataplane/authorize/question_key.h"
#include "dataplane/authorize/shared_answers.h"
#include "dataplane/authorize/waiting.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using DecisionAnswer = Answer<Decision>;
using DecisionAnswerPtr = std::shared_ptr<const DecisionAnswer>;

size_t SizeOf(const Decision& decision) {
  size_t bytes = sizeof(Decision) + 256 + decision.detail.size() + decision.identity.name.size();
  for (const auto& tag : decision.tags) bytes += tag.size() + sizeof tag;
  for (const auto& url : decision.grants.urls) bytes += url.text.size() + 256;
  for (const auto& limit : decision.grants.limits) bytes += limit.bucket.size() + sizeof limit;
  for (const auto& [name, value] : decision.identity.metadata)
    bytes += name.size() + value.size() + 64;
  bytes += decision.identity.certificate.has_value() ? 1024 : 0;
  for (const auto& der : decision.identity.path_der) bytes += der.size() + sizeof der;
  return bytes;
}

// Counted by one loop, read by anyone.
struct LoopCounts {
  std::atomic<uint64_t> memo{0}, loop{0}, process{0}, refreshed{0}, stale{0}, voided{0}, failed{0},
      connection_limited{0}, address_limited{0};
  static void Add(std::atomic<uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

}  // namespace

struct AuthorizeHub::Impl {
  Impl(AuthorizeOptions opts, const base::Clock* clock, AuthsvcClient* authsvc,
       const StreamState* stream, cache::TagGenerations* generations)
      : options(opts),
        context{clock, stream, generations},
        client(authsvc),
        addresses(opts.address_misses_per_second, opts.address_miss_burst),
        answers(AnswerOptions(), context) {}

  SharedAnswers<Decision>::Options AnswerOptions() {
    SharedAnswers<Decision>::Options out;
    out.entries = options.process_entries;
    out.bytes = options.process_bytes;
    out.negative_entries = options.denial_entries;
    out.negative_bytes = options.denial_bytes;
    out.facts = [this](const Decision& decision) { return FactsOf(decision); };
    out.jitter = [] {
      thread_local absl::InsecureBitGen random;
      return absl::Uniform(random, 0.0, 1.0);
    };
    out.on_refused = [this] {
      answers.Clear();
      if (refused) refused();
    };
    return out;
  }

  AnswerFacts FactsOf(const Decision& decision) const {
    AnswerFacts facts;
    facts.tags = decision.tags;
    facts.revision = decision.revision;
    facts.positive = decision.allowed();
    facts.bytes = SizeOf(decision);
    facts.bounds.ttl = decision.ttl;
    facts.bounds.hard_expiry = decision.hard_expiry;
    if (facts.positive) {
      facts.bounds.stale_for = std::min(decision.stale_if_error, options.max_stale);
    } else {
      // A refusal may not know of a time of its own.
      const absl::Duration ttl =
          decision.ttl > absl::ZeroDuration() ? decision.ttl : options.negative_ttl;
      facts.bounds.ttl = std::min(ttl, options.negative_ttl);
    }
    return facts;
  }

  SharedAnswers<Decision>::Question Asking(const AuthFacts& facts) {
    return [this, question = QuestionFor(facts)](uint64_t min_revision, Poster* poster,
                                                 Completion<DecisionPtr> done) {
      AuthorizeQuestion asked = question;
      asked.min_revision = min_revision;
      client->Authorize(std::move(asked), poster, std::move(done));
    };
  }

  const AuthorizeOptions options;
  const AnswerContext context;
  AuthsvcClient* const client;
  AddressMisses addresses;
  LetInBefore let_in_before;
  ChainVariants variants;
  std::function<void()> refused;
  SharedAnswers<Decision> answers;

  base::Mutex mutex;
  std::vector<std::shared_ptr<LoopCounts>> loops ABSL_GUARDED_BY(mutex);
};

AuthorizeHub::AuthorizeHub(AuthorizeOptions options, const base::Clock* clock,
                           AuthsvcClient* client, const StreamState* stream,
                           cache::TagGenerations* generations)
    : impl_(std::make_unique<Impl>(options, clock, client, stream, generations)) {}
AuthorizeHub::~AuthorizeHub() = default;

void AuthorizeHub::OnRefused(std::function<void()> callback) {
  impl_->refused = std::move(callback);
}

void AuthorizeHub::Drop() { impl_->answers.Clear(); }

AuthorizeCounters AuthorizeHub::Counters() const {
  AuthorizeCounters out;
  const auto get = [](const std::atomic<uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  {
    base::MutexLock lock(&impl_->mutex);
    for (const auto& loop : impl_->loops) {
      out.memo += get(loop->memo);
      out.loop += get(loop->loop);
      out.process += get(loop->process);
      out.refreshed += get(loop->refreshed);
      out.stale += get(loop->stale);
      out.voided += get(loop->voided);
      out.failed += get(loop->failed);
      out.connection_limited += get(loop->connection_limited);
      out.address_limited += get(loop->address_limited);
    }
  }
  const auto& answers = impl_->answers;
  out.miss = get(answers.counters().asked);
  out.joined = get(answers.counters().joined);
  out.reasked = get(answers.counters().reasked);
  out.entries = answers.positive().size();
  out.bytes = answers.positive().bytes();
  out.denial_entries = answers.negative().size();
  out.denial_bytes = answers.negative().bytes();
  out.dropped = answers.positive().dropped() + answers.negative().dropped();
  return out;
}

struct Authorizer::Impl {
  Impl(AuthorizeHub::Impl* h, Poster* p)
      : hub(h),
        poster(p),
        cached(h->options.loop_entries, h->options.process_bytes),
        denials(std::max<size_t>(h->options.loop_entries / 4, 1), h->options.denial_bytes) {}

  int64_t NowOf(const AuthFacts& facts) const {
    return facts.now_ns.has_value() ? *facts.now_ns : hub->context.Now();
  }
  std::optional<Verdict> FromMemo(ConnectionMemo& memo, const AuthFacts& facts,
                                  const cache::Hash128& credentials);
  DecisionAnswerPtr FreshAnswer(const cache::Hash128& key, int64_t now);
  Verdict Use(ConnectionMemo& memo, const AuthFacts& facts, const cache::Hash128& credentials,
              const DecisionAnswerPtr& answer, uint64_t epoch, bool stale);
  void RefreshAhead(const cache::Hash128& key, const AuthFacts& facts, const DecisionAnswer& answer,
                    int64_t now);
  std::optional<Denial> LimitMiss(ConnectionMemo& memo, const AuthFacts& facts, int64_t now);
  Verdict Failed(const absl::Status& status);
  void Keep(const cache::Hash128& key, const DecisionAnswerPtr& answer);
  Standing StandingBy(const SharedAnswers<Decision>::Result& result) const;
  Denial Unavailable(absl::string_view detail) {
    Denial denial;
    denial.reason = Reason::kAuthsvcUnavailable;
    denial.detail = std::string(detail);
    denial.retry_after = hub->options.retry_after;
    return denial;
  }

  AuthorizeHub::Impl* const hub;
  Poster* const poster;
  // The answers themselves live in the process's cache: bytes are counted there.
  cache::LruStore<DecisionAnswer> cached, denials;
  std::shared_ptr<LoopCounts> counts = std::make_shared<LoopCounts>();
};

Authorizer::Authorizer(AuthorizeHub* hub, Poster* poster)
    : impl_(std::make_unique<Impl>(hub->impl(), poster)) {
  base::MutexLock lock(&hub->impl()->mutex);
  hub->impl()->loops.push_back(impl_->counts);
}
Authorizer::~Authorizer() = default;

std::optional<Verdict> Authorizer::Impl::FromMemo(ConnectionMemo& memo, const AuthFacts& facts,
                                                  const cache::Hash128& credentials) {
  if (memo.decision == nullptr || memo.eviction_epoch != hub->context.generations->Epoch()) {
    return std::nullopt;
  }
  if (!SameQuestion(memo, facts, credentials)) return std::nullopt;
  const int64_t now = NowOf(facts);
  if (now >= memo.fresh_until_ns || !hub->context.Healthy(now)) return std::nullopt;
  LoopCounts::Add(counts->memo);
  return Verdict(PermitOffice::Issue(memo.decision, false));
}

DecisionAnswerPtr Authorizer::Impl::FreshAnswer(const cache::Hash128& key, int64_t now) {
  const auto* local = cached.Find(key, now);
  if (local == nullptr) local = denials.Find(key, now);
  if (local != nullptr) {
    if (hub->context.Fresh(**local, now)) {
      LoopCounts::Add(counts->loop);
      return *local;
    }
    LoopCounts::Add(counts->voided);
    cached.Erase(key);
    denials.Erase(key);
  }
  DecisionAnswerPtr shared = hub->answers.Find(key, now);
  if (shared == nullptr || !hub->context.Fresh(*shared, now)) return nullptr;
  LoopCounts::Add(counts->process);
  Keep(key, shared);
  return shared;
}

void Authorizer::Impl::Keep(const cache::Hash128& key, const DecisionAnswerPtr& answer) {
  auto& store = answer->positive ? cached : denials;
  (answer->positive ? denials : cached).Erase(key);
  store.Put(key, answer, sizeof(DecisionAnswerPtr), answer->times.fresh_until);
}

// `epoch`: of the generations, read before the answer was found valid.
Verdict Authorizer::Impl::Use(ConnectionMemo& memo, const AuthFacts& facts,
                              const cache::Hash128& credentials, const DecisionAnswerPtr& answer,
                              uint64_t epoch, bool stale) {
  // Shares the answer's count: no allocation.
  DecisionPtr decision = answer->value;
  if (!answer->positive) {
    memo.decision = nullptr;
    Denial denial;
    denial.reason = decision->reason;
    denial.detail = decision->detail;
    denial.decision = std::move(decision);
    return denial;
  }
  if (stale) {
    // Never used again without asking, but an eviction that severs must find the connection by it.
    memo.decision = decision;
    memo.fresh_until_ns = 0;
    LoopCounts::Add(counts->stale);
    return PermitOffice::Issue(std::move(decision), true);
  }
  if (memo.decision != decision) memo.decision = decision;
  RememberQuestion(facts, credentials, &memo);
  memo.eviction_epoch = epoch;
  // From refresh_at on every request looks at the cache, so that somebody refreshes it.
  const bool refreshing = answer->refreshing.load(std::memory_order_relaxed);
  memo.fresh_until_ns = refreshing ? answer->times.fresh_until : answer->times.refresh_at;
  return PermitOffice::Issue(std::move(decision), false);
}

void Authorizer::Impl::RefreshAhead(const cache::Hash128& key, const AuthFacts& facts,
                                    const DecisionAnswer& answer, int64_t now) {
  if (!answer.positive || now < answer.times.refresh_at) return;
  if (answer.refreshing.exchange(true, std::memory_order_relaxed)) return;
  LoopCounts::Add(counts->refreshed);
  hub->answers.Ask(key, hub->Asking(facts), poster, [](const auto&) {});
}

std::optional<Denial> Authorizer::Impl::LimitMiss(ConnectionMemo& memo, const AuthFacts& facts,
                                                  int64_t now) {
  const AuthorizeOptions& options = hub->options;
  const bool connection = facts.of_a_proxy || TakeOne(options.connection_misses_per_second,
                                                      options.connection_miss_burst, now,
                                                      &memo.misses_left, &memo.misses_at_ns);
  if (!connection) LoopCounts::Add(counts->connection_limited);
  const bool address = connection && hub->addresses.Take(facts.client_address, now);
  if (connection && !address) LoopCounts::Add(counts->address_limited);
  if (address) return std::nullopt;
  Denial denial;
  denial.reason = Reason::kOverloaded;
  denial.detail = "too many undecided requests from this client";
  denial.retry_after = options.retry_after;
  return denial;
}

Verdict Authorizer::Impl::Failed(const absl::Status& status) {
  LoopCounts::Add(counts->failed);
  Denial denial;
  denial.detail = status.ToString();
  if (NobodyAnswered(status)) return Unavailable(denial.detail);
  if (absl::IsAborted(status)) {
    denial.reason = Reason::kClientGone;
    return denial;
  }
  denial.retry_after = hub->options.retry_after;
  denial.reason = WeAreRefused(status) ? Reason::kAuthsvcRefused : Reason::kAuthsvcError;
  if (WeAreRefused(status)) {
    cached.Clear();
    denials.Clear();
  }
  return denial;
}

std::optional<Verdict> Authorizer::TryAuthorize(ConnectionMemo& memo, const AuthFacts& facts) {
  const cache::Hash128 credentials = HashOfCredentials(facts.credentials);
  if (auto verdict = impl_->FromMemo(memo, facts, credentials)) return verdict;
  const uint64_t epoch = impl_->hub->context.generations->Epoch();
  const int64_t now = impl_->NowOf(facts);
  const cache::Hash128 key = QuestionKey(facts, credentials);
  const DecisionAnswerPtr answer = impl_->FreshAnswer(key, now);
  if (answer == nullptr) return std::nullopt;
  impl_->RefreshAhead(key, facts, *answer, now);
  return impl_->Use(memo, facts, credentials, answer, epoch, false);
}

boost::asio::awaitable<Verdict> Authorizer::Authorize(ConnectionMemo& memo,
                                                      const AuthFacts& facts) {
  if (auto verdict = TryAuthorize(memo, facts)) co_return *std::move(verdict);
  AuthorizeHub::Impl* const hub = impl_->hub;
  const cache::Hash128 credentials = HashOfCredentials(facts.credentials);
  const cache::Hash128 key = QuestionKey(facts, credentials);
  const int64_t asked_at = hub->context.Now();
  // Asking again for what is known (the stream is broken, its time has passed, a change has evicted
  // it) is no flood, nor is waiting for what is being asked: many requests on one connection may
  // come at once.
  const DecisionAnswerPtr known = hub->answers.Find(key, asked_at);
  if ((known == nullptr || !known->positive) && !hub->answers.Asked(key) &&
      !hub->let_in_before.Knows(key)) {
    if (auto denial = impl_->LimitMiss(memo, facts, asked_at)) co_return *std::move(denial);
  }
  const bool keep = hub->variants.Keep(PeerOf(facts), asked_at);
  const SharedAnswers<Decision>::Question question = hub->Asking(facts);
  SharedAnswers<Decision>::Result result = absl::UnknownError("not asked");
  uint64_t epoch = 0;
  for (int overtaken = 0;; ++overtaken) {
    SharedAnswers<Decision>::Question asked = question;
    result =
        co_await AskAndWait<Decision>(hub->answers, key, std::move(asked), impl_->poster, keep);
    epoch = hub->context.generations->Epoch();
    // An eviction between its arrival and this moment wins.
    if (!result.ok() || hub->context.generations->Valid((*result)->stamp)) break;
    if (overtaken == kMostOvertaken)
      co_return impl_->Unavailable("evicted while it was handed over");
  }
  const int64_t now = hub->context.Now();
  if (!result.ok()) {
    if (NobodyAnswered(result.status())) {
      const DecisionAnswerPtr old = hub->answers.Find(key, now);
      if (old != nullptr && hub->context.UsableStale(*old, now)) {
        co_return impl_->Use(memo, facts, credentials, old, epoch, true);
      }
    }
    co_return impl_->Failed(result.status());
  }
  const DecisionAnswerPtr& answer = *result;
  // Only of an answer that is kept: else whoever sends ever other chains behind one leaf would be
  // decided each time without a limit.
  hub->let_in_before.Note(key, keep && answer->positive);
  if (now >= answer->times.hard_until) co_return impl_->Unavailable("answer is past its bounds");
  if (keep) impl_->Keep(key, answer);
  co_return impl_->Use(memo, facts, credentials, answer, epoch, false);
}

Standing Authorizer::Impl::StandingBy(const SharedAnswers<Decision>::Result& result) const {
  if (!result.ok()) return {};
  const DecisionAnswer& answer = **result;
  if (!hub->context.generations->Valid(answer.stamp)) return {};
  if (!answer.positive) return {Standing::Kind::kDenied, answer.value};
  if (hub->context.Now() >= answer.times.hard_until) return {};
  return {Standing::Kind::kAllowed, answer.value};
}

void Authorizer::AskAgain(const AuthFacts& facts, std::function<void(Standing)> done) {
  AuthorizeHub::Impl* const hub = impl_->hub;
  const cache::Hash128 key = QuestionKey(facts, HashOfCredentials(facts.credentials));
  const int64_t now = hub->context.Now();
  std::function<void(SharedAnswers<Decision>::Result)> judge =
      [impl = impl_.get(), done = std::move(done)](const SharedAnswers<Decision>::Result& result) {
        done(impl->StandingBy(result));
      };
  if (DecisionAnswerPtr known = impl_->FreshAnswer(key, now)) {
    impl_->poster->Post([judge = std::move(judge), known = std::move(known)] { judge(known); });
    return;
  }
  const bool keep = hub->variants.Keep(PeerOf(facts), now);
  hub->answers.Ask(key, hub->Asking(facts), impl_->poster, std::move(judge), keep);
}

}  // namespace sallyport::dataplane
