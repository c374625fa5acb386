#include "authsvc/logins/login_line.h"

#include <algorithm>
#include <utility>

#include "authsvc/logins/login_checker.h"

namespace sallyport::authsvc {
namespace {

size_t CountOf(const absl::flat_hash_map<std::string, size_t>& counts, const std::string& of) {
  const auto found = counts.find(of);
  return found == counts.end() ? 0 : found->second;
}

void OneLess(absl::flat_hash_map<std::string, size_t>* counts, const std::string& of) {
  const auto found = counts->find(of);
  if (--found->second == 0) counts->erase(found);
}

}  // namespace

LoginLine::LoginLine(const LoginOptions& options)
    : most_(options.most_waiting),
      most_of_one_(options.most_waiting_of_one),
      most_nobodies_(options.most_nobodies),
      most_nobodies_of_org_(options.most_nobodies_of_org),
      alone_(options.threads <= 1),
      most_nobodies_begun_(std::max<size_t>(2, options.threads) - 1) {}

bool LoginLine::HasPlaceFor(const LoginJob& job) const {
  if (waiting_.size() + nobodies_waiting_ >= most_) return false;
  if (CountOf(of_name_, job.name) >= most_of_one_) return false;
  return !job.IsNobodys() || (nobodies_waiting_ < most_nobodies_ &&
                              CountOf(nobodies_of_org_, job.org_id) < most_nobodies_of_org_);
}

void LoginLine::Add(LoginJob job) {
  ++of_name_[job.name];
  Places* places = &waiting_;
  if (job.IsNobodys()) {
    ++nobodies_waiting_;
    ++nobodies_of_org_[job.org_id];
    places = &nobodies_[job.org_id];
  }
  places->push_back({came_++, std::move(job)});
}

std::map<std::string, LoginLine::Places>::iterator LoginLine::NextNobodies() {
  if (nobodies_begun_ >= most_nobodies_begun_) return nobodies_.end();
  const auto next = nobodies_.upper_bound(last_);
  return next != nobodies_.end() ? next : nobodies_.begin();
}

std::optional<LoginJob> LoginLine::Next() {
  const auto nobodies = NextNobodies();
  const bool has_nobodies = nobodies != nobodies_.end();
  if (waiting_.empty() && !has_nobodies) return std::nullopt;
  // A thread that is the only one takes those that somebody has first: there is none to leave free.
  if (waiting_.empty() ||
      (has_nobodies && !alone_ && nobodies->second.front().number < waiting_.front().number)) {
    return TakeNobodys(nobodies);
  }
  LoginJob job = std::move(waiting_.front().job);
  waiting_.pop_front();
  return job;
}

LoginJob LoginLine::TakeNobodys(std::map<std::string, Places>::iterator of_org) {
  LoginJob job = std::move(of_org->second.front().job);
  of_org->second.pop_front();
  last_ = of_org->first;
  if (of_org->second.empty()) nobodies_.erase(of_org);
  --nobodies_waiting_;
  ++nobodies_begun_;
  return job;
}

void LoginLine::End(const LoginJob& job) {
  OneLess(&of_name_, job.name);
  if (!job.IsNobodys()) return;
  --nobodies_begun_;
  OneLess(&nobodies_of_org_, job.org_id);
}

}  // namespace sallyport::authsvc
