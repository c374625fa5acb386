// The one epoll descriptor of a loop. A descriptor is registered once in its life, edge-triggered,
// for both directions; what came is noted at its Readiness. Belongs to the loop's thread, Wake
// excepted.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sallyport::dataplane {

class Readiness;

class Poller {
 public:
  // Names one registration; never used again, so that an event of a closed descriptor finds nobody.
  using Key = uint64_t;
  static constexpr Key kNone = 0;

  Poller();  // ends the process when the machine has no descriptor for it
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // kNone: the kernel refused. `readiness` is told until Forget.
  [[nodiscard]] Key Add(int fd, Readiness* readiness);
  // Before the descriptor is closed.
  void Forget(Key key);
  // Instead, where the descriptor lives on without its Readiness.
  void Remove(int fd, Key key);

  // Waits for events and notes all of them; -1 waits without end. Nobody is resumed. False when
  // more may have happened than it has noted.
  bool Wait(int timeout_millis);
  // Resumes the coroutines that waited for what was noted, each at most once.
  void Dispatch();

  // Thread-safe: ends the wait of now, or the next one.
  void Wake();

 private:
  static constexpr int kMaxEvents = 256;
  struct Entry {
    Readiness* readiness = nullptr;
    uint32_t generation = 1;
  };
  [[nodiscard]] Readiness* Find(Key key) const;
  void Dispatch(Key key, size_t direction);

  int epoll_fd_;
  int wake_fd_;
  std::atomic<bool> woken_{false};
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  int count_ = 0;
  epoll_event events_[kMaxEvents];
};

}  // namespace sallyport::dataplane
