#include "authsvc/transfers/transfers.h"

#include <curl/curl.h>

#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {
namespace {

constexpr int kLongestPollMs = 1000;
constexpr int kPollWhileDelayedMs = 100;

struct Request {
  std::string key;
  Transfer transfer;
  absl::Duration begins;  // of the clock that is monotonic; only with a delay
  std::string body;
  size_t most_bytes = 0;
  bool too_large = false;
  curl_slist* headers = nullptr;
};

size_t TakeBody(char* data, size_t size, size_t count, void* where) {
  Request* const request = static_cast<Request*>(where);
  if (request->body.size() + size * count > request->most_bytes) {
    request->too_large = true;
    return 0;
  }
  request->body.append(data, size * count);
  return size * count;
}

void InitCurlOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

struct Transfers::Impl {
  Impl(Ended its_ended, absl::Duration its_timeout, size_t its_most_bytes, std::string its_ca_path,
       const base::Clock* its_clock)
      : ended(std::move(its_ended)),
        timeout(its_timeout),
        most_bytes(its_most_bytes),
        ca_path(std::move(its_ca_path)),
        clock(its_clock) {
    InitCurlOnce();
    multi = curl_multi_init();
    thread = std::thread([this] { Run(); });
  }

  void Run() {
    while (true) {
      std::vector<std::unique_ptr<Request>> fresh;
      bool stop = false;
      {
        const base::MutexLock lock(&mutex);
        fresh.swap(added);
        stop = stopping;
      }
      for (std::unique_ptr<Request>& request : fresh) Take(std::move(request), stop);
      if (stop) break;
      BeginDelayed();
      int running = 0;
      curl_multi_perform(multi, &running);
      Collect();
      curl_multi_poll(multi, nullptr, 0, delayed.empty() ? kLongestPollMs : kPollWhileDelayedMs,
                      nullptr);
    }
    for (auto& [when, request] : delayed) Begin(std::move(request), true);
    while (!requests.empty()) End(requests.begin()->first, absl::CancelledError("stopping"));
  }

  void Take(std::unique_ptr<Request> request, bool stop) {
    if (stop || request->transfer.delay <= absl::ZeroDuration())
      return Begin(std::move(request), stop);
    delayed.emplace(request->begins, std::move(request));
  }

  void BeginDelayed() {
    while (!delayed.empty() && delayed.begin()->first <= clock->Monotonic()) {
      std::unique_ptr<Request> request = std::move(delayed.begin()->second);
      delayed.erase(delayed.begin());
      if (request->transfer.wanted == nullptr || request->transfer.wanted())
        Begin(std::move(request), false);
      else
        ended(request->key, absl::CancelledError("not wanted any more"));
    }
  }

  void Begin(std::unique_ptr<Request> request, bool stop) {
    CURL* const easy = stop || multi == nullptr ? nullptr : curl_easy_init();
    if (easy == nullptr) {
      ended(request->key,
            stop ? absl::CancelledError("stopping") : absl::UnavailableError("out of memory"));
      return;
    }
    request->most_bytes = most_bytes;
    Set(easy, request.get());
    curl_multi_add_handle(multi, easy);
    requests[easy] = std::move(request);
  }

  void Set(CURL* easy, Request* request) const {
    curl_easy_setopt(easy, CURLOPT_URL, request->transfer.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    const absl::Duration own = request->transfer.timeout;
    const auto millis =
        static_cast<long>(absl::ToInt64Milliseconds(own > absl::ZeroDuration() ? own : timeout));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, millis);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, millis);
    SetMessage(easy, request);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "sallyport-authsvc");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &TakeBody);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    if (!ca_path.empty()) curl_easy_setopt(easy, CURLOPT_CAPATH, ca_path.c_str());
    if (request->transfer.trust_pem.empty()) return;
    curl_blob blob{request->transfer.trust_pem.data(), request->transfer.trust_pem.size(),
                   CURL_BLOB_COPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);  // beside the folder
  }

  static void SetMessage(CURL* easy, Request* request) {
    const Transfer& transfer = request->transfer;
    for (const std::string& header : transfer.headers) {
      curl_slist* const longer = curl_slist_append(request->headers, header.c_str());
      if (longer != nullptr) request->headers = longer;
    }
    if (request->headers != nullptr) curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
    if (IsGet(transfer)) return;
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(transfer.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer.body.data());  // as long as the request
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer.method.c_str());
  }

  static bool IsGet(const Transfer& transfer) {
    return transfer.method.empty() || transfer.method == "GET";
  }

  void Collect() {
    int left = 0;
    while (CURLMsg* const message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      End(easy, StatusOf(easy, message->data.result));
    }
  }

  absl::Status StatusOf(CURL* easy, CURLcode code) const {
    const auto found = requests.find(easy);
    if (found != requests.end() && found->second->too_large)
      return absl::OutOfRangeError(absl::StrCat("the answer has more than ", most_bytes, " bytes"));
    if (code != CURLE_OK) return absl::UnavailableError(curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    const bool get = found == requests.end() || IsGet(found->second->transfer);
    if (status == 200 || (!get && status >= 200 && status < 300)) return absl::OkStatus();
    const std::string what =
        absl::StrCat("the answer has status ", status, get ? ", not 200" : ", not 2xx");
    const bool for_good =
        status >= 300 && status < 500 && status != 408 && status != 425 && status != 429;
    return for_good ? absl::FailedPreconditionError(what) : absl::UnavailableError(what);
  }

  void End(CURL* easy, const absl::Status& status) {
    const auto found = requests.find(easy);
    if (found == requests.end()) return;
    std::unique_ptr<Request> request = std::move(found->second);
    requests.erase(found);
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(request->headers);
    if (status.ok()) {
      ended(request->key, std::move(request->body));
    } else {
      ended(request->key, status);
    }
  }

  const Ended ended;
  const absl::Duration timeout;
  const size_t most_bytes;
  const std::string ca_path;
  const base::Clock* const clock;
  CURLM* multi = nullptr;
  // Of the thread alone.
  std::map<CURL*, std::unique_ptr<Request>> requests;
  std::multimap<absl::Duration, std::unique_ptr<Request>> delayed;  // by when they begin
  base::Mutex mutex;
  std::vector<std::unique_ptr<Request>> added ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool stopped ABSL_GUARDED_BY(mutex) = false;
  std::thread thread;
};

Transfers::Transfers(Ended ended, absl::Duration timeout, size_t most_bytes, std::string ca_path,
                     const base::Clock* clock)
    : impl_(std::make_unique<Impl>(std::move(ended), timeout, most_bytes, std::move(ca_path),
                                   clock)) {}

Transfers::~Transfers() {
  Stop();
  curl_multi_cleanup(impl_->multi);
}

void Transfers::Add(const std::string& key, const Transfer& transfer) {
  auto request = std::make_unique<Request>();
  request->key = key;
  request->transfer = transfer;
  request->begins = impl_->clock->Monotonic() + transfer.delay;
  {
    const base::MutexLock lock(&impl_->mutex);
    if (!impl_->stopping) {
      impl_->added.push_back(std::move(request));
      curl_multi_wakeup(impl_->multi);
      return;
    }
  }
  impl_->ended(key, absl::CancelledError("stopping"));
}

void Transfers::Stop() {
  {
    const base::MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
    if (std::exchange(impl_->stopped, true)) return;
  }
  curl_multi_wakeup(impl_->multi);
  impl_->thread.join();
}

}  // namespace sallyport::authsvc
