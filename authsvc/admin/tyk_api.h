// The Tyk gateway REST surface (reference tyk.md §2) on the admin HTTPS listener: /tyk/certs,
// /tyk/keys, /tyk/policies, /tyk/apis, /tyk/reload, /hello. Statuses, messages and shapes are
// Tyk's; writes are live at once. Beside it WSO2 APK's deployer, /api/deployer, where the admin key
// is a bearer token, or a signed token takes its place. Give Handle to
// admin_http::Router::Mount("/tyk", ...), ("/api/deployer", ...) and ("/hello", ...).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "shared/admin_http/message.h"
#include "shared/base/clock.h"

namespace sallyport::authsvc {
class KeySets;
class Writer;
}  // namespace sallyport::authsvc

namespace sallyport::authsvc::admin {

struct AdminKey {
  std::string name;    // in the audit log
  std::string sha256;  // 32 raw bytes, of the key
};

// What data planes have reported of a key since this authsvc started.
struct KeyUsage {
  int64_t last_unix_ms = 0;  // 0: never
  uint64_t allowed = 0;
  uint64_t refused = 0;
  int64_t quota_used = 0;             // in the windows that are open, of all replicas
  int64_t quota_window_end_unix = 0;  // the latest; 0: never renews, or none is open
};

// What the calls of WSO2 APK's deployer need beside an admin's.
struct DeployerOptions {
  std::string name_space = "default";      // of what comes
  std::vector<std::string> sandbox_hosts;  // of apk-confs; none: sandboxes are refused
  // Tokens of this issuer (of the default organisation) for `audience` with `scope` are taken as an
  // admin key is, there alone. Empty: none are.
  std::string token_issuer;
  std::string audience;
  std::string scope;
  const KeySets* key_sets = nullptr;  // of issuers with a jwks_url; null: those sign for nobody
  // The issuer's key set is needed. Thread-safe, does not block. May be empty.
  std::function<void(const std::string& issuer_id)> fetch;
};

struct TykApiOptions {
  std::vector<AdminKey> keys;      // none: every call is refused
  std::string default_org_id;      // for documents that name none
  bool allow_master_keys = false;  // keys without access rights reach every API
  size_t min_token_length = 3;     // of custom keys
  // Empty: nothing is known. Thread-safe.
  std::function<std::optional<KeyUsage>(absl::string_view key_id)> usage;
  DeployerOptions deployer;
  size_t max_queue = 256;  // requests that wait for the worker; more get 503
};

// Called with a function to call once, from any thread: true = every connected data plane has
// applied `revision` of `epoch`, false = gave up waiting.
using ReloadWaiter =
    std::function<void(uint64_t epoch, uint64_t revision, std::function<void(bool)> done)>;

// Thread-safe. One worker thread of its own runs the calls one after another, since a write waits
// for the store. `writer` and `clock` must outlive it.
class TykApi {
 public:
  TykApi(TykApiOptions options, Writer* writer, const base::Clock* clock, ReloadWaiter waiter);
  ~TykApi();  // answers what waits with 503, ends the worker
  TykApi(const TykApi&) = delete;
  TykApi& operator=(const TykApi&) = delete;

  // Never blocks. AdmitHead: for admin_http::ServerOptions::admit_head of the listener; refuses
  // before a body is read what Handle would refuse for its key, and any body elsewhere.
  [[nodiscard]] std::optional<admin_http::Response> AdmitHead(
      const admin_http::Request& head) const;
  void Handle(admin_http::Request request, admin_http::Responder responder);
  // In place of those of the options, from the next call on.
  void SetKeys(std::vector<AdminKey> keys);

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace sallyport::authsvc::admin
