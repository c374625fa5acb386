// An OpenAPI document without Tyk's extension -> one with it, as Tyk's import and PATCH do. Pure.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "authsvc/dialects/node.h"

namespace sallyport::authsvc::dialects {

// The query of the call. What is not given stays as it is.
struct OasParameters {
  std::string upstream_url;  // else that of the first of `servers`, for a new extension
  std::string listen_path;   // else "/", for a new extension
  std::string custom_domain;
  std::optional<bool> authentication;  // by the first entry of `security`
  std::optional<bool> allow_list;      // every operation of `paths`, and nothing else
};

// `stored`: the extension that the API has (null: a new one is made). kInvalidArgument with a text
// for the caller.
[[nodiscard]] absl::StatusOr<Node> WithTykExtension(Node document, const Node* stored,
                                                    const OasParameters& parameters);

// Puts `id` into the extension where it has none. Answers the id that it has then.
std::string GiveOasId(Node* document, const std::string& id);

}  // namespace sallyport::authsvc::dialects
