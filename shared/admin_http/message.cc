#include "shared/admin_http/message.h"

#include <atomic>

namespace sallyport::admin_http {
namespace {

std::optional<absl::string_view> First(const NameValues& pairs, absl::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return absl::string_view(value);
  }
  return std::nullopt;
}

}  // namespace

std::optional<absl::string_view> Request::Header(absl::string_view name) const {
  return First(headers, name);
}

std::optional<absl::string_view> Request::Query(absl::string_view name) const {
  return First(query, name);
}

struct Responder::State {
  explicit State(Deliver function) : deliver(std::move(function)) {}
  ~State() {
    if (sent.load()) return;
    Response response;
    response.status = 500;
    response.body = "{\"status\":\"error\",\"message\":\"no answer was made\"}\n";
    deliver(std::move(response));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Deliver deliver;
  std::atomic<bool> sent{false};
};

Responder::Responder(Deliver deliver) : state_(std::make_shared<State>(std::move(deliver))) {}

void Responder::Send(Response response) const {
  if (state_->sent.exchange(true)) return;
  state_->deliver(std::move(response));
}

}  // namespace sallyport::admin_http
