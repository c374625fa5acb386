#include "authsvc/admin/answers.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr size_t kMostWarnings = 20;
constexpr size_t kLongestWarning = 400;

// Printable ASCII only: documents are hostile input and this goes into a header.
std::string HeaderText(absl::string_view text) {
  std::string out;
  for (char c : text.substr(0, kLongestWarning)) {
    out.push_back(absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '?');
  }
  return out;
}

}  // namespace

Response TextAnswer(std::string json) {
  Response response;
  response.body = std::move(json);
  response.body.push_back('\n');
  return response;
}

Response JsonAnswer(const Json& body, int status) {
  Response response = TextAnswer(body.dump(-1, ' ', false, Json::error_handler_t::replace));
  response.status = status;
  return response;
}

Response ErrorAnswer(int status, absl::string_view message) {
  return JsonAnswer({{"status", "error"}, {"message", std::string(message)}}, status);
}

Response MethodNotSupported() { return ErrorAnswer(405, "Method not supported"); }

Response KeyAnswer(absl::string_view key, absl::string_view action) {
  return JsonAnswer({{"key", std::string(key)}, {"status", "ok"}, {"action", std::string(action)}});
}

Response WriteFailure(const absl::Status& status, int otherwise, absl::string_view message) {
  const bool store = absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
                     absl::IsUnknown(status) || absl::IsDataLoss(status) ||
                     absl::IsInternal(status);
  if (!store) return ErrorAnswer(otherwise, message);
  Response response =
      ErrorAnswer(503, absl::StrCat("the store does not take writes: ", status.message()));
  response.headers.emplace_back("Retry-After", "5");
  return response;
}

void AddWarnings(const std::vector<std::string>& warnings, Response* response) {
  for (size_t i = 0; i < warnings.size() && i < kMostWarnings; ++i) {
    response->headers.emplace_back("X-Sallyport-Warning", HeaderText(warnings[i]));
  }
}

}  // namespace sallyport::authsvc::admin
