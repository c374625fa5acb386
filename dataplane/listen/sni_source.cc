#include "dataplane/listen/sni_source.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {
namespace {

using State = ServerSource::Credential::State;

constexpr size_t kMaxKept = 10'000;
constexpr size_t kMaxAsking = 256;
constexpr int64_t kRecentMillis = 500;

std::string KeyOf(absl::string_view sni, absl::string_view listener_id) {
  return absl::StrCat(listener_id, "\n", sni);
}

}  // namespace

absl::Status SniSource::AddFiles(const std::string& listener_id,
                                 std::vector<CertificatePaths> paths) {
  if (paths.empty()) return absl::OkStatus();
  auto files = std::make_unique<FileCertificates>(library_, watch_, poster_, std::move(paths));
  const absl::Status loaded = files->Load();
  if (loaded.ok()) files_[listener_id] = std::move(files);
  return loaded;
}

void SniSource::SetView(GatewayViewPtr view) {
  view_ = std::move(view);
  recent_.clear();
  recent_order_.clear();
}

void SniSource::Sweep() {
  const int64_t now = loop_.NowMillis();
  absl::erase_if(recent_, [now](const auto& entry) { return now >= entry.second.until_millis; });
  absl::erase_if(made_, [this](const auto& entry) {
    const std::pair<absl::string_view, absl::string_view> key =
        absl::StrSplit(entry.first, absl::MaxSplits('\n', 1));
    return cache_.TryServer(key.second, key.first) != entry.second.from;
  });
}

ClientTlsAnswer SniSource::ClientTls(absl::string_view sni, const ListenerFacts& listener) {
  const uint32_t place = listener.place;
  ClientTlsSettings settings = view_->routes->ClientTls(sni, place);
  ClientTlsAnswer answer;
  if (IsStreamPlace(place)) {
    // The name has said which API it is: no other one's certificates could be meant.
    const RoutePtr* const route = view_->routes->Find(place, sni, "/");
    answer.require_certificate =
        route != nullptr &&
        ((*route)->static_mtls == Requirement::kMandatory || (*route)->dynamic_mtls);
  }
  answer.request_certificate = settings.request_certificate;
  answer.version = settings.version;
  if (!settings.announce.empty()) {
    answer.ca_names =
        std::make_shared<const std::vector<std::string>>(std::move(settings.announce));
  }
  if (view_->offered_tls != nullptr) {
    const OfferedTlsPtr* const offered =
        view_->offered_tls->Find(listener.id, listener.socket, sni);
    if (offered != nullptr) {
      answer.offered = *offered;
      answer.version ^= answer.offered->version;
    }
    if (const OfferedTlsPtr* const served = view_->offered_tls->Everywhere(sni))
      answer.served_version = (*served)->version;
  }
  if (view_->strict == nullptr) return answer;
  const StrictRulePtr* const rule = view_->strict->Find(listener.id, listener.socket, sni);
  if (rule == nullptr) return answer;
  answer.request_certificate = true;
  answer.strict = *rule;
  answer.version = WithStrictness(answer.version, rule->get());
  return answer;
}

absl::string_view SniSource::FallbackName(const ListenerFacts& listener) {
  // What is spoken inside is not HTTP: the name says which API is meant, so it must be sent.
  if (view_->fallback_names == nullptr || IsStreamPlace(listener.place)) return {};
  return view_->fallback_names->Find(listener.id, listener.socket);
}

ServerSource::Credential SniSource::FindCredential(absl::string_view sni,
                                                   absl::string_view listener_id,
                                                   absl::string_view peer,
                                                   std::function<void()> ready) {
  const auto stream = streams_.find(listener_id);
  const RoutePtr* api = nullptr;
  if (stream != streams_.end()) {
    api = view_->routes->Find(stream->second, sni, "/");
    if (api == nullptr) return {};
  }
  Credential from_store = FromStore(sni, listener_id, peer, ready);
  if (from_store.state == State::kNone && api != nullptr)
    from_store = OfApi(**api, listener_id, peer, std::move(ready));
  const auto files = files_.find(listener_id);
  if (from_store.state != State::kNone || files == files_.end()) return from_store;
  // The listener's default: the pair that names it where there is one.
  auto fallback = sni.empty() ? nullptr : files->second->Find(sni);
  if (fallback == nullptr) fallback = files->second->Default();
  if (fallback == nullptr) return from_store;
  return {State::kFound, std::move(fallback)};
}

ServerSource::Credential SniSource::OfApi(const Route& route, absl::string_view listener_id,
                                          absl::string_view peer, std::function<void()> ready) {
  // A certificate's names are its issuer's to choose: also the empty one.
  const auto named = std::find_if(route.server_names.begin(), route.server_names.end(),
                                  [](const std::string& name) { return !name.empty(); });
  if (named == route.server_names.end()) return {};
  const std::string name =
      named->front() == '*' ? absl::StrCat("any", named->substr(1)) : std::string(*named);
  return FromStore(name, listener_id, peer, std::move(ready));
}

ServerSource::Credential SniSource::FromStore(absl::string_view sni, absl::string_view listener_id,
                                              absl::string_view peer, std::function<void()> ready) {
  const std::string key = KeyOf(sni, listener_id);
  const ServerCredentialsPtr cached = cache_.TryServer(sni, listener_id);
  if (cached != nullptr) return Convert(key, cached);
  const auto recent = recent_.find(key);
  if (recent != recent_.end()) {
    const Recent held = recent->second;
    if (loop_.NowMillis() < held.until_millis) {
      return held.answer == nullptr ? Credential{} : Convert(key, held.answer);
    }
    recent_.erase(recent);
  }
  // Names that nobody serves cost a question each: a flood of them must not become one of
  // questions.
  if (asking_ >= kMaxAsking) return {State::kOverloaded, nullptr};
  if (!peers_.Take(peer, loop_.clock().MonotonicNanoseconds()))
    return {State::kOverloaded, nullptr};
  ++asking_;
  Ask(sni, listener_id, key, std::move(ready));
  return {State::kPending, nullptr};
}

ServerSource::Credential SniSource::Convert(const std::string& key,
                                            const ServerCredentialsPtr& answer) {
  const auto found = made_.find(key);
  if (found != made_.end() && found->second.from == answer) {
    const auto& held = found->second.credential;
    return {held == nullptr ? State::kNone : State::kFound, held};
  }
  if (answer->pairs.empty())
    return {};  // nothing to keep: names that nobody serves crowd nobody out
  std::vector<ServerCredential::Pair> pairs;
  for (const ServerPair& pair : answer->pairs) {
    pairs.push_back({pair.chain_der, pair.key_der.Reveal()});
  }
  Made made;
  made.from = answer;
  auto credential =
      ServerCredential::Create(library_, pairs, {answer->min_version, answer->max_version});
  if (credential.ok()) {
    made.credential = *std::move(credential);
  } else {
    base::Log(base::Level::kError, "listen.server_certificate",
              {{"certificate", answer->pairs[0].certificate_id}, {"error", credential.status()}});
  }
  if (made_.size() >= kMaxKept) made_.erase(made_.begin());
  const auto& held = (made_[key] = std::move(made)).credential;
  return {held == nullptr ? State::kNone : State::kFound, held};
}

void SniSource::Remember(const std::string& key, ServerCredentialsPtr answer) {
  const int64_t now = loop_.NowMillis();
  while (!recent_order_.empty() &&
         (recent_order_.front().second <= now || recent_.size() >= kMaxKept)) {
    const auto& [oldest, until] = recent_order_.front();
    const auto found = recent_.find(oldest);
    if (found != recent_.end() && found->second.until_millis == until) recent_.erase(found);
    recent_order_.pop_front();
  }
  recent_[key] = {std::move(answer), now + kRecentMillis};
  recent_order_.emplace_back(key, now + kRecentMillis);
}

void SniSource::Ask(absl::string_view sni, absl::string_view listener_id, const std::string& key,
                    std::function<void()> ready) {
  // Not from within the handshake: whoever is called there, as far as gRPC, would find another
  // default library context of OpenSSL, and at strict names a small stack.
  loop_.Post([this, name = std::string(sni), listener = std::string(listener_id), key,
              done = std::move(ready)] {
    boost::asio::co_spawn(loop_.context(), AskNow(name, listener, key, done),
                          boost::asio::detached);
  });
}

boost::asio::awaitable<void> SniSource::AskNow(std::string name, std::string listener,
                                               std::string kept_key, std::function<void()> done) {
  const auto answer = co_await cache_.Server(name, listener);
  loop_.RefreshNow();
  --asking_;
  const auto* const found = std::get_if<ServerCredentialsPtr>(&answer);
  Remember(kept_key, found == nullptr ? nullptr : *found);
  done();
}

}  // namespace sallyport::dataplane
