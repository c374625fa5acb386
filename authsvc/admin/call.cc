#include "authsvc/admin/call.h"

#include "shared/base/log.h"

namespace sallyport::authsvc::admin {

bool Call::Flag(absl::string_view name) const {
  const auto value = request.Query(name);
  return value.has_value() && (*value == "true" || *value == "1");
}

std::string Call::Org() const {
  const auto value = request.Query("org_id");
  return value.has_value() ? std::string(*value) : options.default_org_id;
}

void Audit(const Call& call, absl::string_view action, absl::string_view id, uint64_t revision) {
  base::Audit(base::Level::kInfo, {{"who", call.who},
                                   {"what", action},
                                   {"id", id},
                                   {"revision", revision},
                                   {"outcome", "done"},
                                   {"peer", call.request.peer_address},
                                   {"request_id", call.request.request_id}});
}

void AuditRefused(const Call& call, absl::string_view action, absl::string_view id,
                  const absl::Status& status) {
  base::Audit(base::Level::kWarning, {{"who", call.who},
                                      {"what", action},
                                      {"id", id},
                                      {"outcome", "refused"},
                                      {"status", status},
                                      {"peer", call.request.peer_address},
                                      {"request_id", call.request.request_id}});
}

}  // namespace sallyport::authsvc::admin
