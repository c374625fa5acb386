#include "dataplane/loop/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>

#include "dataplane/loop/readiness.h"

namespace sallyport::dataplane {
namespace {

constexpr Poller::Key kWakeKey = ~uint64_t{0};
constexpr uint32_t kWatched = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

uint32_t IndexOf(Poller::Key key) { return static_cast<uint32_t>(key); }
uint32_t GenerationOf(Poller::Key key) { return static_cast<uint32_t>(key >> 32); }

bool Register(int epoll_fd, int fd, uint32_t what, Poller::Key key) {
  epoll_event event = {};
  event.events = what;
  event.data.u64 = key;
  return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Poller::Poller()
    : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  // At start: nothing can be served.
  if (epoll_fd_ < 0 || wake_fd_ < 0 ||
      !Register(epoll_fd_, wake_fd_, EPOLLIN | EPOLLET, kWakeKey)) {
    std::abort();
  }
}

Poller::~Poller() {
  close(wake_fd_);
  close(epoll_fd_);
}

Poller::Key Poller::Add(int fd, Readiness* readiness) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  const uint32_t index = free_.back();
  const Key key = Key{entries_[index].generation} << 32 | index;
  if (!Register(epoll_fd_, fd, kWatched, key)) return kNone;
  free_.pop_back();
  entries_[index].readiness = readiness;
  return key;
}

void Poller::Forget(Key key) {
  if (Find(key) == nullptr) return;
  Entry& entry = entries_[IndexOf(key)];
  entry.readiness = nullptr;
  // At its last number an entry rests for good.
  if (++entry.generation != GenerationOf(kWakeKey)) free_.push_back(IndexOf(key));
}

void Poller::Remove(int fd, Key key) {
  Forget(key);
  epoll_event ignored = {};
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, &ignored);
}

Readiness* Poller::Find(Key key) const {
  const uint32_t index = IndexOf(key);
  if (index >= entries_.size() || entries_[index].generation != GenerationOf(key)) return nullptr;
  return entries_[index].readiness;
}

bool Poller::Wait(int timeout_millis) {
  count_ = epoll_wait(epoll_fd_, events_, kMaxEvents, timeout_millis);
  for (int i = 0; i < count_; ++i) {
    const Key key = events_[i].data.u64;
    if (key == kWakeKey) {
      woken_ = false;
    } else if (Readiness* const readiness = Find(key)) {
      readiness->Note(events_[i].events);
    }
  }
  return count_ >= 0 && count_ < kMaxEvents;
}

void Poller::Dispatch() {
  for (int i = 0; i < count_; ++i) {
    for (const Direction direction : {Direction::kRead, Direction::kWrite}) {
      Dispatch(events_[i].data.u64, Readiness::Index(direction));
    }
  }
  count_ = 0;
}

void Poller::Dispatch(Key key, size_t direction) {
  // Again for each: what was resumed may have closed it.
  Readiness* readiness = Find(key);
  if (readiness == nullptr || !readiness->ready_[direction]) return;
  readiness->ResumeSlot(direction);
  // Also when the first has used up what there was: it might do so every time.
  readiness = Find(key);
  if (readiness != nullptr) readiness->ResumeSlot(direction + 2);
}

void Poller::Wake() {
  if (woken_.exchange(true)) return;
  const uint64_t one = 1;
  (void)!write(wake_fd_, &one, sizeof one);
}

}  // namespace sallyport::dataplane
