#include "shared/admin_http/router.h"

namespace sallyport::admin_http {
namespace {

bool IsRead(const Request& request, const Responder& responder) {
  if (request.method == "GET" || request.method == "HEAD") return true;
  Response response;
  response.status = 405;
  response.body = "{\"status\":\"error\",\"message\":\"Method not supported\"}\n";
  response.headers.emplace_back("Allow", "GET, HEAD");
  responder.Send(std::move(response));
  return false;
}

}  // namespace

void Router::Exact(absl::string_view path, Handler handler) {
  exact_[std::string(path)] = std::move(handler);
}

void Router::Mount(absl::string_view prefix, Handler handler) {
  mounted_[std::string(prefix)] = std::move(handler);
}

void Router::Handle(Request request, Responder responder) const {
  if (const auto it = exact_.find(request.path); it != exact_.end()) {
    return it->second(std::move(request), std::move(responder));
  }
  const Handler* best = nullptr;
  size_t best_length = 0;
  for (const auto& [prefix, handler] : mounted_) {
    const bool inside =
        request.path.compare(0, prefix.size(), prefix) == 0 &&
        (request.path.size() == prefix.size() || request.path[prefix.size()] == '/');
    if (inside && prefix.size() >= best_length) {
      best = &handler;
      best_length = prefix.size();
    }
  }
  if (best != nullptr) return (*best)(std::move(request), std::move(responder));
  Response response;
  response.status = 404;
  response.body = "{\"status\":\"error\",\"message\":\"Not found\"}\n";
  responder.Send(std::move(response));
}

Handler TextHandler(std::function<std::string()> text) {
  return [text = std::move(text)](const Request& request, const Responder& responder) {
    if (!IsRead(request, responder)) return;
    Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = text();
    responder.Send(std::move(response));
  };
}

Handler HealthHandler(std::function<std::string()> problem) {
  return [problem = std::move(problem)](const Request& request, const Responder& responder) {
    if (!IsRead(request, responder)) return;
    const std::string text = problem();
    Response response;
    response.content_type = "text/plain; charset=utf-8";
    response.status = text.empty() ? 200 : 503;
    response.body = (text.empty() ? "ok" : text) + "\n";
    responder.Send(std::move(response));
  };
}

}  // namespace sallyport::admin_http
