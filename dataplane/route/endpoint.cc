#include "dataplane/route/endpoint.h"

namespace sallyport::dataplane {

EndpointChanges ChangesFor(const std::vector<Endpoint>& endpoints, absl::string_view method,
                           absl::string_view path) {
  EndpointChanges changes;
  for (const Endpoint& endpoint : endpoints) {
    if (!Matches(endpoint.rule, method, path, Broken::kMatchesNothing)) continue;
    if (changes.request_headers == nullptr && !endpoint.request_headers.empty())
      changes.request_headers = &endpoint.request_headers;
    if (changes.answer_headers == nullptr && !endpoint.answer_headers.empty())
      changes.answer_headers = &endpoint.answer_headers;
    // What is sent for a HEAD has to have an answer without a body.
    if (changes.method == nullptr && !endpoint.method.empty() && method != "HEAD")
      changes.method = &endpoint.method;
    if (changes.rewrite == nullptr && endpoint.rewrite.has_value())
      changes.rewrite = &*endpoint.rewrite;
    if (changes.virtual_endpoint == nullptr && endpoint.virtual_endpoint.has_value())
      changes.virtual_endpoint = &*endpoint.virtual_endpoint;
    if (changes.max_body_bytes == 0) changes.max_body_bytes = endpoint.max_body_bytes;
    if (changes.timeout == absl::ZeroDuration()) changes.timeout = endpoint.timeout;
  }
  return changes;
}

}  // namespace sallyport::dataplane
