// Where a document of Tyk's names certificates. Each dialect has its own places, and nothing else
// is one: whoever wrote the rest of a document (schemas and examples of an OpenAPI definition, what
// scripts are told) must not choose which files are read. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "authsvc/dialects/node.h"

namespace sallyport::authsvc::ctl {

struct CertificatePlace {
  dialects::Node* node;  // a text, inside of the document
  std::string path;      // "client_certificates[0]"
  bool with_key;         // what is named is used with its private key
};

// `as`: the dialect that was said; empty: what the document is recognised as, as authsvc does it.
// None of what is not recognised.
[[nodiscard]] std::vector<CertificatePlace> FindCertificatePlaces(dialects::Node* document,
                                                                  absl::string_view as);

}  // namespace sallyport::authsvc::ctl
