// Chooses a handler by path: exact paths first, then the longest mounted prefix (at a segment
// border). Fill it before use; then const and thread-safe.
#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "shared/admin_http/message.h"

namespace sallyport::admin_http {

class Router {
 public:
  // Replaces what was there. `path` starts with '/', without a trailing slash.
  void Exact(absl::string_view path, Handler handler);
  void Mount(absl::string_view prefix, Handler handler);
  // 404 with a JSON body where nothing matches.
  void Handle(Request request, Responder responder) const;

 private:
  std::map<std::string, Handler> exact_;
  std::map<std::string, Handler> mounted_;
};

// GET (and HEAD) only, else 405: 200 with `body` of the function's result. For /metrics, /healthz,
// /readyz.
[[nodiscard]] Handler TextHandler(std::function<std::string()> text);
// 200 "ok" while `problem()` is empty, else 503 with the problem as text.
[[nodiscard]] Handler HealthHandler(std::function<std::string()> problem);

}  // namespace sallyport::admin_http
