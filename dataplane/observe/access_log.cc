#include "dataplane/observe/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "dataplane/observe/access_log_ring.h"
#include "shared/base/background.h"
#include "shared/base/log.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::Duration kWriteEvery = absl::Milliseconds(100);
constexpr size_t kPiece = 64 << 10;
constexpr int kLookEvery = 10;  // rounds: was the file moved away?

// The descriptor that lines go to. One thread.
class LogFile {
 public:
  explicit LogFile(std::string path) : path_(std::move(path)) {}
  ~LogFile() { Close(); }
  absl::Status Open() {
    if (path_ == "-") {
      fd_ = STDOUT_FILENO;
      return absl::OkStatus();
    }
    const int fd = open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open access log ", path_));
    Close();
    fd_ = fd;
    return absl::OkStatus();
  }
  // Moved or removed by log rotation.
  [[nodiscard]] bool Gone() const {
    if (path_ == "-" || fd_ < 0) return false;
    struct stat ours{}, there{};
    return fstat(fd_, &ours) != 0 || stat(path_.c_str(), &there) != 0 ||
           ours.st_ino != there.st_ino || ours.st_dev != there.st_dev;
  }
  // Whole lines. Gives what could not be written, which is lost.
  absl::string_view Write(absl::string_view lines) {
    if (torn_ && write(fd_, "\n", 1) == 1) torn_ = false;
    while (!lines.empty()) {
      const ssize_t done = write(fd_, lines.data(), Piece(lines));
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) break;
      torn_ = lines[static_cast<size_t>(done) - 1] != '\n';
      lines.remove_prefix(static_cast<size_t>(done));
    }
    return lines;
  }

 private:
  // The kernel gives others the core between two calls, not within one; and a process beside this
  // one may write into the same file between two, so each has whole lines.
  static size_t Piece(absl::string_view bytes) {
    if (bytes.size() <= kPiece) return bytes.size();
    size_t end = bytes.rfind('\n', kPiece - 1);
    if (end == absl::string_view::npos) end = bytes.find('\n');
    return end == absl::string_view::npos ? bytes.size() : end + 1;
  }
  void Close() {
    if (fd_ >= 0 && fd_ != STDOUT_FILENO) close(fd_);
    fd_ = -1;
  }
  const std::string path_;
  int fd_ = -1;
  bool torn_ = false;  // the last line that was written has no end
};

}  // namespace

struct AccessLog::Impl {
  Impl(std::string path, int count, size_t bytes) : off(path.empty()), file(std::move(path)) {
    for (int i = 0; i < (off ? 0 : count); ++i)
      rings.push_back(std::make_unique<AccessLogRing>(bytes));
  }

  void Run() {
    for (int round = 0;; ++round) {
      bool stop = false, reopen_now = false;
      uint64_t flush = 0;
      {
        base::MutexLock lock(&mutex);
        if (!stopping && !woken && flush_asked == flush_done)
          wake.WaitWithTimeout(&mutex, kWriteEvery);
        woken = false;
        hurried.store(false, std::memory_order_relaxed);
        stop = stopping;
        flush = flush_asked;
        reopen_now = std::exchange(reopen, false);
      }
      if (reopen_now || (round % kLookEvery == 0 && file.Gone())) OpenAgain();
      WriteOut();
      base::MutexLock lock(&mutex);
      flush_done = flush;
      flushed.SignalAll();
      if (stop) return;
    }
  }

  // A ring fills up before its time.
  void Hurry() {
    if (hurried.exchange(true, std::memory_order_relaxed)) return;
    const base::MutexLock lock(&mutex);
    woken = true;
    wake.SignalAll();
  }

  void OpenAgain() {
    const absl::Status status = file.Open();  // the old file stays in use when this fails
    if (!status.ok()) base::Log(base::Level::kError, "access_log.reopen", {{"error", status}});
  }

  void WriteOut() {
    for (const auto& ring : rings) {
      batch.clear();
      ring->Take(&batch);
      const absl::string_view rest = file.Write(batch);
      if (rest.empty()) continue;
      lost.fetch_add(static_cast<uint64_t>(std::count(rest.begin(), rest.end(), '\n')),
                     std::memory_order_relaxed);
      if (!std::exchange(complained, true))
        base::Log(base::Level::kError, "access_log.write_failed");
    }
  }

  const bool off;
  LogFile file;
  std::vector<std::unique_ptr<AccessLogRing>> rings;
  std::string batch;
  bool complained = false;
  std::atomic<uint64_t> lost{0};
  std::atomic<bool> hurried{false};  // once for each time that it writes

  base::Mutex mutex;
  base::CondVar wake, flushed;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool woken ABSL_GUARDED_BY(mutex) = false;
  bool reopen ABSL_GUARDED_BY(mutex) = false;
  uint64_t flush_asked ABSL_GUARDED_BY(mutex) = 0;
  uint64_t flush_done ABSL_GUARDED_BY(mutex) = 0;
  std::thread thread;
};

AccessLog::AccessLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<AccessLog>> AccessLog::Open(absl::string_view path, int rings,
                                                           size_t ring_bytes) {
  auto impl = std::make_unique<Impl>(std::string(path), rings, ring_bytes);
  if (!impl->off) {
    const absl::Status opened = impl->file.Open();
    if (!opened.ok()) return opened;
    Impl* const raw = impl.get();
    impl->thread = std::thread([raw] {
      base::GiveWayToOthers();
      raw->Run();
    });
  }
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(impl)));
}

AccessLog::~AccessLog() {
  if (impl_->off) return;
  {
    base::MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
    impl_->wake.SignalAll();
  }
  impl_->thread.join();
}

void AccessLog::Write(int ring, const AccessRecord& record) {
  if (impl_->off) return;
  thread_local std::string room;
  const absl::string_view line = RenderAccessLine(record, &room);
  AccessLogRing& to = *impl_->rings[static_cast<size_t>(ring)];
  auto& counter = to.Put(line) ? to.written : to.dropped;
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (to.MoreThanHalfFull()) impl_->Hurry();
}

void AccessLog::Reopen() {
  base::MutexLock lock(&impl_->mutex);
  impl_->reopen = impl_->woken = true;
  impl_->wake.SignalAll();
}

void AccessLog::Flush() {
  if (impl_->off) return;
  base::MutexLock lock(&impl_->mutex);
  const uint64_t mine = ++impl_->flush_asked;
  impl_->wake.SignalAll();
  while (impl_->flush_done < mine && !impl_->stopping) impl_->flushed.Wait(&impl_->mutex);
}

uint64_t AccessLog::dropped() const {
  uint64_t total = impl_->lost.load(std::memory_order_relaxed);
  for (const auto& ring : impl_->rings) total += ring->dropped.load(std::memory_order_relaxed);
  return total;
}

uint64_t AccessLog::written() const {
  uint64_t total = 0;
  for (const auto& ring : impl_->rings) total += ring->written.load(std::memory_order_relaxed);
  return total;
}

}  // namespace sallyport::dataplane
