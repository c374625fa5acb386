#include "dataplane/authorize/client_validation.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "dataplane/authorize/miss_limit.h"
#include "dataplane/authorize/shared_answers.h"

namespace sallyport::dataplane {
namespace {

size_t SizeOf(const Validation& validation) {
  size_t bytes = sizeof(Validation) + validation.detail.size();
  for (const std::string& tag : validation.tags) bytes += tag.size() + sizeof tag;
  return bytes;
}

AnswerFacts FactsOf(const Validation& validation, absl::Duration negative_ttl) {
  AnswerFacts facts;
  facts.tags = validation.tags;
  facts.revision = validation.revision;
  facts.positive = validation.valid();
  facts.bytes = SizeOf(validation);
  facts.bounds.ttl = facts.positive ? validation.ttl : std::min(validation.ttl, negative_ttl);
  if (facts.positive) facts.bounds.hard_expiry = validation.not_after;
  return facts;
}

// The bundles themselves are authsvc's: an answer is void when one of them changes.
cache::Hash128 KeyFor(const StrictRule& rule, const PeerCertificate& chain) {
  return cache::KeyBuilder()
      .Add("validation")
      .Add(rule.version)
      .Add(DigestView(chain.leaf_sha256))
      .Add(DigestView(chain.chain_sha256))
      .Finish();
}

}  // namespace

struct ValidationHub::Impl {
  Impl(ValidationOptions opts, const base::Clock* clock, AuthsvcClient* authsvc,
       const StreamState* stream, cache::TagGenerations* generations, std::function<void()> refused)
      : options(opts),
        context{clock, stream, generations},
        client(authsvc),
        addresses(opts.address_asks_per_second, opts.address_ask_burst),
        answers(AnswerOptions(std::move(refused)), context) {}

  SharedAnswers<Validation>::Options AnswerOptions(std::function<void()> refused) {
    SharedAnswers<Validation>::Options out;
    out.entries = options.entries;
    out.bytes = options.bytes;
    out.negative_entries = options.negative_entries;
    out.negative_bytes = options.negative_bytes;
    out.facts = [ttl = options.negative_ttl](const Validation& validation) {
      return FactsOf(validation, ttl);
    };
    out.on_refused = [this, refused = std::move(refused)] {
      answers.Clear();
      if (refused) refused();
    };
    return out;
  }

  SharedAnswers<Validation>::Question Asking(const StrictRule& rule, const PeerCertificate& chain) {
    ValidationQuestion question;
    question.chain_der = chain.chain_der;
    question.trust_bundle_ids = rule.trust_bundle_ids;
    question.any_issuer = rule.any_issuer;
    question.max_depth = rule.max_depth;
    return [this, question = std::move(question)](uint64_t min_revision, Poster* poster,
                                                  Completion<ValidationPtr> done) {
      ValidationQuestion asked = question;
      asked.min_revision = min_revision;
      client->ValidateCertificate(std::move(asked), poster, std::move(done));
    };
  }

  const ValidationOptions options;
  const AnswerContext context;
  AuthsvcClient* const client;
  AddressMisses addresses;
  std::atomic<uint64_t> hit{0}, limited{0}, failed{0};
  SharedAnswers<Validation> answers;
};

ValidationHub::ValidationHub(ValidationOptions options, const base::Clock* clock,
                             AuthsvcClient* client, const StreamState* stream,
                             cache::TagGenerations* generations, std::function<void()> refused)
    : impl_(std::make_unique<Impl>(options, clock, client, stream, generations,
                                   std::move(refused))) {}
ValidationHub::~ValidationHub() = default;

void ValidationHub::Drop() { impl_->answers.Clear(); }

ValidationCounters ValidationHub::Counters() const {
  const auto get = [](const std::atomic<uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  ValidationCounters out;
  out.hit = get(impl_->hit);
  out.limited = get(impl_->limited);
  out.failed = get(impl_->failed);
  out.asked = get(impl_->answers.counters().asked);
  out.joined = get(impl_->answers.counters().joined);
  out.entries = impl_->answers.positive().size() + impl_->answers.negative().size();
  out.bytes = impl_->answers.positive().bytes() + impl_->answers.negative().bytes();
  return out;
}

ValidationPtr ClientValidation::Try(const StrictRule& rule, const PeerCertificate& chain) {
  const int64_t now = hub_->context.Now();
  const auto found = hub_->answers.Find(KeyFor(rule, chain), now);
  if (found == nullptr || !hub_->context.Fresh(*found, now)) return nullptr;
  if (found->positive && hub_->context.clock->Now() >= found->hard_expiry) return nullptr;
  hub_->hit.fetch_add(1, std::memory_order_relaxed);
  return found->value;
}

absl::Status ClientValidation::Ask(const StrictRule& rule, const PeerCertificate& chain,
                                   absl::string_view client,
                                   std::function<void(ValidationPtr)> done) {
  const cache::Hash128 key = KeyFor(rule, chain);
  ValidationHub::Impl& hub = *hub_;
  if (!hub.answers.Asked(key) && !hub.addresses.Take(client, hub.context.Now())) {
    hub.limited.fetch_add(1, std::memory_order_relaxed);
    return absl::ResourceExhaustedError("too many certificates of one address to validate");
  }
  hub.answers.Ask(key, hub.Asking(rule, chain), poster_,
                  [&hub, done = std::move(done)](const SharedAnswers<Validation>::Result& result) {
                    const bool usable = result.ok() &&
                                        hub.context.generations->Valid((*result)->stamp) &&
                                        hub.context.Now() < (*result)->times.hard_until;
                    if (!usable) hub.failed.fetch_add(1, std::memory_order_relaxed);
                    done(usable ? (*result)->value : nullptr);
                  });
  return absl::OkStatus();
}

}  // namespace sallyport::dataplane
