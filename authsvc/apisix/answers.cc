#include "authsvc/apisix/answers.h"

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::apisix {
namespace {

Response Made(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  response.headers.emplace_back("X-API-VERSION", "v3");
  return response;
}

}  // namespace

Response JsonAnswer(int status, const Json& body) {
  // Texts of documents may hold anything: what is not UTF-8 is replaced, never thrown over.
  return Made(status, body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Response ErrorAnswer(int status, absl::string_view message) {
  return JsonAnswer(status, {{"error_msg", std::string(message)}});
}

Response NotFound() { return JsonAnswer(404, {{"message", "Key not found"}}); }

Response PageAnswer(int status, absl::string_view title) {
  const std::string whole = absl::StrCat(status, " ", title);
  Response response = Made(
      status,
      absl::StrCat("<html>\r\n<head><title>", whole, "</title></head>\r\n<body>\r\n<center><h1>",
                   status == 400 ? "400 Bad Request" : whole, "</h1></center>\r\n<center>", title,
                   "</center>\r\n</body>\r\n</html>\r\n"));
  response.content_type = "text/html; charset=utf-8";
  return response;
}

}  // namespace sallyport::authsvc::apisix
