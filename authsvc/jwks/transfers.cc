#include "authsvc/jwks/transfers.h"

#include <curl/curl.h>

#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {
namespace {

constexpr int kLongestPollMs = 1000;

struct Get {
  std::string key;
  Transfer transfer;
  std::string body;
  size_t most_bytes = 0;
  bool too_large = false;
};

size_t TakeBody(char* data, size_t size, size_t count, void* where) {
  Get* const get = static_cast<Get*>(where);
  if (get->body.size() + size * count > get->most_bytes) {
    get->too_large = true;
    return 0;
  }
  get->body.append(data, size * count);
  return size * count;
}

void InitCurlOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

struct Transfers::Impl {
  Impl(Ended its_ended, absl::Duration its_timeout, size_t its_most_bytes, std::string its_ca_path)
      : ended(std::move(its_ended)),
        timeout(its_timeout),
        most_bytes(its_most_bytes),
        ca_path(std::move(its_ca_path)) {
    InitCurlOnce();
    multi = curl_multi_init();
    thread = std::thread([this] { Run(); });
  }

  void Run() {
    while (true) {
      std::vector<std::unique_ptr<Get>> fresh;
      bool stop = false;
      {
        const base::MutexLock lock(&mutex);
        fresh.swap(added);
        stop = stopping;
      }
      for (std::unique_ptr<Get>& get : fresh) Begin(std::move(get), stop);
      if (stop) break;
      int running = 0;
      curl_multi_perform(multi, &running);
      Collect();
      curl_multi_poll(multi, nullptr, 0, kLongestPollMs, nullptr);
    }
    while (!gets.empty()) End(gets.begin()->first, absl::CancelledError("stopping"));
  }

  void Begin(std::unique_ptr<Get> get, bool stop) {
    CURL* const easy = stop || multi == nullptr ? nullptr : curl_easy_init();
    if (easy == nullptr) {
      ended(get->key, absl::UnavailableError("stopping, or out of memory"));
      return;
    }
    get->most_bytes = most_bytes;
    Set(easy, get.get());
    curl_multi_add_handle(multi, easy);
    gets[easy] = std::move(get);
  }

  void Set(CURL* easy, Get* get) const {
    curl_easy_setopt(easy, CURLOPT_URL, get->transfer.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     static_cast<long>(absl::ToInt64Milliseconds(timeout)));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(absl::ToInt64Milliseconds(timeout)));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "sallyport-authsvc");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &TakeBody);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, get);
    if (!ca_path.empty()) curl_easy_setopt(easy, CURLOPT_CAPATH, ca_path.c_str());
    if (get->transfer.trust_pem.empty()) return;
    curl_blob blob{get->transfer.trust_pem.data(), get->transfer.trust_pem.size(), CURL_BLOB_COPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);  // beside the folder
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
    const auto found = gets.find(easy);
    if (found != gets.end() && found->second->too_large)
      return absl::OutOfRangeError(absl::StrCat("the answer has more than ", most_bytes, " bytes"));
    if (code != CURLE_OK) return absl::UnavailableError(curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("the answer has status ", status, ", not 200"));
  }

  void End(CURL* easy, const absl::Status& status) {
    const auto found = gets.find(easy);
    if (found == gets.end()) return;
    std::unique_ptr<Get> get = std::move(found->second);
    gets.erase(found);
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    if (status.ok()) {
      ended(get->key, std::move(get->body));
    } else {
      ended(get->key, status);
    }
  }

  const Ended ended;
  const absl::Duration timeout;
  const size_t most_bytes;
  const std::string ca_path;
  CURLM* multi = nullptr;
  std::map<CURL*, std::unique_ptr<Get>> gets;  // of the thread alone
  base::Mutex mutex;
  std::vector<std::unique_ptr<Get>> added ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool stopped ABSL_GUARDED_BY(mutex) = false;
  std::thread thread;
};

Transfers::Transfers(Ended ended, absl::Duration timeout, size_t most_bytes, std::string ca_path)
    : impl_(std::make_unique<Impl>(std::move(ended), timeout, most_bytes, std::move(ca_path))) {}

Transfers::~Transfers() {
  Stop();
  curl_multi_cleanup(impl_->multi);
}

void Transfers::Add(const std::string& key, const Transfer& transfer) {
  auto get = std::make_unique<Get>();
  get->key = key;
  get->transfer = transfer;
  const base::MutexLock lock(&impl_->mutex);
  impl_->added.push_back(std::move(get));
  curl_multi_wakeup(impl_->multi);
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
