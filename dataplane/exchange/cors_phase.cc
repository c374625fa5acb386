// Cross-origin requests: a preflight is answered here, before anybody is asked for a credential,
// and never forwarded; other answers carry what the API allows its callers' pages to see.
#include "dataplane/exchange/exchange.h"

namespace sallyport::dataplane {

bool Exchange::TakesPreflight(const dataplane::Route& route) const {
  return route.cors.enabled && IsPreflight(head_.method, head_.fields);
}

OwnAnswer Exchange::Preflight() const {
  OwnAnswer answer;
  answer.status = kPreflightStatus;
  answer.fields = PreflightFields(FoundRoute()->cors, head_.fields);
  answer.fields.emplace_back("X-Request-Id", request_id_);
  return answer;
}

void Exchange::GatherCorsFields() {
  answer_add_.clear();
  if (!match_.route->cors.enabled) return;
  cors_text_ = CorsFields(match_.route->cors, head_.fields);
  for (const auto& [name, value] : cors_text_) answer_add_.push_back({name, value});
}

}  // namespace sallyport::dataplane
