// One authorized call on one collection. Runs on the worker thread and may block on the store.
// Private to this folder.
#pragma once

#include <string>

#include "authsvc/apisix/answers.h"
#include "authsvc/apisix/surroundings.h"
#include "shared/admin_http/message.h"
#include "shared/base/clock.h"

namespace sallyport::authsvc {
class Writer;
}

namespace sallyport::authsvc::apisix {

struct Call {
  const admin_http::Request& request;
  std::string who;  // name of the admin key, for the audit log
  Writer& writer;
  const base::Clock& clock;
  const Surroundings& surroundings;
  const dialect::Collection& collection;
  std::string id;        // of the path; empty: the collection
  std::string sub_path;  // behind it, without the first '/'

  [[nodiscard]] bool Is(absl::string_view method) const { return request.method == method; }
  [[nodiscard]] bool force() const { return request.Query("force") == "true"; }
};

[[nodiscard]] Response HandleWrite(const Call& call);  // PUT, POST, PATCH, DELETE
[[nodiscard]] Response HandleRead(const Call& call);   // GET of one or of all
// POST /apisix/admin/schema/validate/{collection}
[[nodiscard]] Response HandleValidate(const Call& call);

// The body as one JSON value within bounds. An answer: it is none.
[[nodiscard]] std::optional<Response> ReadBody(const admin_http::Request& request, Json* out);

}  // namespace sallyport::authsvc::apisix
