#include "dataplane/upstream/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dataplane/upstream/event.h"

namespace sallyport::dataplane {
namespace {

using boost::asio::ip::address;

// RFC 6761 6.3: such a name is the loopback address, whatever a name server or a missing hosts file
// says.
bool IsLocalhost(absl::string_view host) {
  (void)absl::ConsumeSuffix(&host, ".");
  return absl::EqualsIgnoreCase(host, "localhost") || absl::EndsWithIgnoreCase(host, ".localhost");
}

absl::StatusOr<std::vector<address>> SystemLookup(const std::string& host) {
  if (IsLocalhost(host)) {
    return std::vector<address>{boost::asio::ip::address_v4::loopback(),
                                boost::asio::ip::address_v6::loopback()};
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) return absl::NotFoundError(absl::StrCat(host, ": ", gai_strerror(error)));
  std::vector<address> found;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    boost::asio::ip::tcp::endpoint endpoint;
    if (one->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), one->ai_addr, one->ai_addrlen);
    found.push_back(endpoint.address());
  }
  freeaddrinfo(list);
  if (found.empty()) return absl::NotFoundError(absl::StrCat(host, ": no address"));
  return found;
}

}  // namespace

Resolver::Resolver(ResolverOptions options, LookupFunction lookup, const base::Clock& clock)
    : options_(options), lookup_(lookup ? std::move(lookup) : SystemLookup), clock_(clock) {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Work(); });
}

Resolver::~Resolver() { Stop(); }

void Resolver::Stop() {
  {
    const base::MutexLock lock(&mutex_);
    stop_ = true;
    wake_.SignalAll();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  std::vector<Done> waiting;
  {
    const base::MutexLock lock(&mutex_);
    queue_.clear();
    for (auto& [host, entry] : entries_) {
      entry.running = false;
      std::move(entry.waiting.begin(), entry.waiting.end(), std::back_inserter(waiting));
      entry.waiting.clear();
    }
  }
  for (const Done& done : waiting) done(absl::UnavailableError("name lookups have ended"));
}

Addresses Resolver::Peek(const std::string& host) const {
  const base::MutexLock lock(&mutex_);
  const auto found = entries_.find(host);
  if (found == entries_.end() || clock_.Monotonic() >= found->second.stale_until) return nullptr;
  return found->second.addresses;
}

Addresses Resolver::Follow(const std::string& host) {
  const base::MutexLock lock(&mutex_);
  const auto found = entries_.find(host);
  if (found == entries_.end()) return nullptr;
  Entry& entry = found->second;
  const absl::Duration now = clock_.Monotonic();
  if (now >= entry.fresh_until) (void)Enqueue(host, &entry);
  return now < entry.stale_until ? entry.addresses : nullptr;
}

bool Resolver::Enqueue(const std::string& host, Entry* entry) {
  if (entry->running) return true;
  if (queue_.size() >= options_.max_waiting || stop_) return false;
  entry->running = true;
  queue_.push_back(host);
  wake_.Signal();
  return true;
}

bool Resolver::Ask(const std::string& host, absl::StatusOr<Addresses>* answer, Done done) {
  const base::MutexLock lock(&mutex_);
  if (entries_.size() >= options_.max_names && !entries_.contains(host)) MakeRoom();
  Entry& entry = entries_[host];
  const absl::Duration now = clock_.Monotonic();
  const bool fresh = now < entry.fresh_until;
  if (entry.addresses != nullptr && now < entry.stale_until) {
    *answer = entry.addresses;
    if (!fresh) (void)Enqueue(host, &entry);
    return true;
  }
  if (fresh && !entry.failure.ok()) {
    *answer = entry.failure;
    return true;
  }
  if (!Enqueue(host, &entry)) {
    *answer = absl::ResourceExhaustedError(absl::StrCat(host, ": too many lookups at once"));
    return true;
  }
  entry.waiting.push_back(std::move(done));
  return false;
}

bool Resolver::AskNewer(const std::string& host, const Addresses& than,
                        absl::StatusOr<Addresses>* answer, Done done) {
  const base::MutexLock lock(&mutex_);
  *answer = Addresses();
  const auto found = entries_.find(host);
  if (found == entries_.end()) return true;
  Entry& entry = found->second;
  if (entry.addresses != than) {
    *answer = entry.addresses;
    return true;
  }
  if (clock_.Monotonic() < entry.fresh_until || !Enqueue(host, &entry)) return true;
  entry.waiting.push_back(std::move(done));
  return false;
}

// Drops what nobody waits for, oldest use unknown: any entry that is not running will do.
void Resolver::MakeRoom() {
  size_t wanted = options_.max_names / 10 + 1;
  for (auto it = entries_.begin(); it != entries_.end() && wanted > 0;) {
    const auto now = it++;
    if (now->second.running) continue;
    entries_.erase(now);
    --wanted;
  }
}

void Resolver::Work() {
  while (true) {
    std::string host;
    {
      const base::MutexLock lock(&mutex_);
      while (!stop_ && queue_.empty()) wake_.Wait(&mutex_);
      if (stop_) return;
      host = std::move(queue_.front());
      queue_.erase(queue_.begin());
    }
    Finish(host, lookup_(host));
  }
}

void Resolver::Finish(const std::string& host, absl::StatusOr<std::vector<address>> found) {
  std::vector<Done> waiting;
  absl::StatusOr<Addresses> answer = absl::UnknownError("no answer");
  {
    const base::MutexLock lock(&mutex_);
    Entry& entry = entries_[host];
    const absl::Duration now = clock_.Monotonic();
    entry.running = false;
    waiting.swap(entry.waiting);
    if (found.ok() && !found->empty()) {
      entry.addresses = std::make_shared<const std::vector<address>>(*std::move(found));
      entry.failure = absl::OkStatus();
      entry.fresh_until = now + options_.fresh;
      entry.stale_until = now + options_.stale;
    } else {
      entry.failure =
          found.ok() ? absl::NotFoundError(absl::StrCat(host, ": no address")) : found.status();
      entry.fresh_until = now + options_.negative;
      if (now >= entry.stale_until) entry.addresses = nullptr;
    }
    answer = entry.addresses != nullptr ? absl::StatusOr<Addresses>(entry.addresses)
                                        : absl::StatusOr<Addresses>(entry.failure);
  }
  for (const Done& done : waiting) done(answer);
}

struct Resolver::Waiting {
  explicit Waiting(Loop& on) : event(on) {}
  Event event;
  absl::StatusOr<Addresses> answer = absl::DeadlineExceededError("name lookup took too long");
};

Resolver::Done Resolver::Post(Loop& loop, std::shared_ptr<Waiting> waiting) {
  Loop* const on = &loop;
  return [waiting = std::move(waiting), on](const absl::StatusOr<Addresses>& found) {
    on->Post([waiting, found] {
      waiting->answer = found;
      waiting->event.Set();
    });
  };
}

boost::asio::awaitable<absl::StatusOr<Addresses>> Resolver::Resolve(Loop& loop,
                                                                    const std::string& host,
                                                                    Deadline deadline) {
  boost::system::error_code not_an_address;
  const address literal = boost::asio::ip::make_address(host, not_an_address);
  if (!not_an_address) co_return std::make_shared<const std::vector<address>>(1, literal);

  const auto waiting = std::make_shared<Waiting>(loop);
  absl::StatusOr<Addresses> answer = absl::UnknownError("no answer");
  if (Ask(host, &answer, Post(loop, waiting))) co_return answer;
  (void)co_await waiting->event.Wait(deadline);
  co_return waiting->answer;
}

boost::asio::awaitable<Addresses> Resolver::Newer(Loop& loop, const std::string& host,
                                                  Addresses than, Deadline deadline) {
  const auto waiting = std::make_shared<Waiting>(loop);
  if (!AskNewer(host, than, &waiting->answer, Post(loop, waiting)))
    (void)co_await waiting->event.Wait(deadline);
  const absl::StatusOr<Addresses>& found = waiting->answer;
  if (!found.ok() || *found == nullptr || **found == *than) co_return nullptr;
  co_return *found;
}

}  // namespace sallyport::dataplane
