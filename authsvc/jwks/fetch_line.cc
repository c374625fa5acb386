#include "authsvc/jwks/fetch_line.h"

#include <utility>

namespace sallyport::authsvc {

std::string ServerOf(absl::string_view url) {
  const size_t scheme = url.find("://");
  const size_t from = scheme == absl::string_view::npos ? 0 : scheme + 3;
  return std::string(url.substr(0, url.find_first_of("/?#", from)));
}

void FetchLine::Add(std::string key, absl::string_view url) {
  waiting_[ServerOf(url)].push_back(std::move(key));
}

bool FetchLine::MayBegin(const std::string& server) const {
  const auto busy = busy_.find(server);
  return busy == busy_.end() || busy->second < most_of_one_;
}

// The next one after the last. Few are passed over: no more can be at their bound than the bound of
// all lets be under way.
FetchLine::Waiting::iterator FetchLine::NextServer() {
  for (auto at = waiting_.upper_bound(last_); at != waiting_.end(); ++at) {
    if (MayBegin(at->first)) return at;
  }
  const auto end = waiting_.upper_bound(last_);
  for (auto at = waiting_.begin(); at != end; ++at) {
    if (MayBegin(at->first)) return at;
  }
  return waiting_.end();
}

std::optional<std::string> FetchLine::Next() {
  if (under_way_.size() >= most_) return std::nullopt;
  const auto server = NextServer();
  if (server == waiting_.end()) return std::nullopt;
  last_ = server->first;
  std::string key = std::move(server->second.front());
  server->second.pop_front();
  if (server->second.empty()) waiting_.erase(server);
  under_way_.emplace(key, last_);
  ++busy_[last_];
  return key;
}

void FetchLine::End(const std::string& key) {
  const auto found = under_way_.find(key);
  if (found == under_way_.end()) return;
  const auto busy = busy_.find(found->second);
  if (--busy->second == 0) busy_.erase(busy);
  under_way_.erase(found);
}

}  // namespace sallyport::authsvc
