#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "authsvc/apisix/resources.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::apisix {
namespace {

constexpr size_t kMostBytes = 1'572'864;

}  // namespace

// Read twice: the reader bounds depth and number of values and refuses names that stand twice; what
// it took, the other one takes as well.
std::optional<Response> ReadBody(const admin_http::Request& request, Json* out) {
  const std::string& body = request.body;
  if (absl::StripAsciiWhitespace(body).empty()) return ErrorAnswer(400, "missing configurations");
  if (body.size() > kMostBytes) {
    return ErrorAnswer(400,
                       absl::StrCat("invalid request body: request size ", body.size(),
                                    " is greater than the maximum size ", kMostBytes, " allowed"));
  }
  const auto checked = dialects::ReadJson(body);
  if (!checked.ok())
    return ErrorAnswer(400, absl::StrCat("invalid request body: ", checked.status().message()));
  *out = Json::parse(body, nullptr, false);
  if (out->is_discarded()) return ErrorAnswer(400, "invalid request body: no JSON");
  return std::nullopt;
}

}  // namespace sallyport::authsvc::apisix
