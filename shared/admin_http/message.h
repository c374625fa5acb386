// One request to an administrative listener and its answer: plain values, no library types.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace sallyport::admin_http {

using NameValues = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // as sent; only methods that HTTP defines get here
  std::string target;  // as sent: path and query
  std::string path;    // percent-decoded once; no trailing slash except "/" itself
  NameValues query;    // decoded, in order
  NameValues headers;  // lower-case names, in order
  std::string body;
  bool tls = false;
  std::string peer_address;  // without port
  // What the client presented on this TLS connection, DER, leaf first; empty: none came. Possession
  // of the leaf's key was proven. The path was verified only where ServerOptions::client_ca_file is
  // set; there one that does not verify is none, and `peer_error` says what is wrong with it.
  std::vector<std::string> peer_chain_der;
  std::string peer_error;
  std::string request_id;  // also on the answer, as X-Request-Id

  // The first of that name; names of headers in lower case.
  [[nodiscard]] std::optional<absl::string_view> Header(absl::string_view name) const;
  [[nodiscard]] std::optional<absl::string_view> Query(absl::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  NameValues headers;  // further ones
};

// The right to answer one request, once, from any thread, now or later. Cheap to copy; the first
// Send counts. When the last copy goes without Send, the client gets a 500. May outlive the server:
// Send then does nothing.
class Responder {
 public:
  using Deliver = std::function<void(Response)>;
  explicit Responder(Deliver deliver);
  void Send(Response response) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Runs on the server's thread: must not block.
using Handler = std::function<void(Request, Responder)>;

// Judges a request by its head, before any of its body is read (`body` is empty). An answer ends
// the connection; none: go on. Runs on the server's thread: must not block.
using AdmitHead = std::function<std::optional<Response>(const Request&)>;

}  // namespace sallyport::admin_http
