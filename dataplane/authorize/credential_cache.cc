#include "dataplane/authorize/credential_cache.h"

#include <utility>

#include "dataplane/authorize/shared_answers.h"
#include "dataplane/authorize/waiting.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

size_t SizeOf(const std::vector<std::string>& parts) {
  size_t bytes = 0;
  for (const std::string& part : parts) bytes += part.size() + sizeof part;
  return bytes;
}
size_t SizeOf(const UpstreamCredentials& it) {
  return sizeof it + SizeOf(it.client_chain_der) + it.client_key_der.Reveal().size() +
         SizeOf(it.pin_spki_sha256) + SizeOf(it.trust_der) + SizeOf(it.tags) + SizeOf(it.ciphers) +
         (it.proxy.has_value() ? it.proxy->host.size() + it.proxy->username.size() : 0);
}
size_t SizeOf(const ServerCredentials& it) {
  size_t bytes = sizeof it + SizeOf(it.tags);
  for (const ServerPair& pair : it.pairs) {
    bytes += sizeof pair + SizeOf(pair.chain_der) + pair.key_der.Reveal().size();
  }
  return bytes;
}

bool Positive(const UpstreamCredentials& it) { return it.reason == Reason::kAllowed; }
bool Positive(const ServerCredentials& it) { return !it.pairs.empty(); }

template <typename T>
typename SharedAnswers<T>::Options OptionsFor(const CredentialOptions& options) {
  typename SharedAnswers<T>::Options out;
  out.entries = options.entries;
  out.bytes = options.bytes;
  out.negative_entries = options.entries;
  out.negative_bytes = options.bytes / 4;
  out.facts = [options](const T& value) {
    AnswerFacts facts;
    facts.tags = value.tags;
    facts.revision = value.revision;
    facts.positive = Positive(value);
    facts.bytes = SizeOf(value);
    facts.bounds.hard_expiry = value.hard_expiry;
    facts.bounds.ttl = value.ttl;
    if (facts.positive) {
      facts.bounds.stale_for = options.stale_if_error;
    } else {
      const absl::Duration ttl =
          value.ttl > absl::ZeroDuration() ? value.ttl : options.negative_ttl;
      facts.bounds.ttl = std::min(ttl, options.negative_ttl);
    }
    return facts;
  };
  return out;
}

cache::Hash128 KeyFor(const Route& route, const CredentialTarget& target) {
  cache::KeyBuilder builder;
  builder.Add("upstream").Add(route.api_id).Add(target.host).Add(target.written_port);
  builder.Add((static_cast<uint64_t>(target.port) << 1) | (target.tls ? 1 : 0));
  return builder.Finish();
}
cache::Hash128 KeyFor(absl::string_view sni, absl::string_view listener_id) {
  return cache::KeyBuilder().Add("server").Add(sni).Add(listener_id).Finish();
}

Denial FailedWith(const absl::Status& status) {
  Denial denial;
  denial.detail = status.ToString();
  denial.retry_after = absl::Seconds(1);
  denial.reason = NobodyAnswered(status)    ? Reason::kAuthsvcUnavailable
                  : WeAreRefused(status)    ? Reason::kAuthsvcRefused
                  : absl::IsAborted(status) ? Reason::kClientGone
                                            : Reason::kAuthsvcError;
  return denial;
}

}  // namespace

struct CredentialHub::Impl {
  Impl(CredentialOptions opts, const base::Clock* clock, AuthsvcClient* authsvc,
       const StreamState* stream, cache::TagGenerations* generations)
      : options(opts),
        context{clock, stream, generations},
        client(authsvc),
        upstream(OptionsFor<UpstreamCredentials>(opts), context),
        server(OptionsFor<ServerCredentials>(opts), context) {}

  template <typename T>
  std::shared_ptr<const T> Fresh(SharedAnswers<T>& answers, const cache::Hash128& key) {
    const int64_t now = context.Now();
    const auto found = answers.Find(key, now);
    return found != nullptr && context.Fresh(*found, now) ? found->value : nullptr;
  }

  // `stale_for`: what the caller's decision allows beside our own bound.
  template <typename T>
  boost::asio::awaitable<absl::StatusOr<std::shared_ptr<const T>>> Get(
      SharedAnswers<T>& answers, cache::Hash128 key, typename SharedAnswers<T>::Question question,
      Poster* poster, absl::Duration stale_for) {
    if (auto fresh = Fresh(answers, key)) co_return fresh;
    typename SharedAnswers<T>::Result result = absl::UnknownError("not asked");
    for (int overtaken = 0;; ++overtaken) {
      typename SharedAnswers<T>::Question asked = question;
      result = co_await AskAndWait<T>(answers, key, std::move(asked), poster, true);
      if (!result.ok() || context.generations->Valid((*result)->stamp)) break;
      if (overtaken == kMostOvertaken)
        co_return absl::UnavailableError("credentials were evicted while they were handed over");
    }
    const int64_t now = context.Now();
    if (result.ok()) {
      const auto& answer = *result;
      if (now < answer->times.hard_until) co_return answer->value;
      co_return absl::UnavailableError("credentials are past their bounds");
    }
    if (WeAreRefused(result.status())) Drop();
    if (NobodyAnswered(result.status())) {
      const auto old = answers.Find(key, now);
      if (old != nullptr) {
        Answer<T> bounded;
        bounded.stamp = old->stamp;
        bounded.times = old->times;
        bounded.times.stale_for = std::min(bounded.times.stale_for, Nanoseconds(stale_for));
        bounded.hard_expiry = old->hard_expiry;
        bounded.positive = old->positive;
        if (context.UsableStale(bounded, now)) co_return old->value;
      }
    }
    co_return result.status();
  }

  void Drop() {
    upstream.Clear();
    server.Clear();
  }

  const CredentialOptions options;
  const AnswerContext context;
  AuthsvcClient* const client;
  SharedAnswers<UpstreamCredentials> upstream;
  SharedAnswers<ServerCredentials> server;
};

CredentialHub::CredentialHub(CredentialOptions options, const base::Clock* clock,
                             AuthsvcClient* client, const StreamState* stream,
                             cache::TagGenerations* generations)
    : impl_(std::make_unique<Impl>(options, clock, client, stream, generations)) {}
CredentialHub::~CredentialHub() = default;
void CredentialHub::Drop() { impl_->Drop(); }

struct CredentialCache::Impl {
  CredentialHub::Impl* hub;
  Poster* poster;
};

CredentialCache::CredentialCache(CredentialHub* hub, Poster* poster)
    : impl_(std::make_unique<Impl>(Impl{hub->impl(), poster})) {}
CredentialCache::~CredentialCache() = default;

UpstreamCredentialsPtr CredentialCache::TryUpstream(const Route& route,
                                                    const CredentialTarget& target) {
  auto found = impl_->hub->Fresh(impl_->hub->upstream, KeyFor(route, target));
  return found != nullptr && Positive(*found) ? found : nullptr;
}

boost::asio::awaitable<std::variant<UpstreamCredentialsPtr, Denial>> CredentialCache::Upstream(
    const Route& route, const CredentialTarget& target, const Permit& permit) {
  auto found = co_await Resolve(route, target, permit.decision().stale_if_error);
  auto* const denial = std::get_if<Denial>(&found);
  if (denial != nullptr) denial->decision = permit.shared();
  co_return found;
}

boost::asio::awaitable<std::variant<UpstreamCredentialsPtr, Denial>>
CredentialCache::ForHealthCheck(const Route& route, const CredentialTarget& target,
                                ProbePass /*pass*/) {
  co_return co_await Resolve(route, target, absl::ZeroDuration());
}

boost::asio::awaitable<std::variant<UpstreamCredentialsPtr, Denial>> CredentialCache::Resolve(
    const Route& route, const CredentialTarget& target, absl::Duration stale_for) {
  CredentialHub::Impl* const hub = impl_->hub;
  UpstreamQuestion asked;
  asked.api_id = route.api_id;
  asked.host = std::string(target.host);
  asked.port = target.port;
  asked.tls = target.tls;
  asked.written_port = std::string(target.written_port);
  SharedAnswers<UpstreamCredentials>::Question question =
      [hub, asked](uint64_t min_revision, Poster* poster, Completion<UpstreamCredentialsPtr> done) {
        UpstreamQuestion sent = asked;
        sent.min_revision = min_revision;
        hub->client->ResolveUpstream(std::move(sent), poster, std::move(done));
      };
  const cache::Hash128 key = KeyFor(route, target);
  auto result = co_await hub->Get<UpstreamCredentials>(hub->upstream, key, std::move(question),
                                                       impl_->poster, stale_for);
  if (!result.ok()) co_return FailedWith(result.status());
  if (Positive(**result)) co_return *std::move(result);
  Denial denial;
  denial.reason = (*result)->reason;
  denial.detail = (*result)->detail;
  co_return denial;
}

ServerCredentialsPtr CredentialCache::TryServer(absl::string_view sni,
                                                absl::string_view listener_id) {
  return impl_->hub->Fresh(impl_->hub->server, KeyFor(sni, listener_id));
}

boost::asio::awaitable<std::variant<ServerCredentialsPtr, Denial>> CredentialCache::Server(
    absl::string_view sni, absl::string_view listener_id) {
  CredentialHub::Impl* const hub = impl_->hub;
  ServerQuestion asked;
  asked.sni = std::string(sni);
  asked.listener_id = std::string(listener_id);
  SharedAnswers<ServerCredentials>::Question question =
      [hub, asked](uint64_t min_revision, Poster* poster, Completion<ServerCredentialsPtr> done) {
        ServerQuestion sent = asked;
        sent.min_revision = min_revision;
        hub->client->ResolveServer(std::move(sent), poster, std::move(done));
      };
  const cache::Hash128 key = KeyFor(sni, listener_id);
  const absl::Duration stale_for = hub->options.stale_if_error;
  auto result = co_await hub->Get<ServerCredentials>(hub->server, key, std::move(question),
                                                     impl_->poster, stale_for);
  if (!result.ok()) co_return FailedWith(result.status());
  co_return *std::move(result);
}

}  // namespace sallyport::dataplane
