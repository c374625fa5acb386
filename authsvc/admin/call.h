// One authorized call of the REST surface on its way through the handlers. Private to this folder.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "authsvc/admin/tyk_api.h"
#include "shared/admin_http/message.h"

namespace sallyport::authsvc {
class Writer;
}

namespace sallyport::authsvc::admin {

struct Call {
  const admin_http::Request& request;
  std::string rest;  // of the path, behind "/tyk/certs/" and the like; may be empty
  std::string who;   // name of the admin key, for the audit log
  const TykApiOptions& options;
  Writer& writer;
  const base::Clock& clock;

  [[nodiscard]] bool Is(absl::string_view method) const { return request.method == method; }
  [[nodiscard]] bool Flag(absl::string_view name) const;  // ?name=true or =1
  // The org of the query, or the default.
  [[nodiscard]] std::string Org() const;
};

// A write, done or refused, in the audit log. `id` never is a token.
void Audit(const Call& call, absl::string_view action, absl::string_view id, uint64_t revision);
void AuditRefused(const Call& call, absl::string_view action, absl::string_view id,
                  const absl::Status& status);

}  // namespace sallyport::authsvc::admin
