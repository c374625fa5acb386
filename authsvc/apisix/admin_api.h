// APISIX's Admin API (reference apisix.md A1): /apisix/admin/{ssls,routes,services,upstreams,
// consumers,global_rules,plugin_configs}, schema validation, /apisix/status. Statuses, messages and
// envelope are APISIX's; writes are live at once. Mount Handle at "/apisix".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/apisix/surroundings.h"
#include "sallyport/v1/admin.pb.h"
#include "shared/admin_http/message.h"
#include "shared/base/clock.h"

namespace sallyport::authsvc {
class Writer;
}

namespace sallyport::authsvc::apisix {

struct AdminKey {
  std::string name;          // in the audit log
  std::string sha256;        // 32 raw bytes, of the key
  bool viewer = false;       // GET alone
  bool apisix_only = false;  // of no use to the other APIs of this service
};

struct AdminApiSettings {
  std::vector<AdminKey> keys;  // none: every call is refused
  Surroundings surroundings;
  bool cors = true;  // browsers of any origin may call, without what they would send by themselves
};

struct AdminApiOptions {
  AdminApiSettings settings;
  size_t max_queue = 256;  // requests that wait for the worker; more get 503
};

// Thread-safe. One worker thread of its own runs the calls one after another, since a write waits
// for the store. `writer` and `clock` must outlive it.
class AdminApi {
 public:
  AdminApi(AdminApiOptions options, Writer* writer, const base::Clock* clock);
  ~AdminApi();  // answers what waits with 503, ends the worker
  AdminApi(const AdminApi&) = delete;
  AdminApi& operator=(const AdminApi&) = delete;

  // Neither blocks. AdmitHead refuses before a body is read what Handle would refuse for its key.
  [[nodiscard]] std::optional<admin_http::Response> AdmitHead(
      const admin_http::Request& head) const;
  void Handle(admin_http::Request request, admin_http::Responder responder);

  // ImportObjects with the settings in force. Blocks on the store: not for the listener's thread.
  [[nodiscard]] absl::StatusOr<::sallyport::v1::ApplyResponse> Import(
      absl::string_view who, const ::sallyport::v1::ApplyRequest& request) const;
  // In place of those that it was made with, from the next call on.
  void Set(AdminApiSettings settings);

  // For a listener that requires a client certificate and got none, or a `wrong` one (reference
  // apisix.md A2).
  [[nodiscard]] static admin_http::Response CertificateRequired(bool wrong = false);

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace sallyport::authsvc::apisix
