// Where a document of Tyk's names certificates. Each dialect has its own places, and nothing else
// is one: whoever wrote the rest of a document (schemas and examples of an OpenAPI definition, what
// scripts are told) must not choose which files are read. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "authsvc/dialects/node.h"

namespace sallyport::authsvc::ctl {

struct CertificatePlace {
  enum class What : uint8_t {
    kCertificate,  // an id, a name, PEM or a file, or several with commas between
    kWithKey,      // the same, used with its private key
    kFile,         // a file of certificates, or PEM
    kKeyFile       // a file of a private key, or PEM
  };
  dialects::Node* node;  // a text, inside of the document
  std::string path;      // "client_certificates[0]"
  What what;
};

// `as`: the dialect that was said; empty: what the document is recognised as, as authsvc does it.
// None of what is not recognised.
[[nodiscard]] std::vector<CertificatePlace> FindCertificatePlaces(dialects::Node* document,
                                                                  absl::string_view as);

}  // namespace sallyport::authsvc::ctl
