// HTTP requests under way, on one thread of their own: libcurl's multi interface. HTTPS with the
// server verified, HTTP where the address says so; no redirects, no proxies, no cookies, bounded in
// time and size.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sallyport::base {
class Clock;
}

namespace sallyport::authsvc {

struct Transfer {
  std::string url;
  std::string trust_pem;             // beside the system's certificates
  std::string method;                // empty: GET
  std::vector<std::string> headers;  // "Name: value", without line breaks
  std::string body;                  // not of GET
  absl::Duration timeout;            // zero: that of all
  absl::Duration delay;              // how long it waits before it is begun
  // Asked on the thread when it is about to begin after a delay: false ends it as cancelled. Empty:
  // it begins.
  std::function<bool()> wanted;
};

class Transfers {
 public:
  // `ended` is called on the thread: the body of a 200 (of methods other than GET any 2xx), or why
  // there is none. kFailedPrecondition: the answer says that the same request need not come again
  // (a status of 3xx or 4xx other than 408, 425 and 429); kCancelled: stopped, or not wanted any
  // more.
  using Ended = std::function<void(const std::string& key, const absl::StatusOr<std::string>&)>;
  // `ca_path`: a folder of certificates in place of the system's; empty: the system's.
  // `clock` tells how long delays are, and outlives it.
  Transfers(Ended ended, absl::Duration timeout, size_t most_bytes, std::string ca_path,
            const base::Clock* clock);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  // Thread-safe. After Stop() it ends with an error at once, where nothing can be begun soon.
  void Add(const std::string& key, const Transfer& transfer);
  // Ends what is under way; returns when the thread is gone. `ended` was called for all.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::authsvc
